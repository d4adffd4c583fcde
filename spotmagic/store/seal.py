"""An entry as bytes and back: format version 2, and the reading of version 1.

::

    0   8  magic            89 's' 'p' 'o' 't' 0d 0a 1a: text mode and 7-bit transport break it
    8   2  version          2
    10  1  algorithm        2: keyed BLAKE2b
    11  1  (zero)
    12  4  header length
    16  8  kid              names the writer's secret
    24 16  key
    40     header           msgpack: lists, texts, numbers, bytes
           data             from the next multiple of 8: heads and buffers of the inline parts, buffers at such a one
           8   xxh3 of all before
           32  MAC of all before, the xxh3 included

The xxh3 tells damage from a foreign seal where the writer's secret is not known. With a right MAC nobody looks at it.
Version 1 had SHA-256 in its place, HMAC-SHA256 as its MAC, and no ``reason`` and ``waited`` in its header.
"""

from __future__ import annotations

import functools
import hashlib
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgpack
from xxhash import xxh3_64, xxh3_64_digest

from spotmagic.errors import Uncacheable
from spotmagic.store.entry import (
    INLINE_IN_ALL,
    MADE_BY_OLD,
    MAX_HEADER,
    MAX_INLINE,
    MAX_PART,
    MAX_PARTS,
    NO_INPUTS,
    NO_NOTES,
    UNPACK,
    Bad,
    BlobRef,
    Entry,
    Part,
    Piece,
)
from spotmagic.store.trust import Ring, Trust

MAGIC = b"\x89spot\r\n\x1a"
VERSION = 2

_HEAD = struct.Struct("<8sHBBI8s16s")
_BEGIN = _HEAD.size
_MAC = 32
_CHECKS: dict[int, tuple[int, Callable[[Any], bytes]]] = {
    1: (32, lambda data: hashlib.sha256(data).digest()),
    2: (8, xxh3_64_digest),
}
"""By version, the bytes of the check for damage, and how it is made. Each seals with the algorithm of its number."""
BLOB_ALIGNMENT = 64
_PADDING = bytes(BLOB_ALIGNMENT)


def seal(entry: Entry, ring: Ring, blobs: Mapping[int, bytes] = {}) -> list[Piece]:
    """The bytes of an entry, as pieces to be written one after the other.

    Args:
        blobs: digest of the blob by number of part, for the parts that are not inline.

    Raises:
        Uncacheable: a name, note or number of parts above what the format takes.
    """
    data: list[Piece] = []
    parts: list[tuple[object, ...]] = []
    at = 0
    for number, part in enumerate(entry.parts):
        lengths, digest = [buffer.nbytes for buffer in part.buffers], blobs.get(number)
        parts.append((part.name, part.codecs, len(part.head), lengths, digest))
        if digest is None:
            at = lay(data, at, part, 8)
    try:
        # ``face`` is all between the key and the inputs. Maps go as two lists each: no format of ours has maps.
        _, *face, inputs, notes, reason, waited, _, _, _, _ = entry
        told = tuple(inputs), tuple(inputs.values()), tuple(notes), tuple(notes.values())
        header = msgpack.Packer(unicode_errors="surrogatepass").pack((*face, *told, reason, waited, parts))
    except (TypeError, ValueError, OverflowError) as error:
        raise Uncacheable(f"{entry.name} cannot be stored", f"a field of its record is of no use: {error}") from error
    if len(header) > MAX_HEADER or len(parts) > MAX_PARTS or at > MAX_INLINE or len(entry.key) != 16:
        raise Uncacheable(f"{entry.name} cannot be stored", f"its header takes {len(header)} bytes and its parts {at}")
    head = _HEAD.pack(MAGIC, VERSION, VERSION, 0, len(header), ring.kid, entry.key)
    header += _PADDING[: -len(header) % 8]
    if at < 65_536:
        body = b"".join((head, header, *data))
        body += xxh3_64_digest(body)
        return [body + ring.seal(body)]
    checked = xxh3_64(head + header)
    for piece in data:
        checked.update(piece)
    pieces = [head, header, *data, checked.digest()]
    return [*pieces, ring.seal(*pieces)]


def unseal(
    data: bytes, key: bytes | None, ring: Ring, *, trust: Trust = "safe"
) -> tuple[Entry, tuple[BlobRef, ...]] | Bad:
    """The entry in sealed bytes, with its inline parts, and where its other parts lie.

    Args:
        key: the key it must have, or ``None`` for any.
        trust: what to make of entries of unknown writers.
    """
    size = len(data)
    if size < _BEGIN + _MAC:
        return Bad("corrupt", "it is cut off")
    magic, version, algorithm, _, header_size, kid, its_key = _HEAD.unpack_from(data)
    if magic != MAGIC:
        return Bad("corrupt", "it does not begin as a result")
    check_size, check = _CHECKS.get(version, _CHECKS[VERSION])
    end = size - _MAC - check_size
    known = version in _CHECKS and algorithm == version
    sealed = data[:-_MAC] if size < 65_536 else memoryview(data)[:-_MAC]
    trusted = ring.check(kid, sealed, data[-_MAC:], version) if known else None
    if trusted is False:
        return Bad("corrupt", "its bytes are not those that were sealed")
    # Of unknown writers the MAC says nothing, and anybody can make the check: it tells damage, not who wrote it.
    if trusted is None and check(memoryview(data)[:end]) != data[end:-_MAC]:
        return Bad("corrupt", "its bytes are not those that were written")
    if not known:
        return Bad("newer format", f"format {version}, algorithm {algorithm}; this spotmagic reads format {VERSION}")
    if key is not None and its_key != key:
        return Bad("corrupt", "it belongs to another key")
    header_end = _BEGIN + header_size
    start = header_end + -header_end % 8
    if header_size > MAX_HEADER or start > end:
        return Bad("corrupt", "its header does not fit")
    if trusted is None and trust == "mine":
        return Bad("foreign", f"its writer {kid.hex()} is not on your ring")
    try:
        if trusted:
            fields = msgpack.unpackb(data[_BEGIN:header_end], use_list=False, unicode_errors="surrogatepass")
        else:
            fields = msgpack.unpackb(data[_BEGIN:header_end], **UNPACK)
        if version == 1:
            *head, inputs, prints, notes, texts, parts = fields
            inputs, prints = (*inputs, MADE_BY_OLD), (*prints, b"")
            fields = type(fields)((*head, inputs, prints, notes, texts, "", 0.0, parts))
        if not trusted:
            _validate(fields)
        return _entry(data, fields, start, end, its_key, kid, bool(trusted) or trust == "all")
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        return Bad("corrupt", f"its header cannot be read ({type(error).__name__})")


# Past the constructor in Python, which takes longer than all else that is done for a small entry.
_made: Any = functools.partial(tuple.__new__, Entry)
_part: Any = functools.partial(tuple.__new__, Part)


def _validate(header: Any) -> None:
    """Raise unless every field has its type: what another writer sealed is only as good as that."""
    name, kind, status, code, created, expires, seconds, price, content_type, *named, reason, waited, parts = header
    inputs, prints, notes, texts = named
    words = [name, kind, status, reason, *inputs, *notes, *texts, *(part[0] for part in parts)]
    words += [codec for part in parts for codec in part[1]]
    if content_type is not None:
        words.append(content_type)
    numbers = [created, seconds, price, waited, *([] if expires is None else [expires])]
    sizes = [size for part in parts for size in (part[2], *part[3])]
    if (
        not all(type(word) is str for word in words)
        or not all(type(piece) is bytes for piece in (code, *prints))
        or not all(type(number) in (int, float) and -math.inf < number < math.inf for number in numbers)
        or min(seconds, price, waited) < 0
        or not all(type(size) is int for size in sizes)
        or not all(part[4] is None or type(part[4]) is bytes for part in parts)
        or len(set(inputs)) != len(inputs)
        or len(set(notes)) != len(notes)
        or len(parts) > MAX_PARTS
    ):
        raise ValueError("a field of the wrong type")


def _entry(
    data: bytes, fields: Any, at: int, end: int, key: bytes, kid: bytes, trusted: bool
) -> tuple[Entry, tuple[BlobRef, ...]]:
    *face, names, prints, titles, texts, reason, waited, packed = fields
    refs: tuple[BlobRef, ...] = ()
    parts: list[Part] = []
    size = len(data)
    start = at
    for part_name, codecs, head, lengths, digest in packed:
        if digest is not None:
            ref = ref_of(len(parts), digest, head, tuple(lengths))
            size += ref.size
            refs += (ref,)
            parts.append(_part((part_name, tuple(codecs), b"", ())))
            continue
        stop = at + head
        if head < 0 or stop > end:
            raise ValueError("a part does not fit")
        inline = data[at:stop]
        buffers: tuple[memoryview, ...] = ()
        for length in lengths:
            begin = stop + (start - stop) % 8
            stop = begin + length
            if length < 0 or stop > end:
                raise ValueError("a buffer does not fit")
            buffers += (memoryview(data)[begin:stop],)
        parts.append(_part((part_name, tuple(codecs), inline, buffers)))
        at = stop
    # Bytes that no part accounts for would be sealed along, and mean something to another reader.
    if at != end:
        raise ValueError("there is more in it than its parts")
    inputs = dict(zip(names, prints, strict=True)) if names else NO_INPUTS
    notes = dict(zip(titles, texts, strict=True)) if titles else NO_NOTES
    return _made((key, *face, inputs, notes, reason, waited, tuple(parts), kid, trusted, size)), refs


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
