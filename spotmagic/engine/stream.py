"""The way of a stream: recorded while it runs, item by item, and replayed item by item.

:meth:`Streams.play` and :meth:`Streams.aplay` are for whatever gives items one after the other: a generator, the
chunks of an answer, the events of a server. ``call.run`` gives the iterator, and what it gives is kept as one entry:
the items, when each came, what was returned or raised. ``call.encode`` gives one part for a value. What comes before
the items and has to come back too (the status and headers of an answer) is simply the first item::

    def run():
        response = client.send(request, stream=True)
        yield response.status_code, response.headers.raw
        yield from response.iter_raw()

    chunks = engine.streams.play(lambda: Call(..., run=run, encode=encode_value, decode=decode_value))
    status, headers = next(chunks)

Nothing happens before the first ``next``: not even the key is taken. A stream closed early is kept as partial, which
is never given to anybody: the next call runs again. One run feeds all who ask for its key meanwhile in this process,
and whoever needs the next item first gets it from the source, so that readers never wait for one that has stopped
reading.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any

from spotmagic.codecs.streams import Recording
from spotmagic.engine import collected
from spotmagic.engine.attempts import Course, abegin, begin
from spotmagic.engine.broadcast import Broadcast, Step
from spotmagic.engine.call import Call
from spotmagic.engine.flight import GONE, STORED, Seat, refuse_own
from spotmagic.engine.ledger import Ledger, Look
from spotmagic.errors import OptionError, is_end
from spotmagic.options import Mode, Verdict

Make = Callable[[], Call]


class Streams:
    """Plays streams over a store: what was recorded, or a run that is recorded while it is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.flight, self._clock = ledger, ledger.flight, ledger.clock
        self._running: dict[tuple[bytes, int], Broadcast] = {}
        self._guard = threading.RLock()  # a stream may be collected, and so closed, anywhere

    def play(self, make: Make) -> Generator[Any, None, Any]:
        """The items of a call, and what it returns. The call is made when the first item is asked for."""
        items = self._items(make)
        try:
            while True:
                try:
                    item = next(items)
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                except BaseException as error:
                    if is_end(error):
                        raise
                    raise _one_way("throw") from error
                if sent is not None:
                    raise _one_way("send")
        finally:
            items.close()

    async def aplay(self, make: Make) -> AsyncGenerator[Any, None]:
        """The same for a call whose ``run`` gives an asynchronous iterator."""
        items = self._aitems(make)
        try:
            async for item in items:
                try:
                    sent = yield item
                except BaseException as error:
                    if is_end(error):
                        raise
                    raise _one_way("athrow") from error
                if sent is not None:
                    raise _one_way("asend")
        finally:
            await items.aclose()

    def _items(self, make: Make) -> Generator[Any, None, Any]:
        call, given = make(), 0
        verdict: Verdict = "hit"
        while True:
            look = self.ledger.look(call)
            if look.decision.action not in ("run", "bypass"):
                recording = self._settled(call, look, verdict)
                for wait, item in _paced(recording, call.latency, given):
                    if wait:
                        self._clock.sleep(wait)
                    yield item
                return _ending(recording)
            cast, seen = self._join(call, look, 0, threading.Lock), 0
            try:
                while True:
                    with cast.lock:
                        step = cast.ready(seen) or self._pull(cast)
                    if step.kind != "item":
                        break
                    seen += 1
                    if seen > given:
                        given += 1
                        yield step.value
            finally:
                if self._leave(cast):
                    self._stop(cast)
            if step.kind != "gone":
                return self._over(cast, call, step)
            verdict, call = "joined", make() if cast.call is call else call

    async def _aitems(self, make: Make) -> AsyncGenerator[Any, None]:
        call, given = make(), 0
        verdict: Verdict = "hit"
        while True:
            look = self.ledger.look(call)
            if look.decision.action not in ("run", "bypass"):
                recording = self._settled(call, look, verdict)
                for wait, item in _paced(recording, call.latency, given):
                    if wait:
                        await self._clock.asleep(wait)
                    yield item
                _ending(recording)
                return
            loop = asyncio.get_running_loop()
            cast, seen = self._join(call, look, id(loop), asyncio.Lock), 0
            try:
                while True:
                    async with cast.lock:
                        step = cast.ready(seen) or await self._apull(cast)
                    if step.kind != "item":
                        break
                    seen += 1
                    if seen > given:
                        given += 1
                        yield step.value
            finally:
                if self._leave(cast):
                    await self._astop(cast)
            if step.kind != "gone":
                self._over(cast, call, step)
                return
            verdict, call = "joined", make() if cast.call is call else call

    def _pull(self, cast: Broadcast) -> Step:
        """The next step of the source, which the caller has the lock of."""
        course = cast.course
        try:
            if not cast.began:
                for pause in cast.seat.waits() if cast.seat else ():
                    self._clock.sleep(pause)
                if self._met(cast):
                    return self._gone(cast)
            if cast.source is None:
                begin(course, cast.first, cast)
            else:
                with cast:
                    course.value = cast.next()
            if course.error is None and not cast.exhausted:
                return cast.take()
            cast.finish()
            self.ledger.book(cast.receipt)
            return self._landed(cast)
        except BaseException:
            self._broken(cast)
            raise

    async def _apull(self, cast: Broadcast) -> Step:
        course = cast.course
        try:
            if not cast.began:
                for pause in cast.seat.waits() if cast.seat else ():
                    await self._clock.asleep(pause)
                if self._met(cast):
                    return self._gone(cast)
            if cast.source is None:
                await abegin(course, cast.afirst, cast)
            else:
                with cast:
                    course.value = await cast.anext()
            if course.error is None and not cast.exhausted:
                return cast.take()
            cast.finish()
            await self.ledger.abook(cast.receipt)
            return self._landed(cast)
        except BaseException:
            self._broken(cast)
            raise

    def _stop(self, cast: Broadcast) -> None:
        """Close the source of a stream that nobody reads any more."""
        try:
            close = getattr(cast.source, "close", None)
            if close is not None:
                with cast:
                    close()
        finally:
            if collected.is_collecting():
                collected.later(functools.partial(self._stopped, cast))
            else:
                self._stopped(cast)
        if cast.course.error is not None:
            raise cast.course.error

    async def _astop(self, cast: Broadcast) -> None:
        try:
            close = getattr(cast.source, "aclose", None)
            if close is not None:
                with cast:
                    await close()
        finally:
            self._stopped(cast)
        if cast.course.error is not None:
            raise cast.course.error

    def _settled(self, call: Call, look: Look, verdict: Verdict) -> Recording:
        """What was recorded. Raises where the mode forbids a run."""
        if look.entry is None:
            raise self.ledger.refuse(call, look.decision)
        recording: Recording = self.ledger.hit(call, look.entry, look.value, 0.0, verdict).value
        return recording

    def _join(self, call: Call, look: Look, loop: int, lock: Callable[[], Any]) -> Broadcast:
        """The run under way of a call's key, else a new one. Runs of another event loop are not shared."""
        collected.watch()
        shared = bool(call.key) and call.mode is Mode.AUTO  # a record is a run of one's own
        with self._guard:
            place = call.key, loop
            cast = self._running.get(place) if shared else None
            if cast is None or not cast.can_be_joined:
                # One that cannot be joined here (its items are not kept) would be waited for by who reads both.
                seat = Seat(self.flight, call.key) if shared and cast is None else None
                try:
                    course = Course(call, self._clock, stepwise=True)
                    cast = Broadcast(call, look, seat, course, lock())
                except BaseException:
                    if seat is not None:
                        seat.land(GONE)
                    raise
                if shared:
                    self._running[place] = cast
            elif cast.call is not call:
                refuse_own(call.key)
            cast.readers += 1
            return cast

    def _leave(self, cast: Broadcast) -> bool:
        """One reader less. Whether it was the last one of a run that has not ended."""
        with self._guard:
            cast.readers -= 1
            if cast.readers or cast.end is not None:
                return False
            self._forget(cast)
            cast.end = Step("gone")
            return True

    def _forget(self, cast: Broadcast) -> None:
        for place in [place for place, known in self._running.items() if known is cast]:
            del self._running[place]

    def _met(self, cast: Broadcast) -> bool:
        """Begin a run, unless another kernel, or one that is just about to land here, has stored the result."""
        call = cast.call
        looks = bool(call.key) and call.mode is Mode.AUTO and not call.fresh
        if looks and self.ledger.store.has(call.key) and self.ledger.look(call).decision.action != "run":
            return True
        if not cast.receipt.passes:
            cast.receipt.reserve(self.ledger.store)
        cast.receipt.start(self.ledger.board, self._clock.now())
        cast.began = True
        return False

    def _gone(self, cast: Broadcast) -> Step:
        cast.end = Step("gone")
        with self._guard:
            self._forget(cast)
        if cast.seat is not None:
            cast.seat.land(STORED)
        return cast.end

    def _landed(self, cast: Broadcast) -> Step:
        """The end of a run that is booked."""
        self._release(cast)
        assert cast.end is not None
        return cast.end

    def _broken(self, cast: Broadcast) -> None:
        """The end of a run that was interrupted, or never got leave. Others who read it look for another."""
        if cast.end is not None:
            try:
                self.ledger.rescue(cast.receipt)
            finally:
                self._release(cast)
            return
        cast.end = Step("gone")
        with suppress(Exception):  # of ours: what interrupts it goes on
            self._stopped(cast)

    def _stopped(self, cast: Broadcast) -> None:
        """Keep what came of a stream that was stopped early."""
        error, cast.course.error = cast.course.error, None
        try:
            if cast.course.attempts:
                cast.stop()
                self.ledger.book(cast.receipt)
        finally:
            cast.course.error = error
            self._release(cast)
        if cast.course.attempts and cast.call.mode is not Mode.OFF:
            self.ledger.finished(cast.receipt)

    def _release(self, cast: Broadcast) -> None:
        with self._guard:
            self._forget(cast)
            if cast.released:
                return
            cast.released = True
        cast.receipt.release()
        if cast.seat is not None:
            cast.seat.land(GONE)
        cast.receipt.tell()

    def _over(self, cast: Broadcast, call: Call, step: Step) -> Any:
        """The end of a reader's call: what the stream returned, or raised."""
        receipt = cast.receipt
        assert receipt.ran is not None
        first, cast.told = not cast.told, True  # who read the end first ran it
        if first:
            self.ledger.finished(receipt)
        elif receipt.entry is not None and not receipt.obstacle:
            self.ledger.hit(call, receipt.entry, cast.recording, 0.0, "joined")
        else:
            self.ledger.shared(call, None, 0.0)
        if step.kind == "raise":
            raise step.value
        return step.value


def _paced(recording: Recording, latency: Any, given: int) -> Any:
    """The items from a number on, each with the seconds to wait before it."""
    before = 0.0
    for number, item in enumerate(recording.items()):
        wait = item.at - before if latency == "recorded" else latency if not number else 0.0
        before = item.at
        if number >= given:
            yield max(0.0, wait), item.value


def _ending(recording: Recording) -> Any:
    ended = recording.result()
    if recording.ended == "raise":
        raise ended
    return ended


def _one_way(word: str) -> OptionError:
    return OptionError(
        f"{word}() to a kept stream",
        why="what it is told would count, and a recorded one does not listen",
        todo="Call the plain function, which is its __wrapped__",
    )
