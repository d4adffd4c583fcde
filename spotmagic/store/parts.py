"""Which parts of an entry become blobs, and how parts lie in records and blobs."""

from __future__ import annotations

from spotmagic.store.bounds import INLINE_IN_ALL, MAX_INLINE, MAX_PART
from spotmagic.store.entry import BlobRef, Part

Piece = bytes | memoryview

BLOB_ALIGNMENT = 64
_PADDING = bytes(BLOB_ALIGNMENT)


def large_parts(parts: tuple[Part, ...], save_blob: bool | None, blob_over: int) -> list[int]:
    """The numbers of the parts that become blobs: all, or none that fits, or by size when ``save_blob`` is ``None``."""
    large = []
    inline = 0
    for number, part in enumerate(parts):
        size = part.size
        if save_blob is None:
            apart = size > blob_over or inline + size > INLINE_IN_ALL
        else:
            apart = save_blob or inline + size > MAX_INLINE
        if apart:
            large.append(number)
        else:
            inline += size
    return large


def blob_pieces(part: Part) -> list[Piece]:
    """The bytes of a part as a blob: head, then each buffer at a multiple of 64."""
    pieces: list[Piece] = []
    lay(pieces, 0, part, BLOB_ALIGNMENT)
    return pieces


def lay(pieces: list[Piece], at: int, part: Part, alignment: int) -> int:
    """Add the bytes of a part to pieces of which ``at`` bytes are there. Returns how many are there then."""
    pieces.append(part.head)
    at += len(part.head)
    for buffer in part.buffers:
        if padding := -at % alignment:
            pieces.append(_PADDING[:padding])
        if buffer.nbytes:
            pieces.append(buffer if buffer.format == "B" and buffer.ndim == 1 else buffer.cast("B"))
        at += padding + buffer.nbytes
    return at


def ref_of(number: int, digest: bytes, head: int, lengths: tuple[int, ...]) -> BlobRef:
    """Where a part lies that is a blob. Raises ``ValueError`` for what cannot be."""
    if len(digest) != 32 or head < 0:
        raise ValueError("not a blob")
    size = head
    for length in lengths:
        if length < 0:
            raise ValueError("a buffer of negative length")
        size += -size % BLOB_ALIGNMENT + length
    if size > MAX_PART:
        raise ValueError("a part of impossible size")
    return BlobRef(number, digest, head, lengths, size)


def spans(ref: BlobRef) -> list[tuple[int, int]]:
    """Where the head and each buffer of a part lie in its blob."""
    found = [(0, ref.head)]
    at = ref.head
    for length in ref.buffers:
        at += -at % BLOB_ALIGNMENT
        found.append((at, at + length))
        at += length
    return found
