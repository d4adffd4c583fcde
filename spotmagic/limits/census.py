"""The limits that living processes of this machine use, seen without using them: no lock is taken, no file made."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path

from spotmagic import files
from spotmagic.limits.folder import state_files
from spotmagic.limits.slots import roster
from spotmagic.limits.state_file import newest
from spotmagic.limits.status import LimitState, status
from spotmagic.limits.timebase import Timebase


def others(known: Container[str], base: Timebase) -> list[LimitState]:
    """What the limits in files do now that some living process uses, in the order of their names.

    Args:
        known: names to leave out.
        base: states of another one say nothing about now, and are left out.
    """
    found = []
    for name, path in state_files().items():
        if name in known:
            continue
        try:
            state = _state(name, path, base)
        except OSError:  # deleted meanwhile, or not ours
            continue
        if state is not None:
            found.append(state)
    return found


def _state(name: str, path: Path, base: Timebase) -> LimitState | None:
    slots = _open(path.with_suffix(".slots"))
    try:
        users = roster(slots)
        if not users:
            return None
        fd = _open(path)
        try:
            _, state = newest(fd, base.boot)
        finally:
            os.close(fd)
        if state is None:
            return None
        running = sum(files.byte_is_locked(slots, slot) for slot in range(state.concurrency))
        return status(name, "file", state, base.now(), users, running)
    finally:
        os.close(slots)


def _open(path: Path) -> int:
    fd = files.open_private(path, os.O_RDWR | os.O_NONBLOCK)
    if not files.is_private(fd):
        os.close(fd)
        raise PermissionError(f"{path} is not a private file of this user")
    return fd
