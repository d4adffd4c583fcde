"""A budget: what may be spent by all kernels of a spot, checked before a call."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from spotmagic import files
from spotmagic.errors import BudgetSpent, tell

_RECORD = struct.Struct("<dI")


class Budget:
    """The money of a spot, in the unit of its prices.

    Args:
        path: the file that all kernels share; it holds what was spent.
        total: what may be spent, or ``None`` for any amount.
        paid: what the catalog knows was paid, asked when the file is new or damaged.
    """

    def __init__(self, path: Path, total: float | None, paid: Callable[[], float]) -> None:
        self._path, self.total, self._paid = path, total, paid
        self._means: dict[str, tuple[float, int]] = {}
        self._guard = threading.Lock()

    def spent(self) -> float:
        """What all kernels have spent so far."""
        with self._guard:
            return self._change(0.0)

    def check(self, name: str, price: float | None, before: Callable[[], list[float]]) -> None:
        """Let a call pass, or raise.

        Args:
            price: what the call will cost; ``None`` when only its result tells: the mean of the name's prices counts.
            before: prices of the name's kept results, asked once per name.

        Raises:
            BudgetSpent: the call would pass the budget. It has not run.
        """
        if self.total is None or price == 0:
            return
        expected = self._expected(name, before) if price is None else price
        spent = self.spent()
        if spent + expected > self.total or spent >= self.total:
            raise BudgetSpent(
                f"the budget of {self.total:g} is spent",
                why=f"{spent:g} is paid so far, and the next call of {name} costs about {expected:g}",
                todo="Raise budget=, or set the mode to replay: kept results cost nothing",
            )

    def open(self) -> None:
        """Have the count in its file, before a call that costs runs: after it only the price is added."""
        with self._guard:
            self._change(0.0)

    def spend(self, name: str, price: float) -> None:
        """Count the price of a call that ran."""
        with self._guard:
            mean, count = self._means.get(name, (0.0, 0))
            self._means[name] = (mean + (price - mean) / (count + 1), count + 1)
            if price:
                self._change(price)

    def _expected(self, name: str, before: Callable[[], list[float]]) -> float:
        with self._guard:
            if name not in self._means:
                prices = before()
                self._means[name] = (sum(prices) / len(prices) if prices else 0.0, len(prices))
            return self._means[name][0]

    def _change(self, by: float) -> float:
        """Add to what was spent, under the lock of the file. A file that cannot be used is told once."""
        try:
            fd = files.open_private(self._path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            tell("what was spent cannot be counted over kernels", error.strerror or str(error), once="budget")
            return self._known() + by
        try:
            files.lock(fd)
            before = _read(fd)
            spent = (self._known() if before is None else before) + by
            if by or before is None:
                data = struct.pack("<d", spent)
                os.pwrite(fd, data + struct.pack("<I", zlib.crc32(data)), 0)
            return spent
        except OSError as error:
            tell("what was spent cannot be counted over kernels", error.strerror or str(error), once="budget")
            return self._known() + by
        finally:
            os.close(fd)

    def _known(self) -> float:
        """What the catalog knows was paid. Its trouble is told, and never stands in a result's way."""
        try:
            return self._paid()
        except Exception as error:
            tell("what was spent so far is not known", f"{type(error).__name__}: {error}", once="budget paid")
            return 0.0


def _read(fd: int) -> float | None:
    data = os.pread(fd, _RECORD.size, 0)
    if len(data) == _RECORD.size and zlib.crc32(data[:8]) == _RECORD.unpack(data)[1]:
        return float(_RECORD.unpack(data)[0])
    return None
