"""The line of a magic: words as a shell splits them, with ``{expressions}`` of the notebook in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from spotmagic.errors import OptionError


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
