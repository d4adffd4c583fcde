"""Stored parts made visible without running any of their code.

Pickles are never loaded here: they are shown by the text that was taken when they were stored. What is sent is capped,
whatever is stored.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spotmagic.catalog.told import OUTPUTS
from spotmagic.codecs import is_safe, outline
from spotmagic.codecs.streams import Recording
from spotmagic.dashboard.table import strip, table
from spotmagic.dashboard.tree import ValueTree
from spotmagic.dashboard.wire import Shape
from spotmagic.store.entry import Entry, Part
from spotmagic.values.shown import REPR, TYPE
from spotmagic.values.thumbnail import is_picture, pixels
from spotmagic.words import counted

SENT = 2_000_000  # bytes of one preview
TEXT = 40_000  # letters of a first look; "show more" gives up to SENT
READ = 256_000_000  # parts above this size are not decoded for a look
FIRST_BYTES = 256
EVENTS = 50

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp"}
_MEDIA = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "image/avif", "image/bmp"}
    | {"audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/mp4", "audio/webm"}
    | {"video/mp4", "video/webm", "video/ogg"}
)
_KINDS = frozenset({"stdout", "stderr", "display", "update", "clear", "result"})
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Logged:
    """One thing that a cell put out: a text, or a bundle by mime type."""

    kind: str
    text: str
    data: Mapping[str, Any]


class Preview:
    """How one part of an entry looks.

    Args:
        more: up to 2 MB of a text and ten times as many nodes or rows, instead of a first look.

    Attributes:
        shape: what to show, as plain JSON.
        buffers: the bytes it refers to by index.
    """

    def __init__(self, entry: Entry, part: Part, *, more: bool = False) -> None:
        self._trusted, self._notes, self._more = entry.trusted, entry.notes if len(entry.parts) == 1 else {}, more
        self._letters = SENT if more else TEXT
        self._scale = 10 if more else 1
        self.buffers: list[bytes] = []
        self._is_log = entry.kind == "cell" and part.name == OUTPUTS
        self.shape = self._part(part, (entry.content_type or "") if len(entry.parts) == 1 else "")

    def _part(self, part: Part, content_type: str) -> Shape:
        # Of the user's own entries too: a look must not run the code of their classes.
        if not is_safe(part.codecs):
            return self._sealed(part, "It is kept as a pickle, which is not opened for a look.")
        if part.size > READ:
            return self._sealed(part, "It is too large for a look.")
        try:
            value = outline(part.codecs, part.head, part.buffers)
        except Exception as error:  # a value that cannot be made here is shown as what it is: bytes
            return self._sealed(part, f"It cannot be read here: {error}")
        log = _log(value) if self._is_log else None
        if log is not None:
            return self._outputs(log)
        return self.value(value, content_type)

    def value(self, value: Any, content_type: str = "") -> Shape:
        """How a value looks; its content type says more than its type."""
        if isinstance(value, Recording):
            value = value.told(10_000)
        mime = content_type.split(";")[0].strip().lower()
        if isinstance(value, str):
            return self._text(value, mime)
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(bytes(value), mime)
        if isinstance(value, BaseException):
            text = _message(value)[: self._letters]
            return {"view": "error", "type": type(value).__name__, "text": text}
        picture = _picture(value)
        if picture is not None:
            return self._media("image/png", picture)
        shape = strip(value) or table(value, scale=self._scale)
        if shape is not None:
            return shape
        tree = ValueTree(value, scale=self._scale)
        name, found = tree.main()
        main = strip(found) or (self._text(found) if isinstance(found, str) else None)
        return {"view": "tree", "tree": tree.root, "whole": tree.whole, "name": name, "main": main}

    def _sealed(self, part: Part, why: str) -> Shape:
        """What is not opened: as the text it told of itself when it was stored; its bytes when they are asked for."""
        shape = _hex(part.head if self._more else b"", part.size, why, self._notes.get(TYPE) or ", ".join(part.codecs))
        return shape | {"text": self._notes.get(REPR, "")}

    def _text(self, text: str, mime: str = "", label: str = "") -> Shape:
        if mime == "image/svg+xml":
            return self._media(mime, text.encode("utf-8", "replace"))
        cut = text[: self._letters]
        size = len(text)
        whole = len(cut) == size
        if mime == "text/html" and self._trusted:  # in a frame without script, where the page shows it
            return {"view": "html", "html": cut, "size": size, "whole": whole}
        shape: Shape = {"view": "text", "text": cut, "size": size, "whole": whole}
        if mime == "text/markdown":
            shape["markdown"] = True
        if label:
            shape["label"] = label
        return shape

    def _bytes(self, data: bytes, mime: str) -> Shape:
        mime = mime if mime in _MEDIA else _sniff(data)
        if mime:
            return self._media(mime, data)
        text = _as_text(data)
        if text is not None:
            return self._text(text)
        return _hex(data if self._more else b"", len(data), "", "bytes") | {"text": ""}

    def _media(self, mime: str, data: bytes) -> Shape:
        if len(data) > SENT * self._scale:
            return {"view": "none", "why": f"{mime}, {counted(len(data), 'byte')}: too large for a look."}
        self.buffers.append(data)
        place, size = len(self.buffers) - 1, len(data)
        return {"view": "media", "media": mime.split("/")[0], "mime": mime, "buffer": place, "size": size}

    def _outputs(self, log: list[Logged]) -> Shape:
        items = [shape for event in log[:EVENTS] if (shape := self._event(event))]
        if not items:
            return {"view": "none", "why": "The cell put nothing out."}
        return {"view": "list", "items": items, "more": max(0, len(log) - EVENTS)}

    def _event(self, event: Logged) -> Shape | None:
        """One output, in the richest form that can be shown safely."""
        if event.text:
            return self._text(event.text, label=event.kind if event.kind == "stderr" else "")
        for mime in ("image/png", "image/jpeg", "image/gif", "image/webp"):
            if isinstance(event.data.get(mime), bytes | str):
                data = _raster(event.data[mime])
                if data:
                    return self._media(mime, data)
        for mime in ("image/svg+xml", "text/html"):
            body = event.data.get(mime)
            if self._trusted and isinstance(body, str):
                return self._text(body, mime)
        if "application/json" in event.data:
            return self.value(event.data["application/json"])
        for mime in ("text/markdown", "text/latex", "text/plain"):
            if isinstance(event.data.get(mime), str):
                return self._text(event.data[mime], mime)
        return None


def _log(value: Any) -> list[Logged] | None:
    """What a cell put out, as it is kept: ``{"log": [[kind, text, data, metadata, display_id, wait], …]}``.

    ``None`` for anything else: whoever wrote the entry may be anybody, and may have called anything `outputs`.
    """
    log = value.get("log") if isinstance(value, dict) else value
    if not isinstance(log, list) or not all(map(_is_event, log)):
        return None
    return [Logged(*packed[:3]) for packed in log]


def _is_event(packed: Any) -> bool:
    if not isinstance(packed, list | tuple) or len(packed) != _FIELDS:
        return False
    kind, text, data = packed[:3]
    return isinstance(kind, str) and kind in _KINDS and isinstance(text, str) and isinstance(data, dict)


def _hex(data: bytes, size: int, why: str, kind: str) -> Shape:
    return {"view": "hex", "hex": data[:FIRST_BYTES].hex(), "size": size, "why": why, "type": kind}


def _picture(value: Any) -> bytes | None:
    """The PNG of a PIL image, or of an array that is a picture."""
    if type(value).__module__ == "numpy" and is_picture(value) and value.size:
        return pixels(value, 640)
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or not isinstance(value, pillow.Image):
        return None
    out = io.BytesIO()
    image = value if value.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else value.convert("RGB")
    if image.width * image.height > 2_000_000:
        image = image.copy()  # thumbnail() changes the image it is asked of
        image.thumbnail((1600, 1600))
    image.save(out, "PNG")
    return out.getvalue()


def _raster(body: str | bytes) -> bytes:
    if isinstance(body, bytes):
        return body
    import binascii

    try:
        return binascii.a2b_base64(body)
    except (binascii.Error, ValueError):
        return b""


def _sniff(data: bytes) -> str:
    """The media type that the first bytes tell, or empty. What could hold script is never guessed."""
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return next((mime for magic, mime in _MAGIC if data.startswith(magic)), "")


def _as_text(data: bytes) -> str | None:
    if b"\0" in data[:4096]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _message(error: BaseException) -> str:
    """What an exception was given. Its own ``__str__`` is the user's code and is not asked."""
    return ", ".join(str(arg) for arg in error.args if isinstance(arg, str | int | float))
