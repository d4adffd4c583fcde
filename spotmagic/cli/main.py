"""From the words of the command line to an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from spotmagic.cli.arguments import USAGE, parse, parser
from spotmagic.cli.commands import COMMANDS, FINE, WRONG
from spotmagic.cli.show import write
from spotmagic.errors import OptionError, SpotError, SpotWarning

INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line. Returns 0 for fine, 1 for something wrong with what was looked at, 2 for usage."""
    args = parse(words)
    if args.version:
        write(f"spotmagic {version('spotmagic')}")
        return FINE
    if args.command is None:
        parser().print_help()
        return USAGE
    try:
        with _warnings_in_words():
            return COMMANDS[args.command].run(args)
    except OptionError as error:
        write(f"spotmagic: {error}", sys.stderr)
        return USAGE
    except BrokenPipeError:
        return FINE
    except (SpotError, OSError) as error:
        write(f"spotmagic: {error}", sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        _let_go_of_pipe()


@contextlib.contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Our own warnings in a line of words, without the place in our code."""
    before = warnings.formatwarning

    def words(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        return f"spotmagic: {message}\n" if category is SpotWarning else before(message, category, *place, **more)

    warnings.formatwarning = words
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
