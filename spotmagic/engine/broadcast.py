"""One run of a stream and all who read it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from spotmagic.codecs.failures import stand_in
from spotmagic.codecs.streams import Recording, same_item
from spotmagic.engine.attempts import Course
from spotmagic.engine.call import Call
from spotmagic.engine.flight import Seat
from spotmagic.engine.ledger import Look
from spotmagic.engine.receipt import Receipt
from spotmagic.errors import Uncacheable
from spotmagic.options import Mode


class Step(NamedTuple):
    """What a reader gets: an item, the end, or that the run is gone and another has to be looked for."""

    kind: Literal["item", "return", "raise", "gone"]
    value: Any = None


class Broadcast:
    """One run of a stream and all who read it.

    Attributes:
        recording: what came so far; ``None`` where it is not to be kept.
        came: how many items that is.
        end: how it ended, if it did.
        source: the iterator, once there is one.
        exhausted: it has given all its items.
        readers: how many read it.
        began: it has leave to run.
        released: nothing is held for it any more.
        told: somebody read its end.
    """

    def __init__(self, call: Call, look: Look, seat: Seat | None, course: Course, lock: Any) -> None:
        self.call, self.seat, self.course, self.lock = call, seat, course, lock
        self.receipt = Receipt(call, look.decision)
        options, gate = call.options, call.ticket.gate if call.ticket else None
        asked = callable(options.price) or options.keep_if or (gate and gate.settle)
        kept = call.key and not call.trouble and call.mode is not Mode.OFF
        self.recording = Recording() if kept or asked else None
        self.came = self.readers = 0
        self.end: Step | None = None
        self.source: Any = None
        self.began = self.exhausted = self.released = self.told = False
        self._trouble: Uncacheable | None = None
        self._encode, call.encode = call.encode, self._parts  # booking encodes the recording, not its items
        if seat is not None:
            seat.pause()

    @property
    def can_be_joined(self) -> bool:
        """Whether another reader gets all of it, also while it is being stored: nothing tells of it elsewhere yet."""
        gone = self.end is not None and self.end.kind == "gone"
        return not gone and (self.recording is not None or not self.came)

    def ready(self, seen: int) -> Step | None:
        """What comes after so many items, if it is there already."""
        if seen < self.came:
            return Step("item", self.recording[seen]) if self.recording is not None else Step("gone")
        return self.end

    def __enter__(self) -> None:
        """Around each step of the source, which alone is the run."""
        if self.seat is not None:
            self.seat.resume()
        self._before = self._encoded(self.recording.last) if self.recording is not None else None
        self.course.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        passed = self.course.__exit__(kind, error, trace)
        if self.seat is not None:
            self.seat.pause()
        return passed

    def first(self) -> Any:
        """The first item of an attempt."""
        self.source = iter(self.call.run())
        return self.next()

    def next(self) -> Any:
        """The next item, or what it returned."""
        try:
            return next(self.source)
        except StopIteration as stop:
            self.exhausted = True
            return stop.value

    async def afirst(self) -> Any:
        """The first item of an attempt."""
        self.source = aiter(self.call.run())
        return await self.anext()

    async def anext(self) -> Any:
        """The next item, or nothing."""
        try:
            return await anext(self.source)
        except StopAsyncIteration:
            self.exhausted = True

    def take(self) -> Step:
        """An item came."""
        value, self.course.value = self.course.value, None
        if self.recording is not None:
            try:
                self._refuse_changed(value)
                self.recording.add(value, self._encode(value)[0], self.course.seconds)
            except Exception as error:
                self._spoil(error)
        self.came += 1
        return Step("item", value)

    def finish(self) -> None:
        """It returned or raised. Its run is complete then, and can be booked."""
        kind: Literal["return", "raise"] = "return" if self.exhausted else "raise"
        value: Any = self.course.value if self.exhausted else self.course.error
        self.end = Step(kind, value)
        kept = kind == "return" or self.call.options.errors.keeps(value)
        if self.recording is not None and kept:
            try:
                self._refuse_changed(None)
                self.recording.end(kind, self._ended(kind, value), self.course.seconds)
            except Exception as error:
                self._spoil(error)
        self._settle(stopped=False)

    def stop(self) -> None:
        """It was stopped early."""
        self._settle(stopped=True)

    def _settle(self, *, stopped: bool) -> None:
        self.course.leave()
        self.course.value = self.recording
        if stopped:
            self.course.stopped()
        else:
            self.course.after(begun=True)
        self.receipt.ran = self.course.ran(stopped=stopped)

    def _ended(self, kind: str, value: Any) -> Any:
        try:
            return self._encode(value)[0]
        except Uncacheable:
            if kind == "return":
                raise
            return self._encode(stand_in(value))[0]

    def _encoded(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self._encode(value)[0]
        except Exception:  # who got it made it something else
            return None

    def _refuse_changed(self, value: Any) -> None:
        """Refuse a stream that changes what it gave before: who keeps the items would see it, and in a replay not."""
        assert self.recording is not None
        last = self.recording.last
        if self._before is None or last is value:
            return
        after = self._encoded(last)
        if after is None or not same_item(self._before, after):
            raise Uncacheable("the stream changes what it gave before", todo="Yield a copy")

    def _spoil(self, error: Exception) -> None:
        if not isinstance(error, Uncacheable):
            error = Uncacheable("an item cannot be kept", f"{type(error).__name__}: {error}")
        self._trouble, self.recording = error, None

    def _parts(self, _: Any) -> Any:
        if self._trouble is not None:
            raise self._trouble
        return self._encode(self.recording)
