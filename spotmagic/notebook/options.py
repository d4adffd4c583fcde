"""The line of a magic in words as a shell splits them, the options of a cell in it, and the help on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

from spotmagic.errors import OptionError, unknown
from spotmagic.keys import SAMPLE, digest, sample_input
from spotmagic.options import Mode, parse_duration, parse_mode, parse_names, parse_paths, parse_rate, parse_sample
from spotmagic.store.editions import is_pattern

FLAGS: Mapping[str, str] = {
    "blob": "keep the result in a blob, whatever its size",
    "refresh": "run again although there is a result",
    "quiet": "no badge",
    "errors": "keep an error too, and raise it again on a hit",
    "rng": "let the state of global random generators count, and put them where the cell left them",
    "accept": "this edit does not matter: keep the nearest result for the edited code, and do not run it",
}
TOLD = ("outputs=", "rng", SAMPLE)  # what results of a cell must have in common to stand for each other
_WIDTH = 10


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
    keep: Expression | None = None
    sample: int = 0
    least_seconds: float = 0.0
    blob: bool = False
    refresh: bool = False
    quiet: bool = False
    errors: bool = False
    rng: bool = False
    accept: bool = False
    unasked: bool = False

    def told(self, hides: str = "") -> dict[str, bytes]:
        """What makes another result of the same cell, as a miss tells it; ``hides`` is where a ``;`` ends a line."""
        said = {"outputs=": ",".join(sorted(self.outputs)), "rng": "rng" if self.rng else "", ";": hides}
        return {name: digest(name, text) for name, text in said.items() if text} | sample_input(self.sample)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the line: what it is for, how its value is read and what may be offered for it.

    Attributes:
        late: its expression is evaluated after the run.
    """

    about: str
    read: Callable[[Any, str], Any]
    field: str = ""
    offers: tuple[str, ...] = ()
    late: bool = False


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


def _expression(value: Any, option: str) -> Expression:
    if len(value.pieces) == 1 and isinstance(value.pieces[0], Expression):
        return value.pieces[0]
    raise OptionError(f"{value.text} is no condition", todo=f"Write {option}={{answer is not None}}")


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
    "keep": Option(
        "whether the result is worth keeping: {a condition}, or {a function of the result}", _expression, late=True
    ),
    "sample": Option("which of its results to the same question this is", parse_sample, offers=("1", "2", "3")),
    "min": Option("a shorter run is not kept", parse_duration, field="least_seconds", offers=("1s", "3s", "10s")),
}  # fmt: skip


def parse(line: str, namespace: dict[str, Any], defaults: CellOptions | None = None) -> CellOptions:
    """The options of a line.

    Args:
        namespace: where ``{expressions}`` are looked up.
        defaults: what holds for options that the line does not name.

    Raises:
        OptionError: names the option that is unknown or wrong, and the nearest right one.
    """
    return chosen(split(line), namespace, defaults)


def chosen(words: Iterable[Word], namespace: dict[str, Any], defaults: CellOptions | None = None) -> CellOptions:
    """The options that the words of a line choose, as :func:`parse` gives them."""
    given: dict[str, Any] = {}
    for word in words:
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
    return option.field or word.name, option.read(word if option.late else word.value(namespace), word.name)


def cell_help() -> str:
    """What ``%%spot?`` shows."""
    words = [f"  {name + '=':{_WIDTH}} {option.about}" for name, option in VALUES.items()]
    flags = [f"  {name:{_WIDTH}} {about}" for name, about in FLAGS.items()]
    return "\n".join(
        [
            "Keep the result of a cell: the next run with the same code and inputs costs nothing.",
            "",
            "  %%spot [options]",
            "  summaries = [summarise(doc) for doc in docs]",
            "",
            "What the cell reads and writes is found. Variables, definitions, changed inputs and outputs come",
            "back, and a line under the cell says what happened and why. The options may also stand on a first line",
            "`%spot key=…`, which editors read as Python.",
            "",
            "Options are word=value or bare words, with quotes as in a shell; {expression} is a value of the notebook:",
            *words,
            *flags,
            "",
            "`%spot explain` says why a cell ran, `%spot help` lists what else there is.",
        ]
    )


LINE_HELP = """Look after the notebook's spot: alone, %spot prints a one-screen status.

  %spot help              the list of words: ls, explain, forget, accept, mode, stats, sql, …
  %spot key=summaries-v1  as the first line of a cell: the same as %%spot key=summaries-v1, and editors
                          keep their highlighting

See %%spot? for the options of a cell."""

LOAD_HELP = """Put what the notebook already uses under the spot without touching any code.

  %spot_load_ext httpx requests [match=api.openai.com/* ignore=user rpm=60 tpm=50k price=… ttl=7d mode=…]
                          GET and POST requests, so also those of the SDKs of paid APIs: the same method,
                          address, body and headers give the same answer. Only 2xx is kept.
  %spot_load_ext module:function [module:Class.method …] [options of mark and limiter]
  %spot_load_ext cells min=3s     every cell that follows is kept when it runs longer
  %spot_load_ext TARGET off       puts the originals back

Names already imported into the notebook are wrapped too. Alone, it lists what is wrapped."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Source between braces, to be evaluated in the namespace of the notebook."""

    source: str
    code: CodeType


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: an option's name (empty for a bare word) and the pieces of its value."""

    name: str
    pieces: tuple[str | Expression, ...]

    @property
    def text(self) -> str:
        """The word as the user wrote it, without quotes."""
        value = "".join(p if isinstance(p, str) else "{" + p.source + "}" for p in self.pieces)
        return f"{self.name}={value}" if self.name else value

    def value(self, namespace: dict[str, Any]) -> Any:
        """The value: the object itself for a lone ``{expression}``, else text.

        Raises:
            OptionError: for an expression that cannot be evaluated.
        """
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Expression):
            return self._evaluate(self.pieces[0], namespace)
        return "".join(p if isinstance(p, str) else str(self._evaluate(p, namespace)) for p in self.pieces)

    def _evaluate(self, expression: Expression, namespace: dict[str, Any]) -> Any:
        try:
            return eval(expression.code, namespace)
        except Exception as error:
            raise OptionError(
                f"{{{expression.source}}} in {self.name or 'the line'}= cannot be evaluated",
                why=f"{type(error).__name__}: {error}",
                todo="For braces as they are, write {{ and }}",
            ) from None


def split(line: str) -> list[Word]:
    """The words of a magic's line. Quotes and backslashes are a shell's; a word that starts with ``#`` ends the line.

    Raises:
        OptionError: for a quote or brace without its end.
    """
    return list(_Scanner(line).words())


class _Scanner:
    def __init__(self, line: str) -> None:
        self._line, self._at = line, 0

    def words(self) -> Iterator[Word]:
        while True:
            while self._at < len(self._line) and self._line[self._at].isspace():
                self._at += 1
            if self._at == len(self._line) or self._line[self._at] == "#":
                return
            yield self._word()

    def _word(self) -> Word:
        name, pieces, text = "", list[str | Expression](), ""
        while self._at < len(self._line) and not self._line[self._at].isspace():
            sign = self._line[self._at]
            self._at += 1
            if sign in "'\"":
                for piece in self._quoted(sign):
                    text = self._join(pieces, text, piece)
            elif sign == "\\" and self._at < len(self._line):
                text += self._line[self._at]
                self._at += 1
            elif sign in "{}":
                text = self._join(pieces, text, self._brace(sign))
            elif sign == "=" and not name and not pieces and text.isidentifier():
                name, text = text, ""
            else:
                text += sign
        if text or not pieces:
            pieces.append(text)
        return Word(name, tuple(pieces))

    @staticmethod
    def _join(pieces: list[str | Expression], text: str, piece: str | Expression) -> str:
        """Append a piece; text that is still growing is handed back."""
        if isinstance(piece, str):
            return text + piece
        if text:
            pieces.append(text)
        pieces.append(piece)
        return ""

    def _quoted(self, quote: str) -> Iterator[str | Expression]:
        began = self._at - 1
        while self._at < len(self._line):
            sign = self._line[self._at]
            self._at += 1
            if sign == quote:
                return
            if sign == "\\" and quote == '"' and self._line[self._at : self._at + 1] in ('"', "\\"):
                yield self._line[self._at]
                self._at += 1
            elif sign in "{}":
                yield self._brace(sign)
            else:
                yield sign
        raise OptionError(f"the quote in {self._line[began:]!r} has no end", todo="Close it on the same line")

    def _brace(self, sign: str) -> str | Expression:
        if self._line[self._at : self._at + 1] == sign:
            self._at += 1
            return sign
        if sign == "}":
            return sign
        end = self._at
        while (end := self._line.find("}", end) + 1) > 0:
            source = self._line[self._at : end - 1]
            # a brace inside the expression is no end, so the first source that is Python is it
            code = _compiled(source)
            if code is not None:
                self._at = end
                return Expression(source, code)
        raise OptionError(
            f"{self._line[self._at - 1 :]!r} is not an expression in braces",
            todo="Write {name} for a value of the notebook, {{ and }} for braces as they are",
        )


def _compiled(source: str) -> CodeType | None:
    """An expression, or one with a format after a colon; ``None`` for anything else."""
    for form in (source.strip(), f'f"""{{{source}}}"""'):
        try:
            return compile(form, "<magic line>", "eval")
        except (SyntaxError, ValueError):
            continue
    return None
