"""What people ask of a spot, for ``%spot`` and the command line alike: each command is a function that gives a view."""

from __future__ import annotations

from spotmagic.commands import changing, looking, sharing  # noqa: F401 (make their commands)
from spotmagic.commands.command import COMMANDS, Command, Session

__all__ = ["COMMANDS", "Command", "Session"]
