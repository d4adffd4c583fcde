"""From the words of the command line to an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import click

from spotmagic.cli.program import CommandLine, Invocation
from spotmagic.cli.shell import FINE, INTERRUPTED, USAGE, WRONG, Shell
from spotmagic.commands.parsing import mistaken
from spotmagic.errors import OptionError, SpotError, SpotWarning
from spotmagic.terminal import plain, write


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line. Returns 0 for fine, 1 for something wrong with what was looked at, 2 for usage."""
    program = CommandLine()
    if sys.stdout is None:  # closed by the shell: >&-
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    try:
        with _warnings_in_words():
            asked = program.main(words, prog_name="spotmagic", standalone_mode=False)
            return _done(asked) if isinstance(asked, Invocation) else int(asked or FINE)
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx is not None else program.name
        return _failed(f"{mistaken(error, program)}\nTry {place} --help", USAGE)
    except OptionError as error:
        return _failed(str(error), USAGE)
    except BrokenPipeError:
        return FINE
    except (SpotError, OSError) as error:
        return _failed(str(error), WRONG)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    finally:
        _let_go_of_pipe()


def _done(asked: Invocation) -> int:
    with Shell(asked) as shell:
        shown = asked.command.run(shell, **asked.given)
        if isinstance(shown, int):
            return shown
        shell.show(shown)
        return WRONG if shown.wrong else FINE


def _failed(text: str, code: int) -> int:
    for number, line in enumerate(text.splitlines()):
        write(plain(line) if number else f"spotmagic: {plain(line)}", sys.stderr)
    return code


@contextlib.contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Our own warnings in a line of words, without the place in our code."""
    before = warnings.formatwarning

    def words(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        ours = category is SpotWarning
        return f"spotmagic: {plain(message)}\n" if ours else before(message, category, *place, **more)

    warnings.formatwarning = words  # a filter of the user still decides which are shown
    try:
        yield
    finally:
        warnings.formatwarning = before


def _let_go_of_pipe() -> None:
    """A reader that went away, such as ``head``, is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
