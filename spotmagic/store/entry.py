"""What is kept for a key: an entry, its parts, and the ways an entry can be bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Kind = Literal["function", "cell", "http"]
Status = Literal["value", "error", "partial"]
Wrong = Literal["foreign", "corrupt", "unknown codec", "newer format", "not restorable"]

NO_INPUTS: Mapping[str, bytes] = MappingProxyType({})
NO_NOTES: Mapping[str, str] = MappingProxyType({})
MADE_BY_OLD = "made by 0.1.0"
"""Among the inputs of a result of format 1: that version keyed calls in a way of its own, so no call finds it now."""


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
    """A kept result.

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


class Header(NamedTuple):
    """What an entry says of itself: all but its key and the bytes of its parts. The fields are an entry's.

    Attributes:
        inputs, prints: names, and the fingerprint of each.
        notes, texts: names, and the text of each.
        parts: of each its name and codecs first.
    """

    name: str
    kind: str
    status: str
    code: bytes
    created: float
    expires: float | None
    seconds: float
    price: float
    content_type: str | None
    inputs: tuple[str, ...]
    prints: tuple[bytes, ...]
    notes: tuple[str, ...]
    texts: tuple[str, ...]
    reason: str
    waited: float
    parts: tuple[tuple[Any, ...], ...]
    writer: bytes
    trusted: bool
    size: int


def said(entry: Entry) -> tuple[Any, ...]:
    """What an entry says of itself besides its parts, in the order of its header."""
    _, *face, inputs, notes, reason, waited, _, _, _, _ = entry
    return (*face, tuple(inputs), tuple(inputs.values()), tuple(notes), tuple(notes.values()), reason, waited)


def header_of(entry: Entry) -> Header:
    """The header of an entry."""
    parts = tuple((part.name, part.codecs) for part in entry.parts)
    return Header._make((*said(entry), parts, entry.writer, entry.trusted, entry.size))


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
