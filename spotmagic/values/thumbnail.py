"""A result as a picture of a few dozen points, as PNG in base64: images, arrays, tables, rows of numbers.

What is drawn is a sample taken before anything is copied, so that a large value costs no more than a small one.
"""

from __future__ import annotations

import base64
import io
import struct
import sys
import zlib
from collections.abc import Sequence
from math import isfinite
from typing import Any

MOST = 1_500  # bytes, so that the text is one of 2,000 letters
WIDE, ROWS, COLUMNS, FEWEST = 64, 24, 16, 8
_SIDES = 48, 32, 24, 16
_LARGEST = 20_000_000  # bytes of a packed picture that is unpacked for this
_PACKED = b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"RIFF"


def thumbnail(value: Any) -> str:
    """The picture of a value, or empty where there is none to draw."""
    kind = type(value)
    if kind is list or kind is tuple:
        return _strip(_sample(value)) if is_row(value) else ""
    if kind is bytes:
        return _of_packed(value) if value.startswith(_PACKED) and len(value) <= _LARGEST else ""
    library = kind.__module__.partition(".")[0]
    if library == "PIL":
        return _of_image(value)
    if library in ("pandas", "polars", "geopandas") and hasattr(value, "columns"):
        return _of_table(value)
    if library in ("pandas", "polars", "torch") and hasattr(value, "to_numpy" if library != "torch" else "numpy"):
        # Thinned before it is converted, as a column of Arrow is copied for that; a tensor is seen where it lies.
        value = value.detach().numpy() if library == "torch" else value[:: max(1, len(value) // WIDE)].to_numpy()
    numpy = sys.modules.get("numpy")
    return _of_array(numpy, value) if numpy is not None and isinstance(value, numpy.ndarray) else ""


def is_row(value: Any) -> bool:
    """Whether a list or tuple is a row of numbers, such as an embedding."""
    if type(value) not in (list, tuple) or len(value) < FEWEST or type(value[0]) is not float:
        return False
    return all(type(one) is float for one in _sample(value))


def _sample(value: Sequence[Any]) -> list[Any]:
    step = max(1, len(value) // WIDE)
    return list(value[: step * WIDE : step])


def _of_array(numpy: Any, value: Any) -> str:
    if value.dtype.kind not in "fiub" or 0 in value.shape:
        return ""
    if value.ndim == 1:
        return _strip([float(one) for one in _sample(value)]) if len(value) >= FEWEST else ""
    if is_picture(value):
        return _fitting(lambda side: pixels(value, side))
    if value.ndim != 2:
        return ""
    down, across = (-(-length // ROWS) for length in value.shape)
    return _heat(numpy.asarray(value[::down, ::across], dtype=float).tolist())


def is_picture(value: Any) -> bool:
    """Whether an array of numpy is a picture: rows of points of three colours, or of four numbers."""
    return getattr(value, "ndim", 0) == 3 and value.shape[2] in (3, 4) and value.dtype.str in ("|u1", "<f4", "<f8")


def pixels(value: Any, side: int) -> bytes:
    """The PNG of such an array, thinned to so many points a side."""
    numpy = sys.modules["numpy"]
    step = max(-(-length // side) for length in value.shape[:2])
    small = value[::step, ::step, :3]
    if small.dtype.kind == "f":
        small = numpy.nan_to_num(small.clip(0, 1) * 255)
    return _png(small.shape[1], small.shape[0], small.astype("uint8").tobytes(), 3)


def _of_packed(data: bytes) -> str:
    """Of a picture that a plot or a page gave, by the library that is loaded already where one was drawn."""
    pillow = sys.modules.get("PIL.Image")
    return _of_image(pillow.open(io.BytesIO(data))) if pillow is not None else ""


def _of_image(image: Any) -> str:
    factor = max(1, min(image.size) // 200)
    small = (image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")).reduce(factor).convert("RGB")

    def at(side: int) -> bytes:
        shown = small.copy()
        shown.thumbnail((side, side))
        return _png(shown.width, shown.height, shown.tobytes(), 3)

    return _fitting(at)


def _of_table(value: Any) -> str:
    """A table as its cells: dark is large among the numbers of a column, what is no number is grey."""
    step = max(1, -(-len(value) // ROWS))
    columns = []
    for name in list(value.columns)[:COLUMNS]:
        column = value[name][::step]
        numbers = column.to_numpy() if getattr(column, "ndim", 1) == 1 else None
        if numbers is None or numbers.dtype.kind not in "fiub":
            columns.append([0.3] * min(ROWS, len(column)))
            continue
        found = [float(one) for one in numbers]
        low, spread = _bounds(found)
        columns.append([(one - low) / spread for one in found])
    if not columns or not columns[0]:
        return ""
    return _heat([list(row) for row in zip(*columns, strict=True)], within=(0.0, 1.0))


def _bounds(numbers: Sequence[float]) -> tuple[float, float]:
    known = [one for one in numbers if isfinite(one)] or [0.0]
    return min(known), (max(known) - min(known)) or 1.0


def _heat(rows: list[list[float]], within: tuple[float, float] | None = None) -> str:
    low, spread = within or _bounds([one for row in rows for one in row])
    shades = bytes(_byte(1 - (one - low) / spread, 20, 245) if isfinite(one) else 255 for row in rows for one in row)
    return _coded(_png(len(rows[0]), len(rows), shades, 1))


def _strip(numbers: Sequence[float]) -> str:
    """A row of numbers: blue below zero, red above it, pale near it."""
    most = max((abs(one) for one in numbers if isfinite(one)), default=0.0) or 1.0
    points = bytearray()
    for one in numbers:
        part = one / most if isfinite(one) else 0.0
        pale = _byte(1 - abs(part), 30, 235)
        points += bytes((225, pale, pale) if part >= 0 else (pale, pale, 225))
    return _coded(_png(len(numbers), 1, bytes(points), 3))


def _byte(part: float, low: int, high: int) -> int:
    return int(low + (high - low) * min(max(part, 0.0), 1.0))


def _fitting(draw: Any) -> str:
    return next((_coded(data) for side in _SIDES if len(data := draw(side)) <= MOST), "")


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode() if len(data) <= MOST else ""


def _png(width: int, height: int, points: bytes, each: int) -> bytes:
    """A PNG of bytes row by row: one for a shade of grey, or three for a colour."""
    line = width * each
    rows = b"".join([b"\0" + points[at : at + line] for at in range(0, line * height, line)])
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if each == 3 else 0, 0, 0, 0)
    pieces = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in pieces
    )
