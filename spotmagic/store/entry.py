"""What is kept for a key: an entry, its parts, and the ways an entry can be bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

Status = Literal["value", "error", "partial"]
Wrong = Literal["foreign", "corrupt", "unknown codec", "newer format", "not restorable"]

NO_INPUTS: Mapping[str, bytes] = MappingProxyType({})
NO_NOTES: Mapping[str, str] = MappingProxyType({})
MADE_BY_OLD = "made by 0.1.0"
"""Among the inputs of a result of format 1: that version keyed calls in a way of its own, so no call finds it now."""
MASKED = "masked"
"""A note: which secrets count in the key, under a mask that only its owner can make."""


Piece = bytes | memoryview

# Every limit of the formats: checked when something is written, and before memory is taken when it is read.
MAX_HEADER = 4 << 20  # the msgpack header of an entry
MAX_PARTS = 65_536  # parts of an entry (a cell keeps each variable as one)
MAX_ITEMS = 262_144  # inputs, notes or buffers of an entry, keys of one STAT record
MAX_TEXT = 1 << 20  # one text: a name, a note, a codec
MAX_INLINE = 256 << 20  # what one record may hold; larger parts become blobs whatever was asked for
MAX_RECORD = MAX_INLINE + MAX_HEADER + 4096
MAX_PART = 1 << 40  # head and buffers of one part
MAX_RATIO = 200  # bytes that one byte of an archive may unpack to, above the first million

INLINE_IN_ALL = 1_000_000  # small parts of one entry stay in its record up to this sum, then the rest become blobs

UNPACK = {
    "use_list": True,
    "raw": False,
    "unicode_errors": "surrogatepass",
    "strict_map_key": True,
    "max_array_len": MAX_ITEMS,
    "max_str_len": MAX_TEXT,
    "max_bin_len": MAX_TEXT,
    "max_map_len": 0,
    "max_ext_len": 0,
}
"""How our own msgpack is read: lists and scalars only, nothing that names a type."""


class Part(NamedTuple):
    """One value of an entry, as its codecs wrote it.

    Buffers of an entry that the store gives are read-only views when they lay in the record. When they lay in a blob,
    they are new for each ``get``: private memory that can be written, or bytes where the codecs copy them anyway.
    """

    name: str
    codecs: tuple[str, ...]
    head: bytes
    buffers: tuple[memoryview, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the head and the buffers."""
        if not self.buffers:
            return len(self.head)
        return len(self.head) + sum(buffer.nbytes for buffer in self.buffers)


class Entry(NamedTuple):
    """A kept result. Its header says these fields in this order, ``parts`` last: all between ``key`` and ``parts``.

    A fact that only some results have is a note. What of an entry people see in lists says ``catalog/rows.py``.

    Attributes:
        key: 16 bytes, the digest that names the call.
        created, expires: seconds since 1970; ``expires`` is ``None`` for never.
        seconds, price: what the run took and cost.
        writer: the 8 bytes that name the secret it was sealed under; set by the store.
        trusted: sealed under a secret of this user's ring; set by the store.
        size: bytes it takes, blobs included; set by the store.
        notes: small texts, such as the source of a cell.
        reason: why the call ran.
        waited: seconds it waited for a limit.
    """

    key: bytes
    name: str
    kind: str = "function"
    status: str = "value"
    code: bytes = b""
    created: float = 0.0
    expires: float | None = None
    seconds: float = 0.0
    price: float = 0.0
    content_type: str | None = None
    inputs: Mapping[str, bytes] = NO_INPUTS
    notes: Mapping[str, str] = NO_NOTES
    reason: str = ""
    waited: float = 0.0
    parts: tuple[Part, ...] = ()
    writer: bytes = b""
    trusted: bool = True
    size: int = 0


@dataclass(frozen=True, slots=True)
class Bad:
    """An entry that is there and cannot be used.

    Attributes:
        kind: ``"foreign"`` (another writer's, and those are not taken here), ``"corrupt"`` (damaged; a bad seal under
            a known secret is damage too), ``"unknown codec"``, ``"newer format"``, ``"not restorable"``.
        why: the rest of the sentence, for people.
    """

    kind: Wrong
    why: str


class BlobRef(NamedTuple):
    """Where a large part of an entry lies: the blob, and how the part is laid out in it."""

    part: int
    digest: bytes
    head: int
    buffers: tuple[int, ...]
    size: int
