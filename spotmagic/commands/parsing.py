"""The words of a command, read by click: for the command line as they are, for ``%spot`` without their dashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from spotmagic.commands.command import Command, Taken
from spotmagic.errors import OptionError, unknown


class Among(click.Choice):  # type: ignore[type-arg, unused-ignore]
    """A word of a closed list; another one is an error that names the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """The word itself."""
        if value not in self.choices:  # click would only list them
            raise unknown(param.human_readable_name.lower() if param else "word", str(value), self.choices)
        return value


def parser(command: Command, more: Iterable[Taken] = (), made: type[click.Command] = click.Command) -> click.Command:
    """What click knows of a command. Parsing gives what its function takes, by name.

    Args:
        more: what it takes beside its own words.
        made: the class to make it of.
    """
    parameters = [_parameter(taken) for taken in (*command.takes, *more)]
    return made(
        command.name, params=parameters, callback=dict, help=f"{command.about}", short_help=command.about,
        add_help_option=True,
    )  # fmt: skip


def _parameter(taken: Taken) -> click.Parameter:
    kind: Any = None
    if taken.choices:
        kind = Among(taken.choices)
    elif taken.number:
        kind = int
    if taken.form == "argument":
        return click.Argument([taken.field], required=taken.needed, type=kind, metavar=taken.usage)
    if taken.form == "flag":
        names = [f"--{name}" for name in (taken.name, *taken.also)]
        return click.Option([*names, taken.field], is_flag=True, help=taken.about)
    return click.Option(
        [*taken.also, f"--{taken.name}", taken.field],
        type=kind,
        help=taken.about,
        metavar=taken.shown or None,
        multiple=taken.many,
        default=taken.default,
    )


def read(made: click.Command, words: Sequence[str], name: str) -> dict[str, Any]:
    """What a command's words say, by the names its function knows them by.

    Raises:
        OptionError: for words it does not take, with the nearest it does.
    """
    try:
        with made.make_context(name, list(words)) as context:
            return {key: value for key, value in context.params.items() if value is not None}
    except click.UsageError as error:
        raise mistaken(error, made) from None


def mistaken(error: click.UsageError, made: click.Command) -> OptionError:
    """An error of click in our words."""
    if isinstance(error, click.NoSuchOption):
        context = error.ctx
        command = context.command if context is not None else made
        if context is not None and isinstance(command, click.Group) and (one := _taking(command, context, error)):
            words = f"{context.info_name} {one} {error.option_name}"
            return OptionError(f"{error.option_name} stands after its command", todo=f"Say {words} …")
        known = [name for each in command.params for name in each.opts if name.startswith("--")]
        return unknown("option", error.option_name, [*known, "--help"])
    text = error.format_message().rstrip(".")
    return OptionError(text[:1].lower() + text[1:])


def _taking(group: click.Group, context: click.Context, error: click.NoSuchOption) -> str:
    """The first command of a group that takes an option; empty where none does."""
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        if one is not None and any(error.option_name in each.opts for each in one.params):
            return name
    return ""


def undashed(command: Command, words: Iterable[Any], rest: str) -> list[str]:
    """The words of a ``%spot`` line as the command line has them.

    ``ls summ* limit=5`` is ``["--limit=5", "--", "summ*"]``, and ``gc dry`` is ``["--dry-run", "--"]``.

    Args:
        words: of the line, after the command's own.
        rest: the same as they were written.
    """
    if any(taken.raw for taken in command.takes):
        return ["--", rest] if rest else []  # a query may begin with two dashes, which are a comment in SQL
    names = {taken.name for taken in command.takes if taken.form == "option"}
    flags = {name: taken.name for taken in command.takes if taken.form == "flag" for name in (taken.name, *taken.also)}
    dashed, places = [], []
    for word in words:
        if word.name and (word.name in names or not _may_hold(command, word.text)):
            dashed.append(f"--{word.text}")
        elif word.text in flags and not word.name:
            dashed.append(f"--{flags[word.text]}")
        elif word.text.startswith("--"):
            dashed.append(word.text)
        else:
            places.append(word.text)
    return [*dashed, "--", *places]


def _may_hold(command: Command, text: str) -> bool:
    """Whether a word with a sign of equality may be an argument: a path, not a pattern of names."""
    return "/" in text and any(taken.name == "PATH" for taken in command.takes)
