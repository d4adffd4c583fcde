"""What of the process a cell may change that a hit would not change again: its folder and its environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_ENVIRONMENT = re.compile(r"environ|putenv|\benv\b")


@dataclass(frozen=True, slots=True)
class Process:
    """The process before a cell runs."""

    folder: str
    environment: dict[str, str]

    def changed(self, normal: str) -> str:
        """What is different now, in words, or empty.

        Args:
            normal: the code of the cell. Imports set environment variables too, and a hit runs them again: so those
                count only where the code names them.
        """
        now = process()
        if now.folder != self.folder:
            return "the working directory"
        if now.environment != self.environment and _ENVIRONMENT.search(normal):
            return "os.environ"
        return ""


def process() -> Process:
    """The process as it is now."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - a path is of no use here
    except OSError:  # it was removed
        folder = ""
    return Process(folder, dict(os.environ))
