"""Slots for calls at the same time, and the roster of the processes that use a limit: locks of bytes of one file.

A slot is the lock of one byte, which the kernel frees when the process dies; a count in a file would leak. The roster
has one row per process: who holds the lock of the row lives, and the row says how many of its calls wait.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from spotmagic import files
from spotmagic.limits.folder import open_own
from spotmagic.limits.storage import User

MOST_SLOTS = 100_000  # each is looked at in turn
ROWS = 64
_ROW = struct.Struct("<II8x")  # process id, calls that wait
_ROW_LOCKS = 1 << 30  # the bytes that stand for rows, far from those that stand for slots


class Held:
    """A slot that this process holds; free when nobody keeps it: an interrupt can fall between taking and keeping."""

    __slots__ = ("_slots", "number")

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.number = -1

    def free(self) -> None:
        """Let go of it; again, it changes nothing. It takes no lock of ours, as the garbage collector may call it."""
        if self.number >= 0:
            self._slots.free(self.number)
            self.number = -1

    __del__ = drop = free


def roster(fd: int) -> list[User]:
    """The living processes in a file of slots that is open apart from theirs."""
    found = []
    for row in range(ROWS):
        record = os.pread(fd, _ROW.size, row * _ROW.size)
        if len(record) < _ROW.size or not any(record):
            continue
        if files.byte_is_locked(fd, _ROW_LOCKS + row):
            pid, waiting = _ROW.unpack(record)
            found.append(User(str(pid), waiting))
    return found


class Slots:
    """The slots and the roster of one limit.

    The locks belong to the open file, so all threads of the process share them, and ``held`` tells them apart.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: set[int] = set()
        self._next = 0
        self._waiting = 0
        self._row: int | None = None
        self._fd = open_own(path, os.O_RDWR | os.O_CREAT)
        # More processes than rows share the limit all the same; they are only not seen by those who look.
        self._row = next((row for row in range(ROWS) if files.lock_byte(self._fd, _ROW_LOCKS + row)), None)
        self._write_row()

    def take(self, slots: int) -> Held | None:
        """A free one of so many slots, or ``None``. One caller at a time."""
        held = Held(self)
        for step in range(min(slots, MOST_SLOTS)):
            slot = (self._next + step) % slots
            if slot in self._held:
                continue
            # Noted before the lock is asked for: after an interrupt between the two, dropping ``held`` frees the slot.
            held.number = slot
            self._held.add(slot)
            if files.lock_byte(self._fd, slot):
                self._next = slot
                return held
            held.free()
        return None

    def free(self, slot: int) -> None:
        """Let go of a slot, if it is held."""
        if slot in self._held:
            try:
                files.unlock_byte(self._fd, slot)
            except OSError:  # closed meanwhile, which freed it
                pass
            self._held.discard(slot)  # after the kernel's lock, or a thread could take a slot that is about to be freed

    def tell(self, waiting: int) -> None:
        """Write how many calls of this process wait."""
        if waiting != self._waiting:
            self._waiting = waiting
            self._write_row()

    def users(self) -> list[User]:
        """The living processes. Rows of the dead are free for the next."""
        found = []
        if self._row is None:
            found.append(User(str(os.getpid()), self._waiting))
        # Through another open file: to this one's own, the locks that it holds look free.
        probe = files.open_private(self.path, os.O_RDWR)
        try:
            return found + roster(probe)
        finally:
            os.close(probe)

    def running(self, slots: int) -> int:
        """How many of the slots are taken, by all processes."""
        return sum(slot in self._held or files.byte_is_locked(self._fd, slot) for slot in range(slots))

    def close(self) -> None:
        """Let go of everything; in the child of a fork, of nothing that the parent holds."""
        os.close(self._fd)
        self._fd, self._row = -1, None
        self._held.clear()

    def __del__(self) -> None:
        fd = getattr(self, "_fd", -1)  # it may have failed to open
        if fd >= 0:
            os.close(fd)

    def _write_row(self) -> None:
        if self._row is None:
            return
        try:
            os.pwrite(self._fd, _ROW.pack(os.getpid(), self._waiting), self._row * _ROW.size)
        except OSError:  # the roster is for people to look at
            pass
