"""The options of ``%%spot``: what a cell was told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spotmagic.errors import OptionError, unknown
from spotmagic.notebook.line import Word, split
from spotmagic.options import Mode, parse_duration, parse_mode, parse_names, parse_paths, parse_rate
from spotmagic.store.editions import is_pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOptions:
    """What one cell was told. ``None`` means: as the spot says.

    Attributes:
        key: the name that stands for code and inputs, or empty.
        least_seconds: a faster run is not kept (``min=``).
        unasked: nobody wrote ``%%spot`` on the cell (``%spot_load_ext cells``): badges only where something was saved.
    """

    key: str = ""
    name: str = ""
    inputs: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    version: str | None = None
    ttl: float | None = None
    rpm: float | None = None
    tpm: float | None = None
    cost: Any = None
    retry: Any = None
    price: float | Callable[[Any], float] | None = None
    mode: Mode | None = None
    least_seconds: float = 0.0
    blob: bool = False
    refresh: bool = False
    quiet: bool = False
    errors: bool = False
    rng: bool = False
    accept: bool = False
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the line: what it is for, how its value is read and what may be offered for it."""

    about: str
    read: Callable[[Any, str], Any]
    field: str = ""
    offers: tuple[str, ...] = ()


def _text(value: Any, option: str) -> str:
    text = str(value).strip()
    if not text:
        raise OptionError(f"{option}= is empty", todo=f"Write {option}=some-text, or leave it out")
    return text


def _names(value: Any, option: str) -> tuple[str, ...]:
    if not isinstance(value, str | Iterable):
        raise OptionError(f"{option}={value!r} are not names", todo=f"Write {option}=a,b")
    names = parse_names(value)
    for name in names:
        if not name.isidentifier():
            raise OptionError(f"{option}= names {name!r}, which is no variable", todo=f"Write {option}=a,b")
    return names


def _ignored(value: Any, option: str) -> tuple[str, ...]:
    if not isinstance(value, str | Iterable):
        return _names(value, option)
    names = parse_names(value)
    _names([name for name in names if not is_pattern(name)], option)
    return names


def _number(value: Any, option: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise OptionError(f"{option}={value!r} is not a number", todo=f"Write {option}=0.5") from None
    if not 0 <= number < float("inf"):
        raise OptionError(f"{option}={value!r} is not a number of at least zero", todo=f"Write {option}=0.5")
    return number


def _price(value: Any, option: str) -> Any:
    return value if callable(value) else _number(value, option)


def _cost(value: Any, option: str) -> Any:
    return value if callable(value) or value == "mean" else _number(value, option)


def _retry(value: Any, option: str) -> Any:
    if not isinstance(value, str | float | int):
        return value  # a Retry
    number = _number(value, option)
    if number != int(number) or number < 1:
        raise OptionError(f"{option}={value!r} is not a count of attempts", todo=f"Write {option}=3")
    return int(number)


VALUES: Mapping[str, Option] = {
    "key": Option("the name of the result: edits and other inputs are shown as drift and do not run the cell", _text),
    "name": Option("what the cell is called in listings and by `%spot explain`", _text),
    "inputs": Option("variables that count as well, such as inputs=a,b", _names),
    "ignore": Option("variables that do not count, and patterns of files such as ignore=*.log", _ignored),
    "files": Option("files that count, beside those that the cell is seen to read", parse_paths),
    "outputs": Option("variables to keep; without it all that the cell makes", _names),
    "version": Option("stands for the code: a new version runs again, an edit is drift", _text),
    "ttl": Option("how long the result is good: 90s, 12h, 7d", parse_duration, offers=("1h", "1d", "7d", "30d")),
    "rpm": Option("requests per minute, of each marked call inside without a limiter, else of the cell", parse_rate),
    "tpm": Option("tokens per minute, of the same", parse_rate),
    "cost": Option("what such a call costs: a number (tokens with tpm=), {lambda of its arguments} or mean", _cost),
    "retry": Option("attempts in all, or {Retry(...)}", _retry, offers=("3", "5")),
    "price": Option("what a run costs in money", _price),
    "mode": Option("auto, record, replay, mock or off", lambda value, _: parse_mode(value), offers=tuple(Mode)),
    "min": Option("a shorter run is not kept", parse_duration, field="least_seconds", offers=("1s", "3s", "10s")),
}  # fmt: skip
FLAGS: Mapping[str, str] = {
    "blob": "keep the result in a blob, whatever its size",
    "refresh": "run again although there is a result",
    "quiet": "no badge",
    "errors": "keep an error too, and raise it again on a hit",
    "rng": "let the state of global random generators count, and put them where the cell left them",
    "accept": "this edit does not matter: keep the nearest result for the edited code, and do not run it",
}


def parse(line: str, namespace: dict[str, Any], defaults: CellOptions | None = None) -> CellOptions:
    """The options of a line.

    Args:
        namespace: where ``{expressions}`` are looked up.
        defaults: what holds for options that the line does not name.

    Raises:
        OptionError: names the option that is unknown or wrong, and the nearest right one.
    """
    given: dict[str, Any] = {}
    for word in split(line):
        field, value = _option(word, namespace)
        if field in given:
            raise OptionError(f"{word.name or word.text} is given twice", todo="Leave one out")
        given[field] = value
    options = replace(defaults or CellOptions(), **given)
    if options.key and options.version:
        raise OptionError(
            "key= and version= are both given", why="key= already leaves the code out", todo="Leave one out"
        )
    if options.cost is not None and options.rpm is None and options.tpm is None:
        raise OptionError("cost= is given without a rate", todo="Say rpm= or tpm= too, or leave it out")
    return options


def _option(word: Word, namespace: dict[str, Any]) -> tuple[str, Any]:
    if not word.name:
        text = word.text
        if text in FLAGS:
            return text, True
        if text in VALUES:
            raise OptionError(f"{text} needs a value", why=VALUES[text].about, todo=f"Write {text}=…")
        raise unknown("option", text, [*VALUES, *FLAGS])
    if word.name in FLAGS:
        raise OptionError(f"{word.text}: {word.name} takes no value", todo=f"Write {word.name} alone, or leave it out")
    option = VALUES.get(word.name)
    if option is None:
        raise unknown("option", word.name, [*VALUES, *FLAGS])
    return option.field or word.name, option.read(word.value(namespace), word.name)
