"""Where commands are given on the command line: the spot they are about, questions, and what is printed."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

from spotmagic.commands import Session
from spotmagic.errors import OptionError
from spotmagic.terminal import Screen, encodable, lines, write
from spotmagic.view import View

if TYPE_CHECKING:
    from spotmagic.cli.program import Invocation
    from spotmagic.spot import Spot


FINE, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
"""What a command line ends with: 1 for something wrong with what was looked at, 2 for words that are none."""


class Shell(Session):
    """The session of one command line. What destroys is asked about, or needs ``--yes``."""

    def __init__(self, asked: Invocation) -> None:
        super().__init__(self._open)
        self._asked = asked

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        for spot in self._spots:
            spot.close()

    def at(self, folder: str | None) -> Spot:
        """The spot of a folder named without ``--spot``."""
        if folder is not None:
            self._asked = dataclasses.replace(self._asked, spot=folder)
        return self.spot

    def _open(self, **settings: Any) -> Spot:
        from spotmagic.cli.place import spot_at

        command = self._asked.command
        return spot_at(self._asked.spot, make=command.needs == "any", latest=command.name == "ui", **settings)

    def sure(self, question: str, view: View | None = None) -> bool:
        """Whether to go on: said with ``--yes``, or asked where somebody can answer."""
        if self._asked.yes:
            return True
        if not sys.stdin.isatty():  # a script that waits for an answer waits for ever
            raise OptionError(question.rstrip("?"), why="nobody can be asked here", todo="Say --yes")
        if view is not None:
            self.print(view)
        try:
            return input(encodable(f"{question} [y/N] ", sys.stdout)).strip().lower() in ("y", "yes")
        except EOFError:  # Ctrl-D is no yes
            write("")
            return False

    def show(self, view: View) -> None:
        """Print a view: for people, or as JSON."""
        if self._asked.json:
            write(json.dumps(view.data, indent=2, default=_told, ensure_ascii=True))
        else:
            self.print(view)

    def print(self, view: View) -> None:
        """Print a view as the terminal, file or pipe can show it."""
        for line in lines(view, Screen.of(sys.stdout)):
            write(line)


def at_once(text: str) -> None:
    """Print a line that a reader waits for, though the output be a pipe."""
    write(text)
    sys.stdout.flush()


def _told(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)
