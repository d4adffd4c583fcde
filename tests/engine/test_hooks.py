"""Hooks are told of every call, change nothing, and cost nothing where there are none."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Retry, Spot
from spotmagic.errors import OptionError
from spotmagic.hooks import MOMENTS, Event, Logging, Metrics, OpenTelemetry
from spotmagic.testing import FakeClock


class Everything:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_") and name.removeprefix("on_") in MOMENTS:
            return self.events.append
        raise AttributeError(name)

    @property
    def moments(self) -> list[str]:
        return [event.moment for event in self.events]


def double(x: int) -> int:
    return 2 * x


def test_a_run_and_a_hit_are_told_with_their_price_and_key(tmp_path: Path) -> None:
    heard = Everything()
    with Spot("s", root=tmp_path, hooks=[heard]) as spot:
        f = spot.mark(price=0.5)(double)
        assert [f(1), f(1)] == [2, 2]
        assert heard.moments == ["start", "success", "finish", "hit"]
        start, success, finish, hit = heard.events
        assert start.run == success.run == finish.run and {event.key for event in heard.events} == {f.key(1)}
        assert (success.price, success.stored, hit.saved_price, hit.verdict) == (0.5, True, 0.5, "hit")
        with pytest.raises(AttributeError):
            hit.price = 1.0  # type: ignore[misc]


def test_retries_waits_and_failures_are_told_in_order(tmp_path: Path) -> None:
    heard, clock = Everything(), FakeClock()

    def flaky(x: int) -> int:
        raise TimeoutError("no answer")

    with Spot("s", root=tmp_path, hooks=[heard], clock=clock, rpm=60, limits="memory") as spot:
        f = spot.mark(retry=Retry(2, wait=1))(spot.limiter(name="slow")(flaky))
        with pytest.raises(TimeoutError):
            f(1)
        with pytest.raises(TimeoutError):
            f(2)
    assert heard.moments[:2] == ["start", "retry"] and heard.moments[-2:] == ["failure", "finish"]
    retry, failure = heard.events[1], heard.events[-2]
    assert (retry.attempt, retry.pause, repr(retry.error)) == (1, 1.0, "TimeoutError('no answer')")
    assert (failure.attempt, failure.stored, failure.reason) == (2, False, "raised TimeoutError")
    assert {event.limit for event in heard.events if event.moment == "limit_wait"} == {"slow"}


def test_an_interrupted_run_is_finished_and_neither_succeeds_nor_fails(tmp_path: Path) -> None:
    heard = Everything()

    def stopped(x: int) -> int:
        raise KeyboardInterrupt

    async def cancelled(x: int) -> int:
        raise asyncio.CancelledError

    with Spot("s", root=tmp_path, hooks=[heard]) as spot:
        with pytest.raises(KeyboardInterrupt):
            spot.mark(stopped)(1)
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(spot.mark(cancelled)(1))
    assert heard.moments == ["start", "finish"] * 2
    assert [type(event.error) for event in heard.events[1::2]] == [KeyboardInterrupt, asyncio.CancelledError]


def test_async_calls_joined_calls_and_calls_in_mode_off_are_told(tmp_path: Path) -> None:
    heard = Everything()

    async def slow(x: int) -> int:
        await asyncio.sleep(0)
        return x

    async def both(f: Any) -> list[int]:
        return list(await asyncio.gather(f(1), f(1)))

    with Spot("s", root=tmp_path, hooks=[heard]) as spot:
        f = spot.mark(slow)
        assert asyncio.run(both(f)) == [1, 1]
        assert sorted(heard.moments) == ["finish", "hit", "start", "success"]
        assert {event.verdict for event in heard.events} == {"", "ran", "joined"}
        heard.events.clear()
        spot.mark(mode="off")(double)(3)
        assert [event.verdict for event in heard.events] == ["", "bypassed", "bypassed"]


def test_what_a_hook_raises_is_logged_and_never_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def on_hit(self, event: Event) -> None:
            raise ValueError("broken hook")

        on_start = on_success = on_finish = on_hit

    heard = Everything()
    with Spot("s", root=tmp_path, hooks=[Broken(), heard]) as spot:
        f = spot.mark(double)
        with caplog.at_level(logging.ERROR):
            assert [f(1), f(1), f(1)] == [2, 2, 2]
    assert heard.moments == ["start", "success", "finish", "hit", "hit"]
    assert "broken hook" in caplog.text and len(caplog.records) == 4


@pytest.mark.parametrize("hook", [object(), Metrics, type("Near", (), {"on_sucess": print})()])
def test_what_is_no_hook_is_refused_before_anything_runs(tmp_path: Path, hook: object) -> None:
    with pytest.raises(OptionError, match=r"is no hook|Did you mean on_success"):
        Spot("s", root=tmp_path, hooks=[hook])


def test_metrics_count_money_and_time_as_plain_numbers(tmp_path: Path) -> None:
    metrics = Metrics()
    with Spot("s", root=tmp_path, hooks=[metrics]) as spot:
        f = spot.mark(price=2)(double)
        g = spot.mark(lambda x: 1 // x)
        for x in (1, 1, 2):
            f(x)
        with pytest.raises(ZeroDivisionError):
            g(0)
        seen = metrics.snapshot()
        assert (seen["runs"], seen["hits"], seen["failures"], seen["paid"], seen["saved"]) == (3, 1, 1, 4, 2)
        name = next(name for name in metrics.names() if name.endswith("double"))
        assert metrics.snapshot(name)["failures"] == 0 and metrics.snapshot("other")["runs"] == 0


def test_the_log_names_what_ran_and_what_failed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Spot("s", root=tmp_path, hooks=[Logging()]) as spot, caplog.at_level(logging.DEBUG, "spotmagic.calls"):
        f = spot.mark(double)
        f(1), f(1)
        with pytest.raises(TypeError):
            f("a", 2)  # type: ignore[call-arg]
    assert "double ran in" in caplog.text and "double: hit" in caplog.text


def test_a_span_is_made_of_each_run_and_is_current_while_it_lasts(tmp_path: Path) -> None:
    from opentelemetry import trace

    class Span(trace.NonRecordingSpan):
        def __init__(self, name: str, attributes: dict[str, Any]) -> None:
            super().__init__(trace.INVALID_SPAN_CONTEXT)
            self.name, self.attributes, self.ended, self.errors = name, attributes, False, []

        def set_attributes(self, attributes: Any) -> None:
            self.attributes |= attributes

        def record_exception(self, exception: BaseException, *_: Any, **__: Any) -> None:
            self.errors.append(exception)

        def end(self, end_time: int | None = None) -> None:
            self.ended = True

    class Tracer:
        spans: list[Span] = []

        def start_span(self, name: str, attributes: dict[str, Any]) -> Span:
            self.spans.append(Span(name, dict(attributes)))
            return self.spans[-1]

    inside = []

    def asked(x: int) -> int:
        inside.append(trace.get_current_span())
        return 1 // x

    tracer = Tracer()
    with Spot("s", root=tmp_path, hooks=[OpenTelemetry(tracer)]) as spot:
        f = spot.mark(ignore="inside")(asked)
        f(1), f(1)
        with pytest.raises(ZeroDivisionError):
            f(0)
    assert inside == tracer.spans and all(span.ended for span in tracer.spans)
    assert [len(span.errors) for span in tracer.spans] == [0, 1]
    assert tracer.spans[0].attributes["spotmagic.stored"] is True
    assert trace.get_current_span() is trace.INVALID_SPAN
