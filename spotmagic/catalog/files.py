"""The files of a catalog: which ones may be opened, and how they are put out of the way."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from spotmagic.catalog.instance import SUFFIXES
from spotmagic.catalog.trouble import Damaged, Unusable
from spotmagic.files import PRIVATE_FILE

KEPT_ASIDE = 3  # damaged catalogs kept for a look; they hold nothing that the journals do not
_PROBE_SECONDS = 30
# Replaying the log of a killed process has been seen to end the process that replays it, so another one tries first.
_PROBE = "import duckdb, sys; duckdb.connect(sys.argv[1], config={'enable_external_access': False}).close()"


def put_aside(path: Path) -> Path | None:
    """Rename a damaged catalog to ``spot.duckdb.bad-<time>``, its log files alike. The oldest of many are removed."""
    target = path.with_name(f"{path.name}.bad-{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}")
    moved = None
    for suffix in SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
            moved = target
    bad = sorted(path.parent.glob(f"{path.name}.bad-*-?????????"))
    for old in bad[:-KEPT_ASIDE]:
        remove(old)
    return moved


def remove(path: Path) -> None:
    """Delete a database file and its logs."""
    for suffix in SUFFIXES:
        with contextlib.suppress(OSError):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def identity(info: os.stat_result) -> tuple[int, ...]:
    """What is the same while a file stays as it was."""
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


def refuse_strangers(path: Path) -> None:
    """Take only regular files of this user. They are not opened here: closing one would drop DuckDB's lock on it."""
    for suffix in SUFFIXES:
        try:
            info = Path(f"{path}{suffix}").lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unusable(f"{error.strerror}: {error.filename}") from error
        if stat.S_ISLNK(info.st_mode):
            raise Damaged(f"{path.name}{suffix} is a symbolic link")
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
            raise Damaged(f"{path.name}{suffix} is not a file of this user")
        if info.st_mode & 0o077:
            Path(f"{path}{suffix}").chmod(PRIVATE_FILE)


def probe(path: Path) -> None:
    """Let a process of its own replay the log that a killed one left behind. Raises ``Damaged`` when that ends it."""
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-c", _PROBE, str(path)],
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if ended.returncode < 0:
        raise Damaged(f"reading its log ended a process with signal {-ended.returncode}")
