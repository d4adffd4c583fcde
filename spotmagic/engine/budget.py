"""A budget: what may be spent by all kernels of a spot. What is under way is reserved before it runs."""

from __future__ import annotations

import os
import secrets
import struct
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from spotmagic import files
from spotmagic.errors import BudgetSpent, tell

_RECORD = struct.Struct("<dI")


class Consent(Protocol):
    """Who is asked before a call of edited code is paid."""

    def check(self, call: Any) -> None:
        """Let it run, or raise ``EditCosts``."""
        ...


class Hold:
    """What a call may cost, reserved while it runs. It ends once: with a price, or without one."""

    __slots__ = ("_budget", "ended", "late", "name", "reserved")

    def __init__(self, budget: Budget, name: str, reserved: float, *, late: bool = False) -> None:
        self._budget, self.name, self.reserved, self.late = budget, name, reserved, late
        self.ended: list[int] = []  # not empty: what the call cost is counted

    def spend(self, price: float) -> None:
        """Count the price of the call, which ran. Doing so again, after an interrupt, counts nothing twice."""
        self._budget.end(self, price)

    def release(self) -> None:
        """The call is over."""
        self._budget.end(self, None)


class Budget:
    """The money of a spot, in the unit of its prices.

    Args:
        path: the file that all kernels share; it holds what was spent. What each kernel has reserved is in a file of
            its own beside it, whose lock goes when the kernel dies.
        total: what may be spent, or ``None`` for any amount.
        paid: what the catalog knows was paid, asked when the file is new or damaged.
    """

    def __init__(self, path: Path, total: float | None, paid: Callable[[], float]) -> None:
        self._path, self.total, self._paid = path, total, paid
        self.edits: Consent | None = None
        self._means: dict[str, tuple[float, int]] = {}
        self._guard = threading.Lock()
        self._own: tuple[int, Path] | None = None
        self._reserved = 0.0
        files.reopen_after_fork(self)

    def spent(self) -> float:
        """What all kernels have spent so far."""
        with self._guard:
            return self._counted(0.0)

    def hold(self, name: str, price: float | None, before: Callable[[], list[float]]) -> Hold:
        """Let a call pass and reserve what it may cost, or raise.

        Args:
            price: what the call will cost; ``None`` when only its result tells: then the mean of the name's prices
                counts, else that of the names that this process has paid for.
            before: prices of the name's kept results, asked once per name.

        Raises:
            BudgetSpent: the call would pass the budget. It has not run.
        """
        with self._guard:
            expected = 0.0
            if price != 0:
                with suppress(OSError):  # which is told where the count cannot be written
                    files.make_folder(self._path.parent)
            if self.total is not None and price != 0:  # what costs nothing passes a budget that is spent
                expected = self._expected(name, before) if price is None else price
                self._reserve(name, expected, self.total)
            elif price != 0:
                self._counted(0.0)  # after the call only its price is added to the file
            return Hold(self, name, expected)

    def late(self, name: str) -> Hold:
        """To count the price of a call that nobody knew to have one before it ran and was stored."""
        return Hold(self, name, 0.0, late=True)

    def end(self, hold: Hold, price: float | None) -> None:
        """Count what a call cost, if it ran, and give back what was reserved for it."""
        with self._guard:
            if not hold.ended and price is not None:
                if price:
                    self._counted(price, hold.ended, known=hold.late)
                mean, count = self._means.get(hold.name, (0.0, 0))
                self._means[hold.name] = (mean + (price - mean) / (count + 1), count + 1)
                hold.ended.append(0)
            reserved, hold.reserved = hold.reserved, 0.0
            if reserved:
                self._reserved = max(0.0, self._reserved - reserved)
                with suppress(OSError):
                    self._write_reserved()

    def _expected(self, name: str, before: Callable[[], list[float]]) -> float:
        """The mean of the name's prices; of the other names' means while it has none."""
        if name not in self._means:
            prices = before()
            self._means[name] = (sum(prices) / len(prices) if prices else 0.0, len(prices))
        mean, count = self._means[name]
        if count:
            return mean
        known = [other for other, times in self._means.values() if times]
        return sum(known) / len(known) if known else 0.0

    def _reserve(self, name: str, expected: float, total: float) -> None:
        """Reserve, under the lock of the file, so that of all kernels one looks at a time."""
        try:
            with files.locked(self._path.with_name(f"{self._path.name}.lock")):
                spent, others = self._counted(0.0), self._reserved + self._reserved_elsewhere()
                if spent + others + expected > total * (1 + 1e-12) or spent >= total:
                    under_way = f", calls under way may cost {others:g}" if others else ""
                    raise BudgetSpent(
                        f"the budget of {total:g} is spent",
                        why=f"{spent:g} is paid so far{under_way}, and the next {name} costs about {expected:g}",
                        todo="Raise budget=, or set the mode to replay: kept results cost nothing",
                    )
                self._reserved += expected
                self._write_reserved()
        except OSError as error:
            _tell(error)

    def _write_reserved(self) -> None:
        if self._own is None:
            if not self._reserved:
                return
            path = self._path.with_name(f"{self._path.name}.{os.getpid()}-{secrets.token_hex(4)}")
            fd = files.open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            files.lock(fd)
            self._own = fd, path
        os.pwrite(self._own[0], struct.pack("<d", self._reserved), 0)

    def _reserved_elsewhere(self) -> float:
        """What living kernels have reserved. The files of dead ones are removed."""
        found = 0.0
        for path in self._path.parent.glob(f"{self._path.name}.*-*"):
            if self._own is not None and path == self._own[1]:
                continue
            try:
                fd = files.open_private(path, os.O_RDWR)
            except FileNotFoundError:
                continue
            try:
                if files.lock(fd, wait=False):
                    path.unlink(missing_ok=True)
                elif len(data := os.pread(fd, 8, 0)) == 8:
                    found += struct.unpack("<d", data)[0]
            finally:
                os.close(fd)
        return found

    def _counted(self, by: float, ended: list[int] | None = None, *, known: bool = False) -> float:
        """Add to what was spent, under the lock of the file. A file that cannot be used is told once.

        Args:
            known: the catalog knows of it already, so where the file is new its count is all.
        """
        done: list[int] = [] if ended is None else ended
        try:
            fd = files.open_private(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            _tell(error)
            return self._known() + by
        try:
            files.lock(fd)
            before = _read(fd)
            spent = (self._known() if before is None else before) + (0.0 if before is None and known else by)
            if by or before is None:
                data = struct.pack("<d", spent)
                whole = data + struct.pack("<I", zlib.crc32(data))
                # No interrupt comes between the writing and the note that it was done: both are one step of the
                # interpreter, which looks for signals only after it.
                done.extend(map(os.pwrite, (fd,), (whole,), (0,)))
            return spent
        except OSError as error:
            _tell(error)
            return self._known() + by
        finally:
            files.unlock(fd)
            os.close(fd)

    def _known(self) -> float:
        """What the catalog knows was paid. Its trouble is told, and never stands in a result's way."""
        try:
            return self._paid()
        except Exception as error:
            tell("what was spent so far is not known", f"{type(error).__name__}: {error}", once="budget")
            return 0.0

    def __repr__(self) -> str:
        return f"<budget: {self.spent():g} spent of {'any amount' if self.total is None else f'{self.total:g}'}>"

    def forked(self) -> None:
        """In a forked child: the parent keeps its reservations and their lock."""
        self._guard = threading.Lock()
        if self._own is not None:
            os.close(self._own[0])
        self._own, self._reserved = None, 0.0

    def close(self) -> None:
        """Let go of the file of reservations."""
        own, self._own = self._own, None
        if own is not None:
            with suppress(OSError):
                own[1].unlink(missing_ok=True)
            os.close(own[0])

    __del__ = close


def _tell(error: OSError) -> None:
    tell("what was spent cannot be counted over kernels", error.strerror or str(error), once="budget")


def _read(fd: int) -> float | None:
    data = os.pread(fd, _RECORD.size, 0)
    if len(data) == _RECORD.size and zlib.crc32(data[:8]) == _RECORD.unpack(data)[1]:
        return float(_RECORD.unpack(data)[0])
    return None
