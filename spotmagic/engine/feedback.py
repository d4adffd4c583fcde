"""What a failed call says about its provider: the status, whether it was too fast, for how long to pause. Pure.

Errors are read by shape, so that no client library has to be imported: a ``response`` with ``status_code`` and
``headers`` (httpx, requests and the SDKs on them), ``status`` (aiohttp), ``code`` and ``headers`` (urllib), botocore's
``response`` mapping, ``retry_after`` of exceptions that carry it. What looks otherwise is taught: :func:`teach`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spotmagic.limits.booking import LONGEST_PAUSE
from spotmagic.limits.feedback import pause_asked
from spotmagic.options import is_number
from spotmagic.originals import time

TOO_FAST = frozenset({429, 529})  # 529: a provider's word for being overloaded
SPENT_WORDS = ("insufficient_quota", "billing_hard_limit", "quota_exceeded", "credit balance")

E = TypeVar("E", bound=BaseException)
Reader = Callable[[Any], float | None]


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What a provider answered to a call that failed.

    Attributes:
        status: of HTTP, or ``None`` where the error has none.
        headers: by name in small letters.
        text: the error's own words, with its code and body where it has them.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def quota_spent(self) -> bool:
        """Whether the account's quota is used up, which no waiting helps."""
        return self.status in (429, 403) and any(word in self.text.lower() for word in SPENT_WORDS)


_taught: dict[type[BaseException], Reader] = {}


def teach(kind: type[E], reader: Callable[[E], float | None]) -> None:
    """Let a function read exceptions of one's own.

    Args:
        kind: the type, subclasses included; the nearest taught one counts.
        reader: gives the seconds to pause, 0 when the call was too fast but no time is known, ``None`` when the error
            says nothing about the limit.
    """
    _taught[kind] = reader


def feedback_of(error: BaseException, now: float | None = None) -> float | None:
    """Seconds to pause everyone, 0 to slow down without a pause; ``None`` when the error says nothing about limits.

    Args:
        now: wall time, for headers that name a date.
    """
    for kind in type(error).__mro__:
        if kind in _taught:
            return _seconds(_taught[kind](error))
    answer = answer_of(error)
    if answer.quota_spent:
        return None
    said = pause_asked(answer.headers, time() if now is None else now)
    carried = _seconds(getattr(error, "retry_after", None))
    pause = said if carried is None else carried
    if answer.status in TOO_FAST or _says_too_fast(error):
        return pause or 0.0
    return pause if answer.status == 503 and pause else None


def answer_of(error: BaseException) -> ErrorResponse:
    """What the provider answered, as far as the error tells."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        about = response.get("ResponseMetadata") or {}
        code = response.get("Error") or {}
        return ErrorResponse(
            _status(about.get("HTTPStatusCode")), _headers(about.get("HTTPHeaders")), f"{code.get('Code', '')} {error}"
        )
    status = None
    for where, name in ((error, "status_code"), (response, "status_code"), (error, "status"), (response, "status")):
        status = status or _status(getattr(where, name, None))
    status = status or _status(getattr(error, "code", None))  # urllib, google
    headers = _headers(getattr(response, "headers", None)) or _headers(getattr(error, "headers", None))
    words = (getattr(error, "code", ""), getattr(error, "type", ""), getattr(error, "body", ""), error)
    return ErrorResponse(status, headers, " ".join(str(word) for word in words if word))


def _says_too_fast(error: BaseException) -> bool:
    """Throttling errors that carry no HTTP status."""
    names = {kind.__name__ for kind in type(error).__mro__}
    response = getattr(error, "response", None)
    code = (response.get("Error") or {}).get("Code", "") if isinstance(response, Mapping) else ""
    return bool(names & {"RateLimitError", "ResourceExhausted", "TooManyRequests"}) or "Throttl" in str(code)


def _status(value: Any) -> int | None:
    value = getattr(value, "value", value)  # an enum such as HTTPStatus
    return value if isinstance(value, int) and 100 <= value <= 599 else None


def _headers(value: Any) -> dict[str, str]:
    try:
        return {str(name).lower(): str(text) for name, text in value.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def _seconds(value: Any) -> float | None:
    if is_number(value) and value == value:
        return min(max(0.0, float(value)), LONGEST_PAUSE)
    return None
