"""Hooks: objects that watch the calls of a spot, ``Spot(hooks=[Metrics()])``.

A hook has any of the methods ``on_hit``, ``on_start``, ``on_limit_wait``, ``on_retry``, ``on_success``, ``on_failure``
and ``on_finish``; each is given one :class:`Event`. It sees and changes nothing: what it raises is logged.

A run is told as start, then limit_wait and retry as they happen, then success or failure, then finish; one that is
interrupted as start and finish. A call that did not run because its result was there is told as hit.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import OptionError, unknown

MOMENTS = ("hit", "start", "limit_wait", "retry", "success", "failure", "finish")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a hook is told.

    Attributes:
        moment: ``hit``, ``start``, ``limit_wait``, ``retry``, ``success``, ``failure`` or ``finish``.
        run: a number that the events of one run share while it lasts.
        name, kind, key: of the call; the key in digits, empty where it has none.
        at: wall time in seconds.
        verdict: of a hit ``hit``, ``joined`` (another run gave it) or ``mocked``; of a run ``ran`` or ``bypassed``.
        attempt: the number of attempts so far.
        seconds: how long the last attempt took; of a hit, how long the run took that made the result.
        waited: seconds spent waiting for a limit or for another run.
        pause: seconds until the next attempt.
        limit: the name of the limit that was waited for.
        price: what the run cost.
        saved_seconds, saved_price: what a hit did not cost.
        age: seconds since the result of a hit was made.
        stored: whether the result is kept.
        reason: why it is not.
        error: how the attempt, or the run, failed; of an interrupted one the interrupt.
    """

    moment: str
    name: str
    kind: str
    key: str
    run: int
    at: float
    verdict: str = ""
    attempt: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    pause: float = 0.0
    limit: str = ""
    price: float = 0.0
    saved_seconds: float = 0.0
    saved_price: float = 0.0
    age: float = 0.0
    stored: bool = False
    reason: str = ""
    error: BaseException | None = None


class Watched(Protocol):
    """A call, as far as hooks are told of it."""

    name: str
    kind: str
    key: Any


class Hooks:
    """The hooks of a spot.

    Raises:
        OptionError: for an object that has no method of a hook, or one whose name is nearly right.
    """

    def __init__(self, hooks: Iterable[Any], clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._told: set[tuple[int, str]] = set()
        self._listeners: dict[str, list[Callable[[Event], Any]]] = {moment: [] for moment in MOMENTS}
        given = hooks if isinstance(hooks, list | tuple | set | frozenset) else (hooks,)
        for hook in given:
            for name in (name for name in dir(hook) if name.startswith("on_")):
                if name.removeprefix("on_") not in MOMENTS:
                    raise unknown(f"method of hook {type(hook).__name__}", name, [f"on_{one}" for one in MOMENTS])
            found = {moment: getattr(hook, f"on_{moment}", None) for moment in MOMENTS}
            if isinstance(hook, type) or not any(map(callable, found.values())):
                raise OptionError(
                    f"{hook!r} is no hook",
                    why="it is a class" if isinstance(hook, type) else "it has no method such as on_success",
                    todo="Say hooks=[Metrics()], objects of spotmagic.hooks or your own",
                )
            for moment, listener in found.items():
                if callable(listener):
                    self._listeners[moment].append(listener)

    def tell(self, moment: str, call: Watched, **facts: Any) -> None:
        """Give the hooks one event. What they raise is logged, once for each of them and moment."""
        listeners = self._listeners[moment]
        if not listeners:
            return
        event = Event(
            moment=moment,
            name=call.name,
            kind=call.kind,
            key=call.key if isinstance(call.key, str) else call.key.hex(),
            run=id(call),  # the call outlives its events, so no other has this number meanwhile
            at=self._clock.now(),
            **facts,
        )
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                place = id(listener), moment
                if place not in self._told:
                    self._told.add(place)
                    logging.getLogger("spotmagic").exception(f"hook {listener!r} failed; what it raises is ignored")


class Logging:
    """A hook that writes a line for each run, retry and failure.

    Args:
        logger: its name; hits are written at the level below the others.
    """

    def __init__(self, logger: str = "spotmagic.calls", level: int = logging.INFO) -> None:
        self._logger, self._level = logging.getLogger(logger), level

    def on_hit(self, event: Event) -> None:
        """Say what was saved."""
        said = event.name, event.verdict, event.saved_seconds, event.saved_price
        self._logger.log(min(self._level, logging.DEBUG), "%s: %s, saved %.3g s and %.6g", *said)

    def on_limit_wait(self, event: Event) -> None:
        """Say what was waited for."""
        self._logger.log(self._level, "%s waited %.3g s for limit %s", event.name, event.waited, event.limit)

    def on_retry(self, event: Event) -> None:
        """Say why there is another attempt."""
        said = event.name, event.attempt, event.error, event.pause
        self._logger.log(max(self._level, logging.WARNING), "%s: attempt %d failed: %r; again in %.3g s", *said)

    def on_success(self, event: Event) -> None:
        """Say what the run took."""
        kept = "kept" if event.stored else f"not kept: {event.reason}" if event.reason else "not kept"
        said = event.name, event.verdict, event.seconds, event.price, kept
        self._logger.log(self._level, "%s %s in %.3g s for %.6g, %s", *said)

    def on_failure(self, event: Event) -> None:
        """Say how the run failed."""
        said = event.name, event.attempt, event.error
        self._logger.log(max(self._level, logging.ERROR), "%s failed at attempt %d: %r", *said)


class Metrics:
    """A hook that counts: ``metrics.snapshot()`` gives plain numbers for whatever shows them."""

    _NAMES = (
        "hits", "runs", "failures", "retries", "waits", "seconds", "waited", "paid", "saved_seconds", "saved",
    )  # fmt: skip

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, float]] = {}

    def snapshot(self, name: str | None = None) -> dict[str, float]:
        """Numbers of hits, runs (failed ones too), failures, retries and waits for a limit; seconds that runs took and
        waited, money paid; seconds and money saved by hits. Of one name, or of all."""
        with self._lock:
            some = [counts for known, counts in self._counts.items() if name in (None, known)]
            return {each: sum(counts[each] for counts in some) for each in self._NAMES}

    def names(self) -> list[str]:
        """The names of what was counted."""
        with self._lock:
            return sorted(self._counts)

    def on_hit(self, event: Event) -> None:
        """Count a result that was there."""
        self._add(event, hits=1, saved_seconds=event.saved_seconds, saved=event.saved_price)

    def on_limit_wait(self, event: Event) -> None:
        """Count a wait."""
        self._add(event, waits=1, waited=event.waited)

    def on_retry(self, event: Event) -> None:
        """Count an attempt that failed and was not the last."""
        self._add(event, retries=1)

    def on_success(self, event: Event) -> None:
        """Count a run."""
        self._add(event, runs=1, seconds=event.seconds, paid=event.price)

    def on_failure(self, event: Event) -> None:
        """Count a run that failed."""
        self._add(event, runs=1, failures=1, seconds=event.seconds)

    def _add(self, event: Event, **amounts: float) -> None:
        with self._lock:
            counts = self._counts.setdefault(event.name, dict.fromkeys(self._NAMES, 0))
            for each, amount in amounts.items():
                counts[each] += amount


class OpenTelemetry:
    """A hook that makes a span of each run, under the span that is current where it was called; hits have none.

    Args:
        tracer: anything with ``start_span``; by default the one of ``opentelemetry.trace`` (package opentelemetry-api).
    """

    def __init__(self, tracer: Any = None) -> None:
        try:
            from opentelemetry import context, trace
        except ImportError as error:
            todo = "pip install 'spotmagic[otel]'"
            raise OptionError("the hook OpenTelemetry needs opentelemetry-api", str(error), todo) from None
        self._trace, self._context = trace, context
        self._tracer = tracer or trace.get_tracer("spotmagic")
        self._spans: dict[int, tuple[Any, Any]] = {}

    def on_start(self, event: Event) -> None:
        """Begin a span, which is the current one while the call runs."""
        about = {"spotmagic.kind": event.kind, "spotmagic.key": event.key}
        span = self._tracer.start_span(event.name, attributes=about)
        self._spans[event.run] = span, self._context.attach(self._trace.set_span_in_context(span))

    def on_limit_wait(self, event: Event) -> None:
        """Note the wait in the span."""
        self._note(event, "waited for limit", {"limit": event.limit, "seconds": event.waited})

    def on_retry(self, event: Event) -> None:
        """Note the attempt in the span."""
        self._note(event, "retry", {"attempt": event.attempt, "error": repr(event.error), "pause": event.pause})

    def on_finish(self, event: Event) -> None:
        """End the span with what came of the run."""
        span, token = self._spans.pop(event.run, (None, None))
        if span is None:
            return
        with contextlib.suppress(ValueError):  # ended in another context than it began in
            self._context.detach(token)
        facts = {"verdict": event.verdict, "attempts": event.attempt, "price": event.price, "stored": event.stored}
        span.set_attributes({f"spotmagic.{name}": value for name, value in facts.items()})
        if event.error is not None:
            span.record_exception(event.error)
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, str(event.error)))
        span.end()

    def _note(self, event: Event, what: str, facts: dict[str, Any]) -> None:
        if event.run in self._spans:
            self._spans[event.run][0].add_event(what, facts)
