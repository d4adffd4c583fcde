"""The seven sessions in which users' code is tried: without a mark and with one, as it is and after an edit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SESSIONS = ("plain", "plain edited", "first", "second", "edited", "edited again", "undone")


def sessions(begin: Callable[[str], list[str]], home: Path, folder: Path | None = None) -> dict[str, Any]:
    """What each session says at its end, as JSON, in a fresh process.

    Args:
        begin: gets ready for a session, and gives its words.
        folder: the working directory, where that is not this one.
    """
    said, path = {}, ":".join([str(Path.cwd()), *sys.path])
    for seed, name in enumerate(SESSIONS, 1):
        out = subprocess.run(
            [sys.executable, "-W", "ignore", "-B", *begin(name)],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": path, "HOME": str(home), "PATH": "/usr/bin:/bin"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        said[name] = json.loads(out.splitlines()[-1])
    return said


def verdicts(values: Mapping[str, Any], told: Mapping[str, str]) -> list[str]:
    """The verdicts under the mark, once the values are found to be those without it."""
    for session, value in values.items():
        assert value == values["plain edited" if "edited" in session else "plain"], session
    return [told[session] for session in SESSIONS[2:]]
