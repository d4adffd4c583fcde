"""A call whose result comes piece by piece: what came is kept when its end has come, and never before.

No other caller waits for one: its reader may stop in the middle and keep it open for ever. Nor does one take part in
another's: pieces are cut where they arrived, so that the rest of one run does not fit the beginning of another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from spotmagic.engine.attempts import Course, abegin, begin
from spotmagic.engine.call import Call, Done
from spotmagic.engine.decide import Decision
from spotmagic.engine.ledger import Ledger
from spotmagic.engine.receipt import Receipt
from spotmagic.values.scheme import digest


class Streamed:
    """A call under way. It ends once: with all that came, or without an end.

    Args:
        decision: to run it and keep what comes, or to let it pass.
    """

    def __init__(self, ledger: Ledger, call: Call, decision: Decision) -> None:
        self.ended = False
        self._ledger, self._call = ledger, call
        self._receipt = Receipt(call, decision)
        self._course = Course(call, ledger.clock)

    def start(self, run: Callable[[], Any]) -> Any:
        """What beginning the call gives, each attempt after the limit. Raises the user's error, or ``BudgetSpent``."""
        with self._beginning():
            begin(self._course, run, self._course)
        return self._begun()

    async def astart(self, run: Callable[[], Awaitable[Any]]) -> Any:
        """The same where beginning gives something to await."""
        with self._beginning():
            await abegin(self._course, run, self._course)
        return self._begun()

    def end(self, value: Any) -> None:
        """All has come: keep it."""
        if self._over(value):
            self._book()

    async def aend(self, value: Any) -> None:
        """The same in an event loop, which does not wait for the disk."""
        if self._over(value):
            with self._booking():
                await self._ledger.abook(self._receipt)

    def stop(self, so_far: Any, error: Exception | None = None) -> None:
        """It ends without an end: keep what came as partial, which no call is answered with.

        Args:
            so_far: what came, or ``None`` where nothing of it is worth keeping.
        """
        if not self._over(so_far, error, stopped=so_far is not None):
            return
        if so_far is not None and self._call.key:
            # A key of its own: who reads the same to its end meanwhile, here or in another kernel, may keep the whole
            # between any look of ours and our writing.
            self._call.key = digest("partial", self._call.key)
        self._book()

    @contextlib.contextmanager
    def _beginning(self) -> Iterator[None]:
        """Around the beginning: an interrupt, or a limit that does not let it pass, gives back what was reserved."""
        try:
            if not self._receipt.passes:
                self._receipt.reserve(self._ledger.store)
            self._receipt.start(self._ledger.board, self._ledger.clock.now())
            yield
        except BaseException:
            self.ended = True
            self._receipt.release()
            raise

    def _begun(self) -> Any:
        if self._course.error is not None:
            self.ended, self._receipt.ran = True, self._course.ran()
            self._book()
            raise self._course.error
        return self._course.value

    def _over(self, value: Any, error: Exception | None = None, *, stopped: bool = False) -> bool:
        """Settle with the limit. Whether this is the first time that it ends."""
        if self.ended:
            return False
        self.ended = True  # before the rest: an interrupt in it must not let it end once more
        self._course.value, self._course.error = value, error
        if stopped and error is None:
            self._course.stopped()
        else:
            self._course.after(begun=True)
        ran = self._course.ran(stopped=stopped)
        seconds = max(ran.seconds, self._ledger.clock.now() - ran.started - ran.waited)
        self._receipt.ran = ran._replace(seconds=seconds)
        return True

    def _book(self) -> None:
        with self._booking():
            self._ledger.book(self._receipt)

    @contextlib.contextmanager
    def _booking(self) -> Iterator[None]:
        """Around the booking: what is reserved is given back, and it is told."""
        receipt = self._receipt
        try:
            yield
        except BaseException:
            self._ledger.rescue(receipt)
            raise
        finally:
            receipt.release()
            receipt.tell()
        if not receipt.passes or (receipt.ran is not None and receipt.ran.error is None):
            self._ledger.finished(receipt)


def opened(ledger: Ledger, call: Call) -> Done | Streamed:
    """The end of a call whose result is there, or one that is still to be started. Raises where it may not run."""
    look = ledger.look(call)
    if look.decision.action in ("run", "bypass"):
        return Streamed(ledger, call, look.decision)
    if look.entry is None:
        raise ledger.refuse(call, look.decision)
    return ledger.hit(call, look.entry, look.value, 0.0)
