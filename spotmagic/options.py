"""The words of our options: durations, sizes, rates, modes, and what a mark or a spot was given."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from enum import StrEnum
from inspect import iscoroutinefunction
from types import MappingProxyType
from typing import Any, Literal, TypeGuard

from spotmagic.errors import OptionError, SpotError, unknown

Verdict = Literal["hit", "ran", "joined", "mocked", "bypassed"]

_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZES = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}
_PERIODS = {"s": 60.0, "sec": 60.0, "second": 60.0, "min": 1.0, "m": 1.0, "minute": 1.0, "h": 1 / 60, "hour": 1 / 60}
_NUMBER = r"(\d+(?:\.\d+)?)"


class Mode(StrEnum):
    """What a spot, function or cell does on a hit and on a miss."""

    AUTO = "auto"
    RECORD = "record"
    REPLAY = "replay"
    MOCK = "mock"
    OFF = "off"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value can be meant as a number: ``True`` cannot, although Python counts with it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object, least: int) -> TypeGuard[int]:
    """Whether a value can be meant as a whole number from the least on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def parse_mode(value: str | Mode) -> Mode:
    """The mode named by a word. Raises :class:`OptionError` for any other word."""
    try:
        return Mode(value)
    except ValueError:
        raise unknown("mode", str(value), list(Mode)) from None


def parse_duration(value: str | float, option: str) -> float:
    """Seconds of a number or of a text such as ``"90s"``, ``"7d"`` or ``"1h30m"``.

    Raises:
        OptionError: for anything else, and for durations that are not above zero.
    """
    text = str(value).strip().lower().replace(" ", "")
    if is_number(value) or re.fullmatch(_NUMBER, text):
        seconds = float(value)
    else:
        pieces = re.findall(_NUMBER + r"(ms|min|[smhdw])", text)
        if not pieces or "".join(n + u for n, u in pieces) != text:
            raise OptionError(
                f"{option}={value!r} is not a duration", todo='Say seconds, or "90s", "15m", "12h", "7d", "2w"'
            )
        seconds = sum(float(number) * _DURATIONS[unit] for number, unit in pieces)
    if not 0 < seconds < float("inf"):
        raise OptionError(f"{option}={value!r} is not a duration above zero", todo='Say seconds, or "90s", "7d"')
    return seconds


def parse_size(value: str | int, option: str) -> int:
    """Bytes of a number or of a text such as ``"32KB"`` (1 KB is 1,000 bytes, 1 KiB is 1,024)."""
    if is_whole(value, 0):
        return value
    match = re.fullmatch(_NUMBER + r"\s*([KMG]?I?B?)", str(value).strip().upper())
    if not match or match[2] not in _SIZES:
        raise OptionError(f"{option}={value!r} is not a size", todo='Say bytes, or "32KB", "1MB", "2GiB"')
    return int(float(match[1]) * _SIZES[match[2]])


def parse_rate(value: str | float, option: str) -> float:
    """Units per minute of a number or of a text such as ``"20/min"``, ``"200k/min"`` or ``"5/s"``."""
    if is_number(value):
        rate = float(value)
    else:
        match = re.fullmatch(_NUMBER + r"([km]?)(?:/([a-z]+))?", str(value).strip().lower().replace(" ", ""))
        if not match or (match[3] or "min") not in _PERIODS:
            raise OptionError(
                f"{option}={value!r} is not a rate", todo='Say a number per minute, or "20/min", "200k/min", "5/s"'
            )
        rate = float(match[1]) * {"": 1, "k": 1e3, "m": 1e6}[match[2]] * _PERIODS[match[3] or "min"]
    if not 0 < rate < float("inf"):
        raise OptionError(f"{option}={value!r} is not a rate above zero", todo='Say a number per minute, or "20/min"')
    return rate


def parse_names(value: str | Iterable[str]) -> tuple[str, ...]:
    """Names of ``"a,b"`` or of a sequence of names."""
    names = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in names if name.strip())


def parse_paths(value: Any, option: str) -> tuple[str, ...]:
    """Paths of ``"a.txt,b.txt"``, of one path or of a sequence of paths."""
    given = value.split(",") if isinstance(value, str) else (value,) if isinstance(value, os.PathLike) else value
    try:
        return tuple(path for path in (os.fsdecode(one).strip() for one in given) if path)
    except TypeError:
        raise OptionError(f"{option}={value!r} are not paths", todo=f'Say {option}=("prompt.txt",)') from None


class ErrorTypes(tuple[type[BaseException], ...]):
    """Types of exceptions to keep, and for how long each: ``errors={TimeoutError: "10m", ValueError: None}``.

    Never kept are interrupts and cancellations, which are of the run and not of its arguments, and errors of ours.
    """

    ttls: Mapping[type[BaseException], float | None] = MappingProxyType({})

    def keeps(self, error: BaseException | None) -> bool:
        """Whether an error is one to keep."""
        return isinstance(error, self) and not isinstance(error, SpotError | CancelledError)

    def ttl(self, error: BaseException, default: float | None) -> float | None:
        """For how many seconds, as the nearest of its classes says, else as the mark."""
        return next((self.ttls[kind] for kind in type(error).__mro__ if kind in self.ttls), default)


NO_ERRORS = ErrorTypes()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOptions:
    """What one mark was told. ``None`` means: as the spot says."""

    version: str | None = None
    ttl: float | None = None
    key: Any = None
    ignore: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    save_blob: bool | None = None
    content_type: str | None = None
    mode: Mode | None = None
    errors: ErrorTypes = NO_ERRORS
    price: float | Callable[[Any], float] | None = None
    retry: Any = None
    keep_if: Callable[[Any], Any] | None = None
    keep_inputs: bool | None = None
    sample: int = 0
    executor: Any = None
    never_twice: bool | None = None
    detached: bool = False


NO_OPTIONS = MarkOptions()


def mark_options(given: Mapping[str, Any]) -> MarkOptions:
    """The checked options of a mark.

    Raises:
        OptionError: for an unknown option (with the nearest right one) or an impossible value.
    """
    for word in given:
        if word not in MarkOptions.__slots__:
            raise unknown("option", word, MarkOptions.__slots__)
    checked = dict(given)
    if checked.get("ttl") is not None:
        checked["ttl"] = parse_duration(checked["ttl"], "ttl")
    if checked.get("mode") is not None:
        checked["mode"] = parse_mode(checked["mode"])
    if checked.get("version") is not None:
        checked["version"] = _version(checked["version"])
    if "ignore" in checked:
        checked["ignore"] = parse_names(checked["ignore"])
    if "files" in checked:
        checked["files"] = parse_paths(checked["files"], "files")
    if "errors" in checked:
        checked["errors"] = _error_types(checked["errors"])
    price = checked.get("price")
    if price is not None and not callable(price) and not (is_number(price) and price >= 0):
        raise OptionError(f"price={price!r} is not a price", todo="Say a number, or a function of the result")
    for switch in ("save_blob", "keep_inputs", "never_twice", "detached"):
        check_switch(checked.get(switch), switch)
    kind = checked.get("content_type")
    if kind is not None and not isinstance(kind, str):
        raise OptionError(f"content_type={kind!r} is not a text", todo='Say what it is, such as "text/markdown"')
    _check_keep_if(checked.get("keep_if"))
    if "sample" in checked:
        checked["sample"] = parse_sample(checked["sample"], "sample")
    return MarkOptions(**checked)


def _version(value: Any) -> str:
    text = str(value)
    if " at 0x" in text:  # an address: every kernel would have a version of its own, and pay again
        raise OptionError(f"version={text} is another one in every kernel", todo='Say a text or a number, such as "v2"')
    return text


def check_switch(value: Any, option: str) -> None:
    """Raise for what is neither on nor off. ``None`` is as not said."""
    if value is not None and not isinstance(value, bool):
        raise OptionError(f"{option}={value!r} is neither True nor False", todo=f"Say {option}=True or {option}=False")


def parse_amount(value: Any, option: str) -> float:
    """An amount of money, from 0 on."""
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = -1.0
    if isinstance(value, bool) or not 0 <= amount < float("inf"):
        raise OptionError(f"{option}={value!r} is not an amount", todo="Say a number from 0 on, such as 1.00")
    return amount


def parse_sample(value: Any, option: str) -> int:
    """The number of a sample: a whole number from 0 on, or a text of its digits."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, int | str) or not (text.isascii() and text.isdecimal()):
        raise OptionError(f"{option}={value!r} is not the number of a sample", todo="Say a whole number from 0 on")
    return int(text)


def _check_keep_if(value: Any) -> None:
    """Raise for a ``keep_if=`` that could not say yes or no."""
    if value is None:
        return
    if not callable(value):
        todo = "Say a function of the result, such as keep_if=lambda answer: answer is not None"
        raise OptionError(f"keep_if={value!r} cannot be asked", todo=todo)
    if iscoroutinefunction(value) or iscoroutinefunction(getattr(value, "__call__", None)):  # noqa: B004
        raise OptionError(
            "keep_if= was given an async function", why="what it gives is always true", todo="Give it a plain function"
        )


def _error_types(value: Any) -> ErrorTypes:
    types = tuple(value) if isinstance(value, tuple | list | Mapping) else (value,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise OptionError(
                f"errors={kind!r} is not an exception type",
                why="only subclasses of Exception can be kept",
                todo='Say a tuple of types, such as errors=(ValueError,), or errors={ValueError: "1h"}',
            )
    made = ErrorTypes(types)
    if isinstance(value, Mapping):
        made.ttls = {kind: None if ttl is None else parse_duration(ttl, "errors") for kind, ttl in value.items()}
    return made


_configured: dict[str, str] = {}


def configure(name: str, value: str | None) -> None:
    """Let ``%config`` say a setting, over the environment; ``None`` takes it back."""
    if value is None:
        _configured.pop(name, None)
    else:
        _configured[name] = value


def setting(name: str, default: str | None = None) -> str | None:
    """What ``%config`` says of a setting, else the environment's ``SPOTMAGIC_<NAME>``. An empty one counts as none."""
    return _configured.get(name) or os.environ.get(f"SPOTMAGIC_{name.upper()}") or default


def is_off() -> bool:
    """Whether ``SPOTMAGIC_OFF`` turns spotmagic into nothing."""
    return (setting("off") or "0").lower() not in ("0", "false", "no")
