"""The records of journals and segments: as bytes, and what the catalog reads of them.

::

    0   4  magic     b"\\xf5sp\\x01"
    4   4  length    of the body
    8   1  kind      PUT DELETE PIN STAT RUN BLOB ORIGIN MARK
    9   1  flags     1: the entry has blobs, 4: a run made it just then, and counts as one
    10  2  (zero)
    12  8  stamp     nanoseconds since 1970, never twice from one writer; the larger one wins
    20 16  key
    36  8  group     xxh3 of the entry's name, so that the newest entries of a name are found without reading them;
                     of MARK the stamp of the record that it judges
    44  8  xxh3 of the body
    52  4  xxh32 of the 52 bytes before

A header that is whole can be believed about its length, so damage in a body costs one record, and damage in a header
what lies before the next magic.
"""

from __future__ import annotations

import functools
import struct
from collections import deque
from typing import Any, Literal, NamedTuple

import msgpack
from xxhash import xxh3_64, xxh3_64_intdigest, xxh32_intdigest

from spotmagic.store.entry import MAX_RECORD, UNPACK, Bad, Entry, Piece

MAGIC = b"\xf5sp\x01"
FILE_MAGIC = b"\x89spotlog\r\n\x1a\n\x01\0\0\0"  # begins each file: the last four bytes are its format version
NO_KEY = bytes(16)

PUT, DELETE, PIN, STAT, RUN, BLOB, ORIGIN, MARK = range(1, 9)
HAS_BLOBS, PINNED, MADE = 1, 2, 4  # flags of PUT, of PIN, of PUT

_FIRST = struct.Struct("<4sIBBHQ16sQQ")
_HEADER = struct.Struct("<4sIBBHQ16sQQI")
HEADER = _HEADER.size


class Frame(NamedTuple):
    """A record found in a file: where its body lies, and whether the body is the one that was written."""

    kind: int
    flags: int
    stamp: int
    key: bytes
    group: int
    offset: int
    length: int
    good: bool

    @property
    def end(self) -> int:
        return self.offset + self.length


class Scan(NamedTuple):
    """What came of reading a stretch of a file.

    Attributes:
        frames: the whole records, in order.
        used: bytes that need not be read again.
        need: bytes from there on that the next record takes, or 0 when that is not known.
        damaged: bytes that belong to no record.
    """

    frames: list[Frame]
    used: int
    need: int
    damaged: int


@functools.lru_cache(4096)
def group_of(name: str) -> int:
    """The number that stands for an entry's name in its record."""
    return xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def frame(kind: int, flags: int, stamp: int, key: bytes, group: int, body: list[Piece]) -> bytes:
    """The bytes of a record that stand before its body."""
    if len(body) == 1:
        length = len(body[0])
        check = xxh3_64_intdigest(body[0])
    else:
        length = sum(map(len, body))
        hashed = xxh3_64()
        for piece in body:
            hashed.update(piece)
        check = hashed.intdigest()
    first = _FIRST.pack(MAGIC, length, kind, flags, 0, stamp, key, group, check)
    return first + xxh32_intdigest(first).to_bytes(4, "little")


def scan(data: bytes, base: int, *, growing: bool) -> Scan:
    """The records in a stretch of a file.

    Args:
        data: the bytes, which begin where a record begins (or where damage does).
        base: where in the file they begin.
        growing: the writer lives, so that what cannot be read at the very end may still become a record.
    """
    # Names bound once: a folder of a million records is read through here.
    frames: list[Frame] = []
    append = frames.append
    made = functools.partial(tuple.__new__, Frame)
    unpack = _HEADER.unpack_from
    view = memoryview(data)
    size = len(data)
    at = damaged = need = 0
    while at + HEADER <= size:
        magic, length, kind, flags, _, stamp, key, group, check, own = unpack(data, at)
        body = at + HEADER
        if magic != MAGIC or xxh32_intdigest(view[at : body - 4]) != own or length > MAX_RECORD:
            found = data.find(MAGIC, at + 1)
            if found < 0 and growing:
                break
            skip = (found if found >= 0 else max(at + 1, size - len(MAGIC) + 1)) - at
            damaged += skip
            at += skip
            continue
        stop = body + length
        if stop > size:
            need = stop - at
            break
        good = xxh3_64_intdigest(view[body:stop]) == check
        if not good and growing and stop == size:
            break  # its last bytes may be on their way: a file can be seen at its new length before it has them
        append(made((kind, flags, stamp, key, group, base + body, length, good)))
        at = stop
    return Scan(frames, at, need, damaged)


USAGE = "usage"
"""The note of an entry that says what its answer took."""
Happened = Literal["put", "made", "delete", "mark", "pin", "stat", "run"]


class Run(NamedTuple):
    """One time a call was asked for and not served from the store.

    Attributes:
        verdict, reason: as in an outcome.
        started: seconds since 1970.
        seconds, price, waited: what it took, cost, and waited for limits.
        error: the exception's type and text, or empty.
        usage: what its answer says it took, as a text of the engine's, or empty.
    """

    key: bytes
    name: str
    kind: str = "function"
    verdict: str = "ran"
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    price: float = 0.0
    waited: float = 0.0
    stored: bool = True
    error: str = ""
    usage: str = ""


class Stat(NamedTuple):
    """Hits of one key since the writer's last record of them."""

    key: bytes
    hits: int
    seconds: float
    price: float


class Behind(Exception):
    """The store has less than its reader has seen of it: the end of a journal was lost, as in a power cut."""


class Mark(NamedTuple):
    """What a check found of an entry.

    Attributes:
        judged: the stamp of the record that was read.
        why: what is wrong with it; empty when it was found whole again.
    """

    judged: int
    why: str


class Record(NamedTuple):
    """One record of the store.

    Attributes:
        kind: ``"put" "made" "delete" "mark" "pin" "stat" "run"``; ``made`` is a put that counts as a run as well.
        file: name of the journal it was written to; it stays the same when the journal is merged into a segment.
        end: offset in that journal after the record: what to remember as read.
        stamp: nanoseconds since 1970; of two records of one key the larger stamp is the later one.
        key: of the entry or run; 16 zero bytes for ``stat``.
        what: of ``put`` and ``made`` the :class:`Entry` without its blobs, of ``pin`` ``True`` or ``False``, of
            ``stat`` a tuple of :class:`Stat`, of ``run`` a :class:`Run`, of ``delete`` ``None``. :class:`Bad` instead
            of what cannot be read.
    """

    kind: Happened
    file: str
    end: int
    stamp: int
    key: bytes
    what: Entry | Bad | Run | Mark | tuple[Stat, ...] | bool | None


def run_of(made: Entry) -> Run:
    """The run that made an entry, by the entry's own account."""
    begun = made.created - made.seconds
    run = Run(made.key, made.name, made.kind, "ran", made.reason, begun, made.seconds, made.price, made.waited)
    return run if USAGE not in made.notes else run._replace(usage=made.notes[USAGE])


def run_body(run: Run) -> bytes:
    """A run as the body of its record."""
    return _packed(run[1:])


def read_run(key: bytes, body: bytes) -> Run | Bad:
    """The run in the body of a record."""
    try:
        return Run(key, *msgpack.unpackb(body, max_map_len=0, max_ext_len=0, unicode_errors="surrogatepass"))
    except (ValueError, TypeError) as error:
        return Bad("corrupt", f"a record of a run cannot be read ({error})")


def stat_body(stats: list[Stat]) -> bytes:
    """Counted hits as the body of their record."""
    return _packed([[stat.key, stat.hits, stat.seconds, stat.price] for stat in stats])


def read_stats(body: bytes) -> tuple[Stat, ...] | Bad:
    """The counted hits in the body of a record."""
    try:
        return tuple(Stat(*stat) for stat in msgpack.unpackb(body, **UNPACK))
    except (ValueError, TypeError) as error:
        return Bad("corrupt", f"a record of hits cannot be read ({error})")


def blob_body(digests: list[tuple[bytes, int]]) -> bytes:
    """Digests and sizes of blobs that a writer is about to write, as the body of a record."""
    return _packed([list(pair) for pair in digests])


def read_blobs(body: bytes) -> list[tuple[bytes, int]]:
    """The blobs that a record names. Empty when it cannot be read."""
    try:
        return [(digest, size) for digest, size in msgpack.unpackb(body, **UNPACK)]
    except (ValueError, TypeError):
        return []


def origin_body(source: str, offset: int) -> bytes:
    """The journal and offset that the records after it came from, as the body of a record of a segment."""
    return _packed([source, offset])


def read_origin(body: bytes) -> tuple[str, int]:
    """The journal and offset that an origin names. Raises ``ValueError`` when it cannot be read."""
    source, offset = msgpack.unpackb(body, **UNPACK)
    return str(source), int(offset)


def _packed(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return packed


HELD = 50_000  # hits at most before they are counted, though nobody ticks


class Tally:
    """Counts of hits since they were last taken. Any thread may append to ``hits``."""

    def __init__(self) -> None:
        self.hits: deque[tuple[bytes, float, float]] = deque()

    def take(self) -> list[Stat]:
        """The counts so far, by key; they begin anew."""
        sums: dict[bytes, Stat] = {}
        for _ in range(len(self.hits)):  # not until it is empty: threads go on adding meanwhile
            try:
                key, seconds, price = self.hits.popleft()
            except IndexError:  # another thread takes them too
                break
            known = sums.get(key, Stat(key, 0, 0.0, 0.0))
            sums[key] = Stat(key, known.hits + 1, known.seconds + seconds, known.price + price)
        return list(sums.values())
