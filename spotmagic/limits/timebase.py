"""The time a limit's state is written in: one that all processes of the machine agree on."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spotmagic.clock import SYSTEM, Clock

NO_BOOT = bytes(16)
"""Stands for a machine that does not tell its boots apart: its states are written in wall time."""


@dataclass(frozen=True, slots=True)
class Timebase:
    """Where a state's times come from.

    Attributes:
        now: the time in seconds.
        boot: 16 bytes; a state written under other ones says nothing about now.
    """

    now: Callable[[], float]
    boot: bytes


def timebase(clock: Clock) -> Timebase:
    """The timebase of a clock. A clock of the caller's own shares its states with nobody else."""
    if clock is not SYSTEM:
        return Timebase(clock.monotonic, _digest(f"clock {os.getpid()} {id(clock)}"))
    # The monotonic clock begins anew with the machine, so its times mean something under the same boot alone.
    boot = boot_id()
    return Timebase(clock.now, NO_BOOT) if boot == NO_BOOT else Timebase(clock.monotonic, boot)


@functools.cache
def boot_id() -> bytes:
    """16 bytes that differ between two starts of the machine, or ``NO_BOOT`` where it does not say."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            text = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
        else:
            text = Path("/proc/sys/kernel/random/boot_id").read_text()
    except (OSError, subprocess.SubprocessError):
        return NO_BOOT
    return _digest(text.strip()) if text.strip() else NO_BOOT


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
