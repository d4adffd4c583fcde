"""The commands that only a shell needs."""

from __future__ import annotations

import functools

from spotmagic.cli.shell import FINE, Shell, at_once
from spotmagic.commands.command import Command, argument, command, flag, option
from spotmagic.terminal import write

SHELLS = ("bash", "zsh", "fish")
SHELL: dict[str, Command] = {}
_command = functools.partial(command, table=SHELL)


@_command(
    argument("FOLDER", "the spot's folder, as with --spot"),
    option("port", "the port on 127.0.0.1; 0 for any that is free", shown="PORT", number=True),
    flag("no-browser", "only print the address"),
)
def ui(shell: Shell, folder: str | None = None, port: int | None = None, no_browser: bool = False) -> int:
    """Show the panel on a page of its own, in the browser of this machine."""
    from spotmagic.dashboard.server import serve

    serve(shell.at(folder), port, browse=not no_browser, say=at_once)
    return FINE


@_command(
    argument("PROGRAM", "a file, package, module or notebook"),
    option("parameter", "a parameter; repeatable", also=("-p",), many=True, shown="NAME=VALUE"),
    option("config", "take parameters from config/NAME.py; -p goes before it", also=("-c",), shown="NAME"),
    option("output", "the notebook to write, or lines of JSON with the results", also=("-o",), shown="OUT"),
    option("new", "write a service that works, to begin with", shown="NAME"),
    option("spot", "the spot that keeps the results; the program's name when not said", shown="FOLDER"),
)
def exec_(_: Shell, **given: object) -> int:
    """Run a service or a notebook with typed parameters; what is done is kept, so running it again goes on."""
    from spotmagic.cli.execute import execute

    return execute(**given)  # type: ignore[arg-type]


@_command(argument("SHELL", ", ".join(SHELLS), choices=SHELLS, needed=True), needs="nothing")
def completion(_: Shell, shell: str) -> int:
    """Print a script that completes these words: eval "$(spotmagic completion bash)"."""
    from click.shell_completion import get_completion_class

    from spotmagic.cli.program import CommandLine

    made = get_completion_class(shell)
    if made is not None:
        write(made(CommandLine(), {}, "spotmagic", "_SPOTMAGIC_COMPLETE").source())
    return FINE
