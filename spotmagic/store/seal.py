"""An entry as bytes and back: format version 1.

::

    0   8  magic            89 's' 'p' 'o' 't' 0d 0a 1a: text mode and 7-bit transport break it
    8   2  version          1
    10  1  algorithm        1: HMAC-SHA256 over the digest
    11  1  (zero)
    12  4  header length
    16  8  kid              names the writer's secret
    24 16  key
    40     header           msgpack: lists, texts, numbers, bytes
           data             from the next multiple of 8: heads and buffers of the inline parts, buffers at such a one
           32  SHA-256 of all before
           32  MAC of that digest

The digest tells damage from a foreign seal even when the writer's secret is not known here.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import msgpack

from spotmagic.errors import Uncacheable
from spotmagic.store.bounds import MAX_HEADER, MAX_INLINE, MAX_PART, MAX_PARTS, UNPACK
from spotmagic.store.entry import NO_NOTES, Bad, BlobRef, Entry, Part
from spotmagic.store.trust import Ring

MAGIC = b"\x89spot\r\n\x1a"
VERSION = 1
HMAC_SHA256 = 1
BLOB_ALIGNMENT = 64

_HEAD = struct.Struct("<8sHBBI8s16s")
_TRAILER = 64
_PADDING = bytes(BLOB_ALIGNMENT)

Piece = bytes | memoryview


def seal(entry: Entry, ring: Ring, blobs: Mapping[int, bytes] = {}) -> list[Piece]:
    """The bytes of an entry, as pieces to be written one after the other.

    Args:
        blobs: digest of the blob by number of part, for the parts that are not inline.

    Raises:
        Uncacheable: a name, note or number of parts above what the format takes.
    """
    data: list[Piece] = []
    parts = []
    at = 0
    for number, part in enumerate(entry.parts):
        digest = blobs.get(number)
        lengths = [buffer.nbytes for buffer in part.buffers]
        parts.append([part.name, part.codecs, len(part.head), lengths, digest])
        if digest is None:
            at = _lay(data, at, part, 8)
    header = msgpack.packb(
        [
            entry.name,
            entry.kind,
            entry.status,
            entry.code,
            entry.created,
            entry.expires,
            entry.seconds,
            entry.price,
            entry.content_type,
            [piece for pair in entry.inputs.items() for piece in pair],
            [piece for pair in entry.notes.items() for piece in pair],
            parts,
        ]
    )
    if len(header) > MAX_HEADER or len(parts) > MAX_PARTS or at > MAX_INLINE or len(entry.key) != 16:
        raise Uncacheable(f"{entry.name} cannot be stored", f"its header takes {len(header)} bytes and its parts {at}")
    head = _HEAD.pack(MAGIC, VERSION, HMAC_SHA256, 0, len(header), ring.kid, entry.key)
    header += _PADDING[: -len(header) % 8]
    if at < 65_536:
        body = b"".join((head, header, *data))
        digest = hashlib.sha256(body).digest()
        return [b"".join((body, digest, ring.seal(digest)))]
    hashed = hashlib.sha256(head + header)
    for piece in data:
        hashed.update(piece)
    digest = hashed.digest()
    return [head, header, *data, digest, ring.seal(digest)]


def blob_pieces(part: Part) -> list[Piece]:
    """The bytes of a part as a blob: head, then each buffer at a multiple of 64."""
    pieces: list[Piece] = []
    _lay(pieces, 0, part, BLOB_ALIGNMENT)
    return pieces


def _lay(pieces: list[Piece], at: int, part: Part, alignment: int) -> int:
    pieces.append(part.head)
    at += len(part.head)
    for buffer in part.buffers:
        if padding := -at % alignment:
            pieces.append(_PADDING[:padding])
        pieces.append(buffer if buffer.contiguous and buffer.format == "B" else memoryview(buffer).cast("B"))
        at += padding + buffer.nbytes
    return at


def unseal(
    data: bytes, key: bytes | None, ring: Ring, *, foreign: bool = True
) -> tuple[Entry, tuple[BlobRef, ...]] | Bad:
    """The entry in sealed bytes, with its inline parts, and where its other parts lie.

    Args:
        key: the key it must have, or ``None`` for any.
        foreign: take entries of unknown writers too, as not ``trusted``.
    """
    size = len(data)
    if size < _HEAD.size + _TRAILER:
        return Bad("corrupt", "it is cut off")
    magic, version, algorithm, _, header_size, kid, its_key = _HEAD.unpack_from(data)
    if magic != MAGIC:
        return Bad("corrupt", "it does not begin as an entry")
    end = size - _TRAILER
    digest = hashlib.sha256(memoryview(data)[:end]).digest()
    if digest != data[end : end + 32]:
        return Bad("corrupt", "its bytes are not those that were written")
    if version > VERSION or algorithm != HMAC_SHA256:
        return Bad("newer format", f"format {version}, algorithm {algorithm}; this spotmagic reads format {VERSION}")
    trusted = ring.check(kid, digest, data[end + 32 :])
    if trusted is False:
        return Bad("corrupt", "its seal is wrong")
    if key is not None and its_key != key:
        return Bad("corrupt", "it belongs to another key")
    header_end = _HEAD.size + header_size
    start = header_end + -header_end % 8
    if header_size > MAX_HEADER or start > end:
        return Bad("corrupt", "its header does not fit")
    if trusted is None and not foreign:
        return Bad("foreign", f"its writer {kid.hex()} is not on your ring")
    try:
        header = msgpack.unpackb(data[_HEAD.size : header_end], **UNPACK)
        if trusted is None:
            _validate(header)
        return _entry(data, header, start, end, its_key, kid, bool(trusted))
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        return Bad("corrupt", f"its header cannot be read ({type(error).__name__})")


def _validate(header: Any) -> None:
    """Raise unless every field has its type: what another writer sealed is only as good as that."""
    name, kind, status, code, created, expires, seconds, price, content_type, inputs, notes, parts = header
    texts = [
        name,
        kind,
        status,
        *notes,
        *inputs[::2],
        *(part[0] for part in parts),
        *(c for part in parts for c in part[1]),
    ]
    if content_type is not None:
        texts.append(content_type)
    numbers = [created, seconds, price] if expires is None else [created, seconds, price, expires]
    sizes = [size for part in parts for size in (part[2], *part[3])]
    if (
        not all(type(text) is str for text in texts)
        or not all(type(piece) is bytes for piece in (code, *inputs[1::2]))
        or not all(type(number) in (int, float) and number == number for number in numbers)
        or not all(type(size) is int for size in sizes)
        or not all(part[4] is None or type(part[4]) is bytes for part in parts)
        or len(set(inputs[::2])) * 2 != len(inputs)
        or len(set(notes[::2])) * 2 != len(notes)
        or len(parts) > MAX_PARTS
    ):
        raise ValueError("a field of the wrong type")


def _entry(
    data: bytes, header: list[Any], at: int, end: int, key: bytes, kid: bytes, trusted: bool
) -> tuple[Entry, tuple[BlobRef, ...]]:
    name, kind, status, code, created, expires, seconds, price, content_type, inputs, notes, packed = header
    refs: tuple[BlobRef, ...] = ()
    parts = []
    size = len(data)
    view = memoryview(data)
    start = at
    for number, (part_name, codecs, head, lengths, digest) in enumerate(packed):
        if digest is None:
            if head < 0 or at + head > end:
                raise ValueError("a part does not fit")
            buffers = []
            stop = at + head
            for length in lengths:
                begin = stop + (start - stop) % 8
                stop = begin + length
                if length < 0 or stop > end:
                    raise ValueError("a buffer does not fit")
                buffers.append(view[begin:stop])
            parts.append(Part(part_name, tuple(codecs), data[at : at + head], tuple(buffers)))
            at = stop
        else:
            ref = _ref(number, digest, head, tuple(lengths))
            size += ref.size
            refs += (ref,)
            parts.append(Part(part_name, tuple(codecs), b"", ()))
    if at != end:
        raise ValueError("there is more in it than its parts")
    entry = Entry(
        key,
        name,
        kind,
        code,
        dict(zip(inputs[::2], inputs[1::2], strict=True)),
        tuple(parts),
        created,
        expires,
        seconds,
        price,
        status,
        content_type,
        kid,
        trusted,
        size,
        dict(zip(notes[::2], notes[1::2], strict=True)) if notes else NO_NOTES,
    )
    return entry, refs


def _ref(number: int, digest: bytes, head: int, lengths: tuple[int, ...]) -> BlobRef:
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


def with_blob(part: Part, ref: BlobRef, blob: memoryview) -> Part:
    """A part with what its blob holds."""
    head = bytes(blob[: ref.head])
    buffers = []
    at = ref.head
    for length in ref.buffers:
        at += -at % BLOB_ALIGNMENT
        buffers.append(blob[at : at + length])
        at += length
    return Part(part.name, part.codecs, head, tuple(buffers))
