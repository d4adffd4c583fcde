"""Retry: whether a failed call is made again, and after how long. Pure: who runs the call does the waiting.

The wait is drawn evenly between nothing and a bound that doubles (full jitter); what a server asks for with Retry-After
is its floor, with some jitter on top so that not everybody comes back at once.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from typing import Any

from spotmagic.engine.feedback import answer_of, feedback_of
from spotmagic.errors import OptionError, SpotError
from spotmagic.options import is_number, is_whole, parse_duration

FIRST, LONGEST = 1.0, 60.0
"""Seconds of the first bound of a wait, and of the last."""
TOTAL = 900.0
"""Seconds after which a call is given up, whatever it has left."""
JITTER = 0.1
"""Share of a wait that a server asked for that is drawn on top of it."""
STATUSES = frozenset({408, 409, 425, 429})

# Timeouts and broken connections of clients whose errors are none of Python's own, by module and name.
_CONNECTION = frozenset({
    "httpx.TimeoutException", "httpx.NetworkError", "httpx.RemoteProtocolError", "httpx.ProxyError",
    "requests.Timeout", "requests.ConnectionError", "requests.ChunkedEncodingError",
    "urllib3.TimeoutError", "urllib3.ProtocolError", "urllib3.NewConnectionError",
    "aiohttp.ClientConnectionError", "aiohttp.ServerTimeoutError", "aiohttp.ClientPayloadError",
    "openai.APIConnectionError", "anthropic.APIConnectionError", "botocore.ConnectionError",
    "botocore.HTTPClientError", "redis.ConnectionError", "redis.TimeoutError", "http.IncompleteRead", "socket.gaierror",
})  # fmt: skip

Predicate = Callable[[BaseException], bool]
Wait = Callable[[int], float]


class Retry:
    """How often and when a failed call is made again.

    Waiting for a limit is no attempt, and each attempt passes the limit again.

    Args:
        attempts: how many in all, or a ``stop`` strategy of tenacity.
        on: types of exceptions, a function of the exception, or a ``retry`` strategy of tenacity; by default what is
            worth it: timeouts, broken connections, and the answers 408, 409, 425, 429 and 5xx.
        wait: seconds, a function of the number of attempts made, or a ``wait`` strategy of tenacity; by default drawn
            from a bound that doubles from 1 s to 60 s. A server's Retry-After is the least in any case.
        total: seconds or a duration after which the call is given up.

    Raises:
        OptionError: for anything else.
    """

    __slots__ = ("attempts", "on", "total", "wait")
    attempts: Any
    on: Any
    wait: Any

    def __init__(
        self,
        attempts: int | Any = 5,
        on: type[BaseException] | tuple[type[BaseException], ...] | Predicate | Any = None,
        wait: float | Wait | Any = None,
        *,
        total: float | str = TOTAL,
    ) -> None:
        if not _is_tenacity(attempts) and not is_whole(attempts, 1):
            raise OptionError(f"attempts={attempts!r} is not a number of attempts", todo="Say a whole number from 1 on")
        if on is not None and not callable(on) and not _are_types(on):
            raise OptionError(f"on={on!r} does not say which errors", todo="Say types, or a function of the exception")
        if wait is not None and not callable(wait) and not (is_number(wait) and wait >= 0):
            raise OptionError(f"wait={wait!r} is not a wait", todo="Say seconds, or a function of the attempts made")
        self.attempts, self.on, self.wait = attempts, on, wait
        self.total = parse_duration(total, "total")

    @classmethod
    def of(cls, spec: Any) -> Retry | None:
        """The retry an option means: a :class:`Retry`, a number of attempts, tenacity's ``Retrying``; 0 is none."""
        if spec is None or isinstance(spec, cls):
            return spec
        if spec is True:
            return cls()
        if isinstance(spec, int) or (isinstance(spec, str) and spec.isdecimal()):
            return cls(int(spec)) if int(spec) else None
        if _is_tenacity(spec) and hasattr(spec, "stop"):
            return cls(spec.stop, spec.retry, spec.wait, total=86400.0)
        raise OptionError(
            f"retry={spec!r} is not a retry", todo="Say a number of attempts, or Retry(attempts=…, on=…, wait=…)"
        )

    def delay(self, attempt: int, error: BaseException, elapsed: float, random: float) -> float | None:
        """Seconds until the next attempt, or ``None`` when there is none.

        Args:
            attempt: how many were made; 1 after the first has failed.
            error: how the last one failed.
            elapsed: seconds since the first one began.
            random: a number drawn evenly from 0 to 1.
        """
        if not isinstance(error, Exception) or not self.worth(attempt, error, elapsed):
            return None
        seconds = self._own_wait(attempt, error, elapsed, random)
        floor = feedback_of(error) or 0.0
        if floor and seconds < floor * (1 + JITTER):
            seconds = max(seconds, floor * (1 + JITTER * random))
        if isinstance(self.attempts, int):
            ends = attempt >= self.attempts
        else:
            ends = bool(self.attempts(_tenacity_state(attempt, error, elapsed, seconds)))
        return None if ends or elapsed + seconds > self.total else seconds

    def worth(self, attempt: int, error: Exception, elapsed: float) -> bool:
        """Whether an error is one to try again after."""
        if self.on is None:
            return is_transient(error)
        if _is_tenacity(self.on):
            return bool(self.on(_tenacity_state(attempt, error, elapsed)))
        if _are_types(self.on):
            return isinstance(error, self.on)
        return bool(self.on(error))

    def _own_wait(self, attempt: int, error: Exception, elapsed: float, random: float) -> float:
        wait = self.wait
        if wait is None:
            return random * min(LONGEST, FIRST * 2.0 ** min(attempt - 1, 10))
        if is_number(wait):
            return float(wait)
        if _is_tenacity(wait):
            return float(wait(_tenacity_state(attempt, error, elapsed)))
        return max(0.0, float(wait(attempt)))

    def __repr__(self) -> str:
        return f"Retry(attempts={self.attempts!r}, on={self.on!r}, wait={self.wait!r}, total={self.total!r})"


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: timeouts, broken connections, 408, 409, 425, 429 and 5xx.

    Not when the account's quota is used up, when the server says so (``x-should-retry: false``), or for errors of ours.
    """
    if not isinstance(error, Exception) or isinstance(error, SpotError):
        return False
    answer = answer_of(error)
    if answer.quota_spent:
        return False
    if (told := answer.headers.get("x-should-retry", "").lower()) in ("true", "false"):
        return told == "true"
    if feedback_of(error) is not None:
        return True
    if answer.status is not None:
        return answer.status in STATUSES or (answer.status >= 500 and answer.status != 501)
    if _has(error, ssl.SSLCertVerificationError):
        return False
    reason = getattr(error, "reason", None)
    if isinstance(error, OSError) and isinstance(reason, Exception):  # urllib wraps what happened
        return is_transient(reason)
    return isinstance(error, TimeoutError | ConnectionError) or not _names(error).isdisjoint(_CONNECTION)


def _names(error: BaseException) -> set[str]:
    return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}


def _has(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error is of a type, or was caused by one that is."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None or isinstance(seen, kind):
            return seen is not None
        seen = seen.__cause__ or seen.__context__
    return False


def _are_types(value: Any) -> bool:
    types = value if isinstance(value, tuple) and value else (value,)
    return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in types)


def _is_tenacity(value: Any) -> bool:
    return any(kind.__module__.partition(".")[0] == "tenacity" for kind in type(value).__mro__)


def _tenacity_state(attempt: int, error: Exception, elapsed: float, upcoming: float = 0.0) -> Any:
    """The call state that tenacity's strategies read, made by hand: its own loop is not used."""
    tenacity = sys.modules["tenacity"]  # who hands over a strategy has imported it
    state = tenacity.RetryCallState(None, None, (), {})
    state.attempt_number = attempt
    state.upcoming_sleep = upcoming
    state.set_exception((type(error), error, error.__traceback__))
    state.outcome_timestamp = state.start_time + elapsed
    return state
