"""A value in a few words that tell its size and nothing of its content."""

from __future__ import annotations

import textwrap
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.notebook.secrets import mask

_SHAPED = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch", "scipy"})
_SIZED = (list, tuple, dict, set, frozenset)
_LINE = 60
_LONG = 64  # the length of a short text could tell something of a password


def summary(value: Any) -> str:
    """What a value is: ``"list, 3 items"``, ``"DataFrame, 100 x 5"``, ``"ndarray of float64, 2 x 3"``, ``"int"``."""
    kind = type(value)
    name = kind.__name__
    if kind.__module__.partition(".")[0] in _SHAPED:
        return _shaped(value, name)
    if isinstance(value, _SIZED):
        return f"{name}, {len(value):,} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, str | bytes | bytearray) and len(value) >= _LONG:
        return f"{name}, {len(value):,} {'characters' if isinstance(value, str) else 'bytes'}"
    return name


def _shaped(value: Any, name: str) -> str:
    try:
        shape = " x ".join(f"{length:,}" for length in value.shape)
        kind = getattr(value, "dtype", None)
    except Exception:
        return name
    return f"{name}{f' of {kind}' if kind is not None else ''}{f', {shape}' if shape else ''}"


def label(code: CellCode) -> str:
    """What a cell is called that was given no name: by what it writes, else by its first line."""
    names = (name for name in code.writes - code.defined if not name.startswith("_"))
    found = ", ".join(sorted(names, key=lambda name: (code.normal.find(name), name))[:3])
    line = mask(code.normal).partition("\n")[0]
    return found or (line if len(line) <= _LINE else textwrap.shorten(line, _LINE, placeholder="…")) or "cell"
