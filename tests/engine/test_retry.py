"""Which failures are tried again, after how long, and what a provider's answer says: decided without waiting."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.error
from email.message import Message
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import requests
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from spotmagic.engine.feedback import answer_of, feedback_of, teach
from spotmagic.engine.retry import FIRST, JITTER, LONGEST, TOTAL, Retry, is_transient
from spotmagic.errors import LimitTimeout, OptionError
from spotmagic.limits.feedback import pause_asked

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
REQUEST = httpx.Request("GET", "http://provider")


def answer(status: int, headers: dict[str, str] | None = None, body: str = "") -> httpx.HTTPStatusError:
    response = httpx.Response(status, headers=headers, text=body, request=REQUEST)
    return httpx.HTTPStatusError(f"{status} {body}", request=REQUEST, response=response)


class SdkError(Exception):
    """As the SDKs of the large providers shape theirs."""

    def __init__(self, status: int, code: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code, self.code = status, code
        self.response = httpx.Response(status, headers=headers, request=REQUEST)


class APIConnectionError(Exception):
    """One whose module is the SDK's."""


APIConnectionError.__module__ = "openai._exceptions"


def throttled() -> Exception:
    """As botocore shapes them."""
    error = Exception("An error occurred")
    error.response = {  # type: ignore[attr-defined]
        "Error": {"Code": "ThrottlingException"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {"Retry-After": "3"}},
    }
    return error


def url_error(reason: Exception) -> Exception:
    return urllib.error.URLError(reason)  # type: ignore[arg-type]


def http_error(status: int) -> Exception:
    headers = Message()
    headers["Retry-After"] = "7"
    return urllib.error.HTTPError("http://provider", status, "no", headers, None)


# which errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        *(answer(status) for status in (408, 409, 425, 429, 500, 502, 503, 504, 529)),
        SdkError(429),
        http_error(429),
        http_error(503),
        throttled(),
        TimeoutError(),
        ConnectionResetError(),
        BrokenPipeError(),
        socket.gaierror(-3, "Temporary failure in name resolution"),
        url_error(ConnectionRefusedError()),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("no"),
        httpx.RemoteProtocolError("cut"),
        requests.exceptions.ReadTimeout("slow"),
        requests.exceptions.ConnectionError("no"),
        requests.exceptions.ChunkedEncodingError("cut"),
        APIConnectionError(),
        answer(404, {"x-should-retry": "true"}),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:40],
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert Retry().delay(1, error, 0.0, 0.5) is not None


@pytest.mark.parametrize(
    "error",
    [
        *(answer(status) for status in (400, 401, 403, 404, 422, 501)),
        answer(503, {"x-should-retry": "false"}),
        SdkError(429, "insufficient_quota"),
        answer(429, {}, '{"error": {"code": "insufficient_quota"}}'),
        ValueError(),
        KeyError("x"),
        FileNotFoundError(),
        LimitTimeout("waiting for capacity is no attempt"),
        url_error(ssl.SSLCertVerificationError()),
        KeyboardInterrupt(),
        SystemExit(),
        asyncio.CancelledError(),
        GeneratorExit(),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:40],
)
def test_what_will_not_pass_is_not(error: BaseException) -> None:
    assert Retry().delay(1, error, 0.0, 0.5) is None


def test_a_certificate_that_is_wrong_stays_wrong() -> None:
    error = requests.exceptions.SSLError("no")
    error.__cause__ = ssl.SSLCertVerificationError()
    assert not is_transient(error)


def test_on_says_which_errors() -> None:
    assert Retry(on=ValueError).delay(1, ValueError(), 0, 0) is not None
    assert Retry(on=(ValueError, KeyError)).delay(1, KeyError(), 0, 0) is not None
    assert Retry(on=ValueError).delay(1, TimeoutError(), 0, 0) is None
    assert Retry(on=lambda error: "again" in str(error)).delay(1, Exception("again"), 0, 0) is not None
    assert Retry(on=lambda error: "again" in str(error)).delay(1, Exception("no"), 0, 0) is None


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), asyncio.CancelledError(), SystemExit()])
def test_an_interrupt_is_never_tried_again_whatever_is_asked(interrupt: BaseException) -> None:
    assert Retry(on=BaseException).delay(1, interrupt, 0, 0) is None


# how long -----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.floats(0, 1))
def test_the_wait_is_drawn_from_a_bound_that_doubles_up_to_a_minute(attempt: int, random: float) -> None:
    delay = Retry(1000).delay(attempt, TimeoutError(), 0, random)
    assert delay == pytest.approx(random * min(LONGEST, FIRST * 2 ** (attempt - 1)))


@given(st.floats(0, 500), st.floats(0, 1))
def test_what_the_server_asks_for_is_the_floor_with_some_jitter(seconds: float, random: float) -> None:
    delay = Retry().delay(1, answer(429, {"retry-after": f"{seconds:.6f}"}), 0, random)
    assert delay is not None
    assert round(seconds, 6) - 1e-9 <= delay <= max(FIRST, seconds * (1 + JITTER)) + 1e-6


def test_the_jitter_spreads_those_who_come_back() -> None:
    delays = {Retry().delay(1, answer(429, {"retry-after": "60"}), 0, random) for random in (0.0, 0.5, 1.0)}
    assert sorted(delays) == pytest.approx([60, 63, 66])  # type: ignore[type-var]


def test_a_server_that_asks_for_an_hour_is_asked_again_after_ten_minutes() -> None:
    assert Retry().delay(1, answer(429, {"retry-after": "3600"}), 0, 0.0) == 600


def test_attempts_and_time_come_to_an_end() -> None:
    assert [Retry(3).delay(attempt, TimeoutError(), 0, 0.5) is None for attempt in (1, 2, 3)] == [False, False, True]
    assert Retry(1).delay(1, TimeoutError(), 0, 0.5) is None
    assert Retry().delay(1, TimeoutError(), TOTAL - 0.4, 0.5) is None
    assert Retry(total="1m").delay(1, TimeoutError(), 59, 0.9) is not None
    assert Retry(total="1m").delay(1, TimeoutError(), 61, 0.0) is None


def test_wait_says_how_long() -> None:
    assert Retry(wait=3).delay(1, TimeoutError(), 0, 0.7) == 3
    assert Retry(wait=lambda attempt: attempt * 2).delay(2, TimeoutError(), 0, 0.7) == 4
    assert Retry(wait=0).delay(1, TimeoutError(), 0, 0.7) == 0
    assert Retry(wait=3).delay(1, answer(429, {"retry-after": "9"}), 0, 0.0) == 9


def test_strategies_of_tenacity_decide_when_they_are_given() -> None:
    retry = Retry(
        tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(30),
        on=tenacity.retry_if_exception_type(ValueError) & tenacity.retry_if_exception_message(match="again"),
        wait=tenacity.wait_fixed(2) + tenacity.wait_fixed(3),
    )
    again = ValueError("again")
    assert [retry.delay(attempt, again, 0, 0.5) for attempt in (1, 2, 3)] == [5, 5, None]
    assert retry.delay(1, again, 31, 0.5) is None
    assert retry.delay(1, ValueError("no"), 0, 0.5) is None
    assert retry.delay(1, KeyError("again"), 0, 0.5) is None
    before = Retry(tenacity.stop_before_delay(10), on=ValueError, wait=4)
    assert [before.delay(1, again, elapsed, 0.5) for elapsed in (5, 7)] == [4, None]


def test_an_option_may_be_a_number_or_tenacitys_own_object() -> None:
    given = tenacity.Retrying(stop=tenacity.stop_after_attempt(2), retry=tenacity.retry_if_exception_type(KeyError))
    retry = Retry.of(given)
    assert retry is not None
    assert retry.delay(1, KeyError(), 0, 0.5) == 0
    assert retry.delay(2, KeyError(), 0, 0.5) is None
    assert Retry.of(3).attempts == Retry.of("3").attempts == 3  # type: ignore[union-attr]
    assert Retry.of(None) is Retry.of(0) is None
    assert Retry.of(retry) is retry


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0}, {"attempts": True}, {"attempts": "x"}, {"on": "ValueError"}, {"on": (1,)}, {"wait": -1},
        {"wait": "x"}, {"total": 0},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_retry_is_said_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Retry(**wrong)
    with pytest.raises(OptionError):
        Retry.of("often")


# what answers say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"x-ms-retry-after-ms": "40"}, 0.04),
        ({"retry-after": "Fri, 15 Jan 2027 08:01:30 GMT"}, 90.0),
        ({"retry-after": "Fri, 15 Jan 2027 09:01:30 GMT", "date": "Fri, 15 Jan 2027 09:00:00 GMT"}, 90.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e99"}, 600.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
    ids=str,
)
def test_retry_after_is_read_in_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert pause_asked(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


HEADERS = ["retry-after", "retry-after-ms", "date", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]


@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=20) | st.floats().map(str)))
def test_no_header_can_break_the_reading(headers: dict[str, str]) -> None:
    seconds = pause_asked(headers, NOW)
    assert seconds is None or 0 <= seconds <= 600


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("30", 30.0), ("1m30s", 90.0), ("250ms", 0.25), ("1800000045", 45.0), ("1800000045000", 45.0),
        ("2027-01-15T08:00:20Z", 20.0), ("1799999000", 0.0),
    ],
)  # fmt: skip
def test_resets_are_read_in_their_forms(reset: str, seconds: float) -> None:
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    assert (pause_asked(headers, NOW) or 0.0) == pytest.approx(seconds)
    assert pause_asked({**headers, "X-RateLimit-Remaining": "5"}, NOW) is None


def test_rate_headers_of_the_large_providers_are_read() -> None:
    openai = {
        "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m0s",
        "x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6ms",
    }  # fmt: skip
    assert pause_asked(openai, NOW) == pytest.approx(1.0)  # its bucket refills: one request is back after a second
    anthropic = {
        "anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:02Z",
        "anthropic-ratelimit-input-tokens-limit": "40000", "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:01:00Z",
    }  # fmt: skip
    assert pause_asked(anthropic, NOW) == pytest.approx(1.0)


def test_limits_that_a_cloud_sends_as_nothing_say_nothing() -> None:
    for limit, remaining in (("-1", "-1"), ("0", "0"), ("100", "-1")):
        headers = {"x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": "30"}
        assert pause_asked(headers, NOW) is None


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (answer(429, {"retry-after": "5"}), 5.0),
        (answer(429), 0.0),
        (answer(529), 0.0),
        (answer(503, {"retry-after": "5"}), 5.0),
        (answer(503), None),
        (answer(500, {"retry-after": "5"}), None),
        (SdkError(429, headers={"retry-after-ms": "250"}), 0.25),
        (SdkError(429, "insufficient_quota", {"retry-after": "5"}), None),
        (http_error(429), 7.0),
        (throttled(), 3.0),
        (TimeoutError(), None),
        (ValueError(), None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_only_an_answer_that_says_too_fast_slows_the_limit(error: Exception, pause: float | None) -> None:
    assert feedback_of(error, NOW) == pause


def test_the_status_is_found_where_clients_put_it() -> None:
    class Aio(Exception):
        status = 429
        headers = {"Retry-After": "4"}

    class Google(Exception):
        code = HTTPStatus.TOO_MANY_REQUESTS

    assert answer_of(Aio()).status == answer_of(Google()).status == 429
    assert feedback_of(Aio()) == 4.0
    assert answer_of(SystemExit(429)).status == 429  # shape alone counts; who retries looks at the type first
    assert answer_of(OSError(5, "no")).status is None


def test_own_exceptions_say_it_themselves_or_are_taught() -> None:
    class Busy(Exception):
        retry_after = 2.5
        status_code = 429

    class Slow(Exception):
        pass

    class Slower(Slow):
        pass

    assert feedback_of(Busy()) == 2.5
    assert feedback_of(Slower()) is None
    teach(Slow, lambda error: 4.0)
    assert feedback_of(Slower()) == 4.0
    assert Retry().delay(1, Slower(), 0, 0.0) == 4.0
    teach(Slower, lambda error: None)
    assert feedback_of(Slower()) is None
