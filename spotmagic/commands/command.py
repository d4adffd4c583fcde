"""The one table of commands: what each takes, and the function that answers it."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from spotmagic.errors import OptionError, RecordMissing
from spotmagic.view import View

if TYPE_CHECKING:
    from spotmagic.engine.explain import Explanation
    from spotmagic.spot import Spot

Needs = Literal["spot", "any", "nothing"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A word that a command takes, with its dashes on the command line and without them in ``%spot``.

    Attributes:
        name: as it is written: ``by``, ``dry-run``; of an argument in capitals.
        form: ``argument`` stands at its place, ``option`` has a value, ``flag`` has none.
        also: other names of it: of an option with one letter, ``-p``.
        many: may be given several times.
        raw: in ``%spot`` the rest of the line is this one argument.
        number: its value is a whole number.
        shown: what stands for the value in a help.
    """

    name: str
    about: str = ""
    form: Literal["argument", "option", "flag"] = "argument"
    needed: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    also: tuple[str, ...] = ()
    many: bool = False
    raw: bool = False
    number: bool = False
    shown: str = ""

    @property
    def field(self) -> str:
        """Its name as an argument of the command's function."""
        return self.name.lower().replace("-", "_")

    @property
    def usage(self) -> str:
        """How ``%spot help`` writes it."""
        if self.form == "argument":
            word = self.name
        elif self.form == "flag":
            word = self.also[0] if self.also else self.name
        else:
            word = f"{self.name}={'|'.join(self.choices) or self.shown or '…'}"
        return word if self.needed else f"[{word}]"


def argument(name: str, about: str, **more: Any) -> Taken:
    """A word at its place."""
    return Taken(name, about, **more)


def option(name: str, about: str, **more: Any) -> Taken:
    """A word with a value: ``by=day``, ``--by day``."""
    return Taken(name, about, "option", **more)


def flag(name: str, about: str, **more: Any) -> Taken:
    """A word alone: ``repair``, ``--repair``."""
    return Taken(name, about, "flag", **more)


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        run: takes a session and what the line says; gives the view to show.
        needs: a spot that is there, any (it is made where there is none), or nothing.
        listed: its view has data, so that the command line can print it as JSON.
        asks: it destroys something, so the command line asks first.
    """

    name: str
    run: Callable[..., Any]
    takes: tuple[Taken, ...] = ()
    needs: Needs = "spot"
    listed: bool = False
    asks: bool = False

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return " ".join((self.run.__doc__ or "").partition("\n\n")[0].split())

    @property
    def usage(self) -> str:
        """The command with what it takes, as ``%spot`` has it."""
        return " ".join([self.name, *(taken.usage for taken in self.takes)])


COMMANDS: dict[str, Command] = {}


def command(
    *takes: Taken, table: dict[str, Command] = COMMANDS, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a function into a table of commands under its own name."""

    def put(run: Callable[..., Any]) -> Callable[..., Any]:
        name = run.__name__.strip("_")  # help_ and open_ are words of Python
        table[name] = Command(name, run, takes, **more)
        return run

    return put


@dataclass
class Session:
    """Where commands are given. This one asks nobody, as a notebook runs its cells.

    Attributes:
        open: gives the spot, made with more settings where the command names some.
    """

    open: Callable[..., Any]
    _spots: list[Any] = field(default_factory=list)  # what was opened: whoever has the session closes it

    @property
    def spot(self) -> Spot:
        """What the commands are about; opened when first asked for."""
        if not self._spots:
            self._spots.append(self.open())
        spot: Spot = self._spots[0]
        return spot

    @contextlib.contextmanager
    def sharing(self, remote: str | None) -> Iterator[Spot]:
        """The spot, with a bucket that the command names."""
        if remote is None:
            yield self.spot
        else:
            with self.open(remote=remote) as spot:
                yield spot

    def sure(self, question: str, view: View | None = None) -> bool:  # noqa: ARG002
        """Whether to go on with what cannot be undone.

        Args:
            view: what the question is about.
        """
        return True

    def account(self, name: str | None) -> tuple[Explanation, Sequence[tuple[Mapping[str, bytes], Mapping[str, str]]]]:
        """What differs between the last result of a name and the nearest before it; inputs and notes of both.

        Raises:
            RecordMissing: nothing is kept under the name.
        """
        if not name:
            raise OptionError("explain needs a NAME", todo="Say a function or cell, as ls lists them")
        name = known_name(self.spot, name)
        entries = self.spot.store.recent(name)
        if not entries:
            raise RecordMissing(f"nothing is kept under {name!r}", todo="It ran without being kept; stats has its runs")
        return self.spot.explain(name), [(entry.inputs, entry.notes) for entry in entries]


def known_name(spot: Spot, name: str) -> str:
    """The whole name of what a person calls by its last words: ``books.ask`` for ``ask``.

    Raises:
        RecordMissing: nothing has this name; tells the nearest.
    """
    known = [one.name for one in spot.catalog.functions()]
    if name in known:
        return name
    ends = [one for one in known if one.endswith(f".{name}")]  # whole words: ask is the end of books.ask, not of task
    if len(ends) == 1:
        return ends[0]
    if of := next((row.name for row in spot.entries(name, status=None, limit=1) if row.key.startswith(name)), None):
        raise RecordMissing(f"{name} is the key of a result of {of}", todo=f"Say {of}, or show the result")
    near = ends[:1] or _nearest(name, known)
    todo = f"Did you mean {near[0]}?" if near else "spotmagic ls, or %spot ls, lists what is kept"
    raise RecordMissing(f"nothing is called {name!r}", todo=todo)


def _nearest(name: str, known: Sequence[str]) -> list[str]:
    by_end = {one.rpartition(".")[2]: one for one in known}
    short = difflib.get_close_matches(name.rpartition(".")[2], by_end, n=1, cutoff=0.5)
    return [by_end[short[0]]] if short else difflib.get_close_matches(name, known, n=1, cutoff=0.5)
