"""The command line as click has it: every command of the table, and those that only a shell needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import click

from spotmagic.cli.commands import SHELL
from spotmagic.cli.shell import FINE, USAGE
from spotmagic.commands import COMMANDS, Command
from spotmagic.commands.command import Taken, flag, option
from spotmagic.commands.parsing import parser
from spotmagic.errors import unknown
from spotmagic.terminal import encodable

ABOUT = "Look at a spotmagic cache, clean it and steer it, while notebooks use it."
_YES = flag("yes", "do not ask")
_JSON = flag("json", "print JSON")
_SPOT = option("spot", "the spot's folder or name; the only one in .spotmagic, or default", shown="FOLDER")
_NEW = option("spot", "the spot's folder or name; made where there is none", shown="FOLDER")
_NONE = option("spot", "as everywhere, though this is about none", shown="FOLDER")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a command line asks for: a command, what it was given, and how to answer."""

    command: Command
    given: dict[str, Any]
    spot: str | None = None
    json: bool = False
    yes: bool = False


class _Parsed(click.Command):
    """A command whose help any terminal can show."""

    def get_help(self, ctx: click.Context) -> str:
        return encodable(super().get_help(ctx), sys.stdout)


class CommandLine(click.Group):
    """``spotmagic``: its commands are made when they are asked for."""

    def __init__(self) -> None:
        version = click.Option(["--version"], is_flag=True, is_eager=True, help="Show the version and exit.")
        super().__init__("spotmagic", help=ABOUT, params=[version], invoke_without_command=True, callback=self._alone)
        self.table = {**COMMANDS, **SHELL}

    def get_help(self, ctx: click.Context) -> str:
        """The help, as any terminal can show it."""
        return encodable(super().get_help(ctx), sys.stdout)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name."""
        command = self.table.get(cmd_name)  # made when asked for: a start does not pay for all of them
        if command is None:
            return None
        made = parser(command, _more(command), _Parsed)
        made.callback = lambda **given: _asked(command, given)
        for parameter in made.params:
            if parameter.name == "spot":
                parameter._custom_shell_complete = _spots
        return made

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command of the first word. Raises ``OptionError`` that names the nearest."""
        name = args[0]
        if name not in self.table and not ctx.resilient_parsing and not name.startswith("-"):
            raise unknown("command", name, self.table)
        return super().resolve_command(ctx, args)

    def _alone(self, version: bool) -> int | None:
        context = click.get_current_context()
        if version:
            from importlib.metadata import version as installed

            click.echo(f"spotmagic {installed('spotmagic')}")
            context.exit(FINE)
        if context.invoked_subcommand is None:
            click.echo(self.get_help(context))
            context.exit(USAGE)
        return None


def _more(command: Command) -> list[Taken]:
    """What the command line adds to a command's own words."""
    own = {taken.name for taken in command.takes}
    more = [] if "spot" in own else [{"any": _NEW, "nothing": _NONE}.get(command.needs, _SPOT)]
    return [*more, *([_JSON] if command.listed else []), *([_YES] if command.asks else [])]


def _asked(command: Command, given: dict[str, Any]) -> Invocation:
    beside = {taken.name for taken in _more(command)}
    how = {name: given.pop(name) for name in beside}
    return Invocation(command, {name: value for name, value in given.items() if value is not None}, **how)


def _spots(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:  # noqa: ARG001
    from click.shell_completion import CompletionItem

    from spotmagic.cli.place import root, spots

    names = [place.name for place in spots(root()) if place.name.startswith(begun)]
    return [CompletionItem(name) for name in names] or [CompletionItem(begun, type="dir")]
