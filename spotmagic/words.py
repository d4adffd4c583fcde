"""Numbers in words, as ``js/src/words.ts`` has them."""

from __future__ import annotations


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
