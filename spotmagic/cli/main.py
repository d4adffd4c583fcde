"""From the words of the command line to an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from spotmagic.cli.arguments import USAGE, parse, parser
from spotmagic.cli.commands import COMMANDS, FINE, WRONG
from spotmagic.cli.show import write
from spotmagic.errors import OptionError, SpotError

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


def _let_go_of_pipe() -> None:
    """A reader that went away, such as ``head``, is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
