"""The words people read: one for each idea, in panel, notebook, command line and pages alike; numbers in words; texts.

``js/src/words.ts`` says the same: both are held to ``js/tests/words.json``.
"""

from __future__ import annotations

from collections.abc import Mapping

HEADINGS: Mapping[str, str] = {
    "created": "made", "seconds": "run time", "price": "cost", "entries": "results", "bytes": "size",
    "content_type": "content", "writer": "made by", "misses": "runs", "errors": "failed runs",
    "seconds_saved": "run time saved", "price_saved": "cost saved", "price_paid": "cost", "paid": "cost",
    "saved": "cost saved",
}  # fmt: skip
"""What is read over facts whose fields have other names."""
KINDS = ("function", "cell", "http")
"""What a result may be of."""
STATUSES: Mapping[str, str] = {
    "live": "current", "superseded": "superseded", "expired": "expired", "partial": "partial", "refused": "refused",
    "corrupt": "damaged",
}  # fmt: skip
"""What is read for the statuses of results."""
DRIFTED = "Made by older code or inputs. See the difference."
INHERIT = "inherit"
"""The word that unsets a mode."""
_MARKUP = str.maketrans({
    "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;",
    "$": "<span>$</span>", "\\": "<span>\\</span>",
})  # fmt: skip


def heading(field: str) -> str:
    """What is read over a fact: ``"run time"`` for ``seconds``, ``"input tokens"`` for ``input_tokens``."""
    return HEADINGS.get(field, field.replace("_", " "))


def counted(number: int, one: str, many: str = "") -> str:
    """A number of something: ``"1 hit"``, ``"1,234 hits"``, ``"2 batches"`` with a word of its own for many."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def results(count: int) -> str:
    """A number of results: ``"1 result"``, ``"1,234 results"``."""
    return counted(count, "result")


def checked(count: int, damaged: int) -> str:
    """What a check found: ``"37 checked, none damaged"``."""
    return f"{count:,} checked, {damaged or 'none'} damaged"


def used(amount: float, limit: float, seen: float = 60.0) -> str:
    """How much of a rate is taken: ``"0 of 600 used this minute"``, and for how long that was seen if for less."""
    known = "" if seen >= 60.0 else f" (seen for {max(1, round(seen))} s)"
    return f"{amount:,.0f} of {limit:,.0f} used this minute{known}"


def inherited(mode: str) -> str:
    """The mode of what has none of its own: ``"inherit (auto)"``."""
    return f"{INHERIT} ({mode})"


def ago(then: float, now: float) -> str:
    """How long a moment is past: ``"just now"``, ``"3 min ago"``, ``"2 days ago"``, then its date."""
    passed = max(0.0, now - then)
    if passed < 5:
        return "just now"
    for unit, seconds, most in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if passed < most:
            return f"{int(passed // seconds)} {unit} ago"
    days = int(passed // 86400)
    if days < 60:
        return f"{counted(days, 'day')} ago"
    from datetime import datetime

    return datetime.fromtimestamp(then).strftime("%Y-%m-%d")


def size(count: int) -> str:
    """Bytes: ``"999 B"``, ``"1.2 kB"``, ``"34 MB"``."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds: ``"12 µs"``, ``"340 ms"``, ``"2.5 s"``, ``"3 min 12 s"``, ``"2 h"``."""
    if seconds < 0.0005:
        return f"{max(1, round(seconds * 1e6))} µs" if seconds > 0 else "0 s"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 3600:
        return _pair(seconds, 60, "min", 1, "s")
    if seconds < 86400:
        return _pair(seconds, 3600, "h", 60, "min")
    return _pair(seconds, 86400, "d", 3600, "h")


def _pair(seconds: float, big: int, big_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(round(seconds / small), big // small)
    return f"{whole} {big_name} {rest} {small_name}" if rest else f"{whole} {big_name}"


def money(amount: float) -> str:
    """Dollars: ``"$0"``, ``"$0.00042"``, ``"$0.12"``, ``"$1,234.50"``."""
    if not amount:
        return "$0"
    if amount < 0.00001:
        return "<$0.00001"
    if amount < 0.01:
        return "$" + f"{amount:.5f}".rstrip("0")
    if amount < 1:
        text = f"{amount:.3f}"
        return "$" + (text[:-1] if text.endswith("0") else text)
    return f"${amount:,.2f}"


def percent(part: int, whole: int) -> str:
    """A share: a dash for that of nothing, and 100% only for all."""
    if not whole:
        return "\N{EN DASH}"
    value = 100 * part / whole
    if part < whole and value > 99:
        return ">99%"
    if part > 0 and value < 1:
        return "<1%"
    return f"{round(value)}%"


def shorten(text: str, most: int) -> str:
    """A text in one line of at most so many letters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def markup(text: str) -> str:
    """A text as HTML that shows it as it is: notebooks set what stands between two ``$`` or ``\\(`` as mathematics."""
    return text.translate(_MARKUP)
