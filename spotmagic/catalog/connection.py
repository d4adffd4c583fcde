"""spot.duckdb on disk: attached while somebody looks, let go of at once, so that every kernel gets its turn.

DuckDB gives a file to one process at a time, even to readers.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import stat
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import duckdb

from spotmagic import files
from spotmagic.catalog import schema
from spotmagic.catalog.instance import SUFFIXES, Busy, Cursor, Damaged, Instance, Unavailable, quoted, sorted_out
from spotmagic.files import PRIVATE_FILE, locked, open_private

FILE, LOCK = "spot.duckdb", "fold.lock"
DATABASE = "spot"
_LEAVING = 5.0  # seconds that the end of the process waits for threads that read or fold
_PROBE_AFTER = 0.5  # a younger log may be that of a kernel which looks at the catalog right now


class Connection:
    """The way to the catalog file of one folder, shared by all of this process. See :func:`connection`.

    Attributes:
        read: how far this process had read each journal when it last brought the file up to date.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._fresh()

    def _fresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._instance: Instance | None = None
        self._users = 0
        self._condemned = ""
        self._condemned_file = 0
        self._known: tuple[int, ...] = ()
        self._replayed: tuple[int, ...] = ()
        self.read: dict[str, int] = {}

    @property
    def instance(self) -> Instance:
        """The DuckDB of this catalog in this process, made on first use."""
        if self._pid != os.getpid():
            self._fresh()
        with self._lock:
            return self._own()

    def _own(self) -> Instance:
        if self._instance is None:
            self._instance = Instance(self.path, self._new)
        return self._instance

    @property
    def turn(self) -> threading.Lock:
        """Held by the thread that brings the file up to date, so that the others of this process wait for it."""
        if self._pid != os.getpid():
            self._fresh()
        return self._turn

    @property
    def is_read(self) -> bool:
        """Whether a thread of this process is at the file, or attaches it, or lets go of it."""
        if self._pid != os.getpid():
            return False
        if not self._lock.acquire(blocking=False):
            return True
        self._lock.release()
        return self._users > 0

    def touched(self) -> list[tuple[int, ...]]:
        """What is another after somebody wrote to the file."""
        found = []
        for suffix in SUFFIXES:
            with contextlib.suppress(OSError):
                found.append(file_identity(Path(f"{self.path}{suffix}").lstat()))
        return found

    @property
    def _new(self) -> Path:
        return self.path.with_name(f"{FILE}.new")

    def enter(self) -> Cursor:
        """Attach the file as database ``spot``, made when missing. Each ``enter`` needs its :meth:`leave`.

        The caller holds the fold lock.

        Raises:
            Busy, Unavailable, Damaged: nothing is attached then.
        """
        instance = self.instance
        with self._lock:
            if self._condemned and self._users:
                raise Busy("its damaged file is still being read")
            if not self._users:
                self._attach(instance)
            return self._used(instance)

    def _used(self, instance: Instance) -> Cursor:
        """A connection of one more user, who is counted once there is one: nobody else would leave for them."""
        try:
            cursor = instance.cursor()
            self._users += 1
        except BaseException as error:
            if not self._users:
                self._detach()
            if isinstance(error, duckdb.Error):
                raise sorted_out(error) from error
            raise
        return cursor

    def glimpse(self) -> Cursor:
        """A connection to the tables as they are, where that can be had without waiting. It needs its :meth:`leave`.

        Raises:
            Busy, Unavailable, Damaged: it cannot.
        """
        turn = self.turn
        if turn.acquire(blocking=False):
            try:
                with locked(self.path.parent / LOCK, wait=False) as got:
                    if not got or self._unreplayed() is not None:
                        raise Busy("it is being brought up to date")
                    return self.enter()
            except OSError as error:
                raise Unavailable(f"{error.strerror}: {error.filename}") from error
            finally:
                turn.release()
        with self._lock:  # a thread of this process brings it up to date: the file is attached, or is about to be
            if not self._users or self._condemned:
                raise Busy("it is being opened")
            return self._used(self._own())

    def leave(self, cursor: Cursor) -> None:
        """Let go of the file, when nobody else in this process looks at it."""
        with contextlib.suppress(duckdb.Error):
            cursor.close()
        with self._lock:
            self._users -= 1
            if not self._users:
                self._detach()

    def condemn(self, why: str) -> None:
        """Have the file put aside as soon as nobody looks at it."""
        with self._lock:
            self._condemned = why
            with contextlib.suppress(OSError):
                self._condemned_file = self.path.lstat().st_ino

    def prepare_write(self) -> None:
        """Make the log file before DuckDB does, so that it is private from the start."""
        with contextlib.suppress(OSError):
            os.close(open_private(Path(f"{self.path}.wal"), os.O_RDWR | os.O_CREAT))

    def put_aside(self) -> Path | None:
        """Rename the file and its logs out of the way, while the caller holds the fold lock. Returns where to."""
        with self._lock:
            if self._users:
                raise Busy("its damaged file is still being read")
            self._condemned, self._known, self.read = "", (), {}
            if self._instance is not None:
                self._instance.close()
                self._instance = None
        return put_aside(self.path)

    def throw_away(self) -> None:
        """Remove the file and its logs; the caller holds the fold lock."""
        moved = self.put_aside()
        if moved is not None:
            remove_catalog(moved)

    def _attach(self, instance: Instance) -> None:
        if self._condemned and self.path.exists() and self.path.lstat().st_ino == self._condemned_file:
            raise Damaged(self._condemned)
        self._condemned = ""
        refuse_strangers(self.path)
        self._replay()
        try:
            if not self.path.exists():
                self._make(instance)
            instance.run(_attach_sql(self.path))
        except duckdb.Error as error:
            raise sorted_out(error) from error
        except OSError as error:
            raise Unavailable(f"{error.strerror}: {error.filename}") from error
        try:
            self._check(instance)
        except BaseException:
            self._detach()
            raise

    def _replay(self) -> None:
        """Let a process of its own replay a log that a killed one left behind, once for each log."""
        info = self._unreplayed()
        if info is None:
            return
        if time.time() - info.st_mtime < _PROBE_AFTER:
            raise Busy("another kernel has just written to it")
        self._replayed = file_identity(info)
        probe(self.path)

    def _unreplayed(self) -> os.stat_result | None:
        """A log that nobody has tried to replay."""
        try:
            info = Path(f"{self.path}.wal").lstat()
        except FileNotFoundError:
            return None
        return info if info.st_size and self._replayed != file_identity(info) else None

    def _make(self, instance: Instance) -> None:
        remove_catalog(self._new)
        instance.run(_attach_sql(self._new))
        self._new.chmod(PRIVATE_FILE)
        cursor = instance.cursor()
        try:
            schema.create(cursor, DATABASE)
        finally:
            cursor.close()
            instance.run(f"DETACH {DATABASE}")
        self._new.rename(self.path)

    def _check(self, instance: Instance) -> None:
        """Look whether the file is a catalog, unless it is as this process left it."""
        if self._known == file_identity(self.path.lstat()):
            return
        cursor = instance.cursor()
        try:
            different = schema.difference(cursor, DATABASE)
        except duckdb.Error as error:
            raise sorted_out(error) from error
        finally:
            cursor.close()
        if different:
            raise Damaged(different)

    def _detach(self) -> None:
        instance = self._own()
        try:
            instance.run(f"DETACH {DATABASE}")
            self._known = file_identity(self.path.lstat())
        except (duckdb.Error, OSError):  # the file is closed with its instance then, and the next look finds out why
            self._known = ()
            instance.close()
            self._instance = None

    def close(self) -> None:
        """Give back the memory of DuckDB, if nobody is looking."""
        if self._pid != os.getpid():
            return
        with self._lock:
            if self._instance is not None and not self._users:
                self._instance.close()
                self._instance = None


_connections: weakref.WeakValueDictionary[Path, Connection] = weakref.WeakValueDictionary()
_connections_lock = files.ForkLock()


def connection(folder: Path) -> Connection:
    """The connection of a folder: the same for all of this process, as DuckDB lets a process open a file only once."""
    place = folder.resolve()
    with _connections_lock:
        found = _connections.get(place)
        if found is None:
            found = _connections[place] = Connection(place)
        return found


@atexit.register
def _wait_for_readers() -> None:
    """Let threads come out of DuckDB before the interpreter ends: one that is inside by then aborts the process."""
    end = time.monotonic() + _LEAVING
    for one in list(_connections.values()):
        while one.is_read and time.monotonic() < end:
            time.sleep(0.005)


def _attach_sql(path: Path) -> str:
    return f"ATTACH {quoted(str(path))} AS {DATABASE} (STORAGE_VERSION {quoted(schema.STORAGE_VERSION)})"


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
        remove_catalog(old)
    return moved


def remove_catalog(path: Path) -> None:
    """Delete a database file and its logs."""
    for suffix in SUFFIXES:
        with contextlib.suppress(OSError):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def file_identity(info: os.stat_result) -> tuple[int, ...]:
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
            raise Unavailable(f"{error.strerror}: {error.filename}") from error
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
