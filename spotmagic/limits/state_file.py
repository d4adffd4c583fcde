"""A limit's state in a small locked file that all kernels of the machine share.

The file has two slots of 128 bytes. Whoever holds the lock of the file reads the newer whole one and writes the other,
so a process that is killed in the middle of writing leaves the state before it. Nothing needs to be synced: the state
is worth nothing after the machine stops.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from spotmagic import files
from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Rates, State
from spotmagic.limits.folder import open_own, write_name
from spotmagic.limits.slots import Slots
from spotmagic.limits.storage import OwnRule, Slot, T, User, answering
from spotmagic.limits.timebase import Timebase
from spotmagic.originals import monotonic

MAGIC = b"SLM1"
SLOT = 128
LOOK_EVERY = 1.0
"""Seconds between two looks whether the open file is still the one of its name."""
_HEAD = struct.Struct(">4sI")  # magic with the version, check sum of what follows
_BODY = struct.Struct(">Q16sQ10dI")  # sequence number, boot, then the fields of State
_WHOLE = _HEAD.size + _BODY.size
_SEQUENCE = slice(_HEAD.size, _HEAD.size + 8)  # big-endian, so that its bytes compare as the number


def pack_slot(sequence: int, boot: bytes, state: State) -> bytes:
    """One slot of the file."""
    body = _BODY.pack(sequence, boot, *state)
    return _HEAD.pack(MAGIC, zlib.crc32(body)) + body


def unpack_slot(slot: bytes, boot: bytes) -> tuple[int, State | None] | None:
    """Sequence number and state of a slot, no state when it is of another boot; ``None`` when it is not whole."""
    if len(slot) < _WHOLE:
        return None
    magic, check = _HEAD.unpack_from(slot)
    if magic != MAGIC or check != zlib.crc32(slot[_HEAD.size : _WHOLE]):
        return None
    fields = _BODY.unpack_from(slot, _HEAD.size)
    if fields[1] != boot:
        return fields[0], None
    return fields[0], State._make(fields[2:])


def newest(fd: int, boot: bytes) -> tuple[int, State | None]:
    """Sequence number and state of the newer whole slot of an open file; no state when there is none of this boot."""
    data = os.pread(fd, 2 * SLOT, 0)
    one, two = data[:SLOT], data[SLOT:]
    if two[_SEQUENCE] > one[_SEQUENCE]:
        one, two = two, one
    return unpack_slot(one, boot) or unpack_slot(two, boot) or (0, None)


class FileStorage(OwnRule):
    """A :class:`~spotmagic.limits.storage.Storage` in two files beside each other: the state, and the slots.

    Args:
        path: the state file; made when missing.
        name: of the limit, written beside them for those who look at all limits.

    Raises:
        StorageGone: when it cannot be made, or is not private.
    """

    kind = "file"

    def __init__(self, path: Path, base: Timebase, name: str = "") -> None:
        self.path, self._name = path, name
        self._now, self._boot = base.now, base.boot
        self._mutex = threading.Lock()
        self._fd = -1
        self._rates = Rates()
        self._open()
        self.read()

    def declare(self, rates: Rates) -> Rates | None:
        self._rates = rates  # a state that is lost or damaged starts again under these, not without a limit
        others = any(user.process != str(os.getpid()) for user in self.users())
        before = self._change(lambda state, _: (rule.declare(state, rates), state.rates))
        return before if others and before not in (rates, Rates()) else None

    def read(self) -> tuple[State, float]:
        with answering():
            self.seen = state = self._newest()[1]  # a slot that is being written is not whole: the other one counts
            return state, self._now()

    def take(self, slots: int) -> Slot | None:
        with answering():
            return self._slots.take(slots)

    def tell(self, waiting: int) -> None:
        self._slots.tell(waiting)

    def users(self) -> list[User]:
        with answering():
            return self._slots.users()

    def running(self) -> int:
        with answering():
            return self._slots.running(self.seen.concurrency)

    def forked(self) -> None:
        # The locks belong to the open files, which the parent has too: only files that are opened anew have their own.
        self._mutex = threading.Lock()
        os.close(self._fd)
        self._fd = -1
        self._slots.close()
        self._open()

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def _change(self, how: Callable[[State, float], tuple[State, T]]) -> T:
        """Read, change and write the state while nobody else can."""
        # The mutex first: the lock is of the open file, which all threads share, and keeps only other processes out.
        with self._mutex, answering():
            if monotonic() >= self._look_at:
                self._look()
            fd = self._fd
            try:
                files.lock(fd)
                sequence, state = self._newest()
                now = self._now()
                if now < state.wrote:
                    state = rule.rebase(state, now)
                changed, result = how(state, now)
                if changed is not state:
                    # Into the other slot: until this one is whole, the state before it stays readable.
                    sequence += 1
                    os.pwrite(fd, pack_slot(sequence, self._boot, changed), SLOT * (sequence & 1))
                self.seen = changed
            finally:
                files.unlock(fd)
        return result

    def _newest(self) -> tuple[int, State]:
        sequence, state = newest(self._fd, self._boot)
        return sequence, rule.declare(State(), self._rates) if state is None else state

    def _open(self) -> None:
        with answering():
            self._fd = open_own(self.path, os.O_RDWR | os.O_CREAT)
            self._slots = Slots(self.path.with_suffix(".slots"))
            self._inode = os.fstat(self._fd).st_ino
        write_name(self.path, self._name)
        self._look_at = monotonic() + LOOK_EVERY

    def _look(self) -> None:
        """Open the file of the name anew when somebody has deleted the one that is open."""
        self._look_at = monotonic() + LOOK_EVERY
        try:
            if self.path.stat().st_ino == self._inode:
                return
        except FileNotFoundError:
            pass
        os.close(self._fd)  # the old slots stay open as long as somebody holds one of them
        self._fd = -1
        files.make_folder(self.path.parent)
        self._open()
