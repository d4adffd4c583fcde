"""What a provider's answer says about its limits: Retry-After in its three forms, and the rate-limit headers. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from spotmagic.limits.booking import LONGEST_PAUSE

_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")
_SUBJECTS = ("requests", "tokens", "input-tokens", "output-tokens")
_GO_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_EPOCH = 1e9  # a reset above this many seconds is a date, not a distance


def pause_asked(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to pause that an answer asks for, or ``None``.

    Args:
        now: wall time, for headers that name a date.
    """
    words = {str(name).lower(): str(value) for name, value in headers.items()}
    said = _retry_after(words, now)
    return said if said is not None else max(_until_more(words, now), default=0.0) or None


def _retry_after(words: Mapping[str, str], now: float) -> float | None:
    """Seconds of ``Retry-After`` (RFC 9110, 10.2.3) or its forms in milliseconds, up to ten minutes; or ``None``."""
    for name in _MILLISECONDS:
        if (number := _number(words.get(name))) is not None:
            return _bounded(number / 1000)
    text = words.get("retry-after")
    if text is None:
        return None
    if (number := _number(text)) is not None:
        return _bounded(number)
    date = _date(text)
    if date is None:
        return None
    theirs = _date(words.get("date", ""))  # their own clock tells how far away their date is
    return _bounded(date - (now if theirs is None else theirs))


def _until_more(words: Mapping[str, str], now: float) -> Iterator[float]:
    """Of each limit that ``x-ratelimit-*``, ``anthropic-ratelimit-*`` or ``ratelimit-*`` headers say is used up, the
    seconds until something is left: all of a fixed window, one unit or second of a bucket that refills.

    ``x-ratelimit-limit-tokens: 200000``, ``x-ratelimit-remaining-tokens: 0`` and ``x-ratelimit-reset-tokens: 6m0s``
    give 6 s: a bucket that is full again in 360 s has a sixtieth of that back by then.

    A limit of -1 or 0, as one cloud sends, counts as not said.
    """
    for subject in (*_SUBJECTS, ""):
        tail = f"-{subject}" if subject else ""
        names = [f"x-ratelimit-{{}}{tail}", f"ratelimit-{{}}{tail}"]
        if subject:
            names.append(f"anthropic-ratelimit-{subject}-{{}}")
        for name in names:
            limit, remaining = (_number(words.get(name.format(what))) for what in ("limit", "remaining"))
            reset = _reset(words.get(name.format("reset")), now)
            if limit is not None and limit > 0 and remaining == 0 and reset is not None:
                yield reset / min(limit, 60.0) if subject else reset


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_PAUSE)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # slow to import, and few answers name a date

    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _reset(text: str | None, now: float) -> float | None:
    """Seconds until a reset given as a distance, a Go duration, a date since 1970 in seconds or ms, or an ISO date."""
    if not text:
        return None
    number = _number(text)
    if number is not None:
        if number > _EPOCH * 1000:
            number /= 1000
        return _bounded(number - now if number > _EPOCH else number)
    pieces = _GO_DURATION.findall(text)
    if pieces and "".join(amount + unit for amount, unit in pieces) == text.strip():
        return _bounded(math.fsum(float(amount) * _GO_UNITS[unit] for amount, unit in pieces))
    try:
        return _bounded(datetime.fromisoformat(text.strip()).timestamp() - now)
    except ValueError:
        return None
