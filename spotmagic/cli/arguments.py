"""The words of the command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from spotmagic.cli.commands import COMMANDS

USAGE = 2
ABOUT = "Look at a spotmagic cache, clean it and steer it, while notebooks use it."


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the nearest right word."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and end with the code for usage."""
        self.exit(USAGE, f"spotmagic: {message}{_nearest(message)}\nTry {self.prog} --help\n")


def _nearest(message: str) -> str:
    _, mark, rest = message.partition("invalid choice: ")
    word = rest.split(" ")[0].strip("'\"") if mark else ""
    near = difflib.get_close_matches(word, COMMANDS, n=1, cutoff=0.5)
    return f". Did you mean {near[0]}?" if near else ""


def parser() -> Parser:
    """The parser of the whole command line."""
    whole = Parser(prog="spotmagic", description=ABOUT)
    whole.add_argument("--version", action="store_true", help="print the version and end")
    words = whole.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        about = (command.run.__doc__ or "").splitlines()[0]
        sub = words.add_parser(name, help=about, description=about)
        for flags, settings in command.arguments:
            sub.add_argument(*flags, **settings)
        if command.needs_spot:
            sub.add_argument(
                "--spot", metavar="FOLDER", help="the spot's folder; the only one in .spotmagic, or default"
            )
        if command.lists:
            sub.add_argument("--json", action="store_true", help="print JSON")
    whole.set_defaults(parser=whole)
    return whole


def parse(words: Sequence[str] | None) -> Any:
    """The parsed words of a command line."""
    return parser().parse_args(words)
