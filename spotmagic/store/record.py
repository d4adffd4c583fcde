"""What the catalog reads of the store: each record with its place, and the bodies that are not entries."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, NamedTuple

import msgpack

from spotmagic.store.bounds import UNPACK
from spotmagic.store.entry import Bad, Header

Happened = Literal["put", "made", "delete", "mark", "pin", "stat", "run"]


class Run(NamedTuple):
    """One time a call was asked for and not served from the store.

    Attributes:
        verdict, reason: as in an outcome.
        started: seconds since 1970.
        seconds, price, waited: what it took, cost, and waited for limits.
        error: the exception's type and text, or empty.
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
        what: of ``put`` and ``made`` the :class:`Header` of the entry, of ``pin`` ``True`` or ``False``, of ``stat`` a
            tuple of :class:`Stat`, of ``run`` a :class:`Run`, of ``delete`` ``None``. :class:`Bad` instead of what
            cannot be read.
    """

    kind: Happened
    file: str
    end: int
    stamp: int
    key: bytes
    what: Header | Bad | Run | Mark | tuple[Stat, ...] | bool | None


def run_of(key: bytes, made: Header) -> Run:
    """The run that made an entry, by the entry's own account."""
    return Run(
        key,
        made.name,
        made.kind,
        reason=made.reason,
        started=made.created - made.seconds,
        seconds=made.seconds,
        price=made.price,
        waited=made.waited,
    )


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


HELD = 50_000


class Tally:
    """Counts of hits since they were last taken. Any thread may append to ``hits``."""

    def __init__(self) -> None:
        self.hits: deque[tuple[bytes, float, float]] = deque()

    def take(self) -> list[Stat]:
        """The counts so far, by key; they begin anew."""
        sums: dict[bytes, list[float]] = {}
        for _ in range(len(self.hits)):
            try:
                key, seconds, price = self.hits.popleft()
            except IndexError:  # another thread takes them too
                break
            total = sums.setdefault(key, [0, 0.0, 0.0])
            total[0] += 1
            total[1] += seconds
            total[2] += price
        return [Stat(key, int(hits), seconds, price) for key, (hits, seconds, price) in sums.items()]
