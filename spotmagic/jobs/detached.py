"""Calls in a process of their own, which outlives the cell, its interrupt and the kernel.

A job has a folder ``jobs/<key>/`` in the spot's: ``state.json``, replaced whole; ``log``, what the process prints; and
``life``, whose lock the process holds from before it starts until it is gone, however it ends. What it is called with
goes through a pipe and never to disk. The result goes where results go: into the spot.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic import files, threads
from spotmagic.codecs import Undecodable
from spotmagic.engine.flight import pauses
from spotmagic.errors import JobCancelled, JobFailed, OptionError, RecordMissing
from spotmagic.jobs.job import OVER, Job, JobProgress, Status
from spotmagic.jobs.shipment import pack_value, unpack_value
from spotmagic.store.editions import holding
from spotmagic.store.entry import Entry
from spotmagic.values.secrets import masked

if TYPE_CHECKING:
    from spotmagic.spot.mark import MarkedFunction
    from spotmagic.spot.spot import Spot

STATE, LIFE, LOG, VALUE, CANCEL, BEGIN = "state.json", "life", "log", "value", "cancel", "begin.lock"
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n"
    "from spotmagic.jobs.detached import run_detached; sys.exit(run_detached(sys.argv[2], int(sys.argv[3])))"
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_TAIL = 600  # characters of the log that the error of a vanished job shows


class DetachedJob(Job):
    """A job by its folder.

    Args:
        spot: that the job belongs to.
        folder: of the job.
    """

    def __init__(self, spot: Spot, folder: Path) -> None:
        self._spot, self.folder, self.key = spot, folder, folder.name
        self.name = str(self._state().get("name", "?"))

    @property
    def status(self) -> Status:
        status: Status = self._settled()["status"]
        return status

    @property
    def progress(self) -> JobProgress | None:
        told = self._state().get("progress")
        return JobProgress(*told) if told else None

    @property
    def traceback(self) -> str:
        return str(self._settled().get("traceback", ""))

    @property
    def metadata(self) -> dict[str, Any]:
        left_out = ("status", "progress", "traceback")
        return {"where": "detached", "key": self.key} | {
            name: value for name, value in self._settled().items() if name not in left_out
        }

    def log(self) -> str:
        try:
            return (self.folder / LOG).read_text(errors="replace")
        except OSError:
            return ""

    def cancel(self, force: bool = False) -> bool:
        state = self._settled()
        if state["status"] in OVER or state.get("host") != socket.gethostname():
            return False
        if "pid" not in state:  # its process is just being started
            with contextlib.suppress(OSError), files.locked(self.folder.with_name(BEGIN)):
                state = self._state()
        with contextlib.suppress(OSError):  # a full disk keeps nobody from stopping a job
            files.write_whole(self.folder / CANCEL, b"", durable=False)  # a killed process cannot tell it any more
        with contextlib.suppress(ProcessLookupError, PermissionError, KeyError):
            if force:
                os.killpg(state["pid"], signal.SIGKILL)
            else:
                os.kill(state["pid"], signal.SIGTERM)
        return True

    def result(self, timeout: float | None = None) -> Any:
        deadline = None if timeout is None else time.monotonic() + timeout
        for pause in pauses():
            state = self._settled()
            if state["status"] in OVER:
                return self._came(state)
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"the job {self.name} is not over within {timeout:g} seconds; it goes on")
            time.sleep(pause)
        raise AssertionError  # the pauses never end

    async def _awaited(self) -> Any:
        for pause in pauses():
            state = self._settled()
            if state["status"] in OVER:
                return self._came(state)
            await asyncio.sleep(pause)
        raise AssertionError  # the pauses never end

    def _came(self, state: dict[str, Any]) -> Any:
        """The value of a job that is over."""
        if state["status"] == "CANCELLED":
            raise JobCancelled(f"the job {self.name} was cancelled", todo="Submit it again")
        if state["status"] == "FAILED":
            raise JobFailed(f"the job {self.name} failed", state.get("error", ""), "See job.traceback and job.log()")
        value = self.folder / VALUE
        if value.exists():
            wrapped = value.read_bytes()
            data = self._spot.ring.unwrap(wrapped)
            if data is None and self._spot.ring.check(self._spot.ring.kid, wrapped[32:], wrapped[:32]):
                data = wrapped[32:]  # of the version before, which did not veil it
            if data is not None:
                return unpack_value(data)
        from spotmagic.spot.mark import decode_value

        store = self._spot.store
        entry, _ = holding(store.get, store.get(bytes.fromhex(state["entry"])))
        if isinstance(entry, Entry) and entry.status == "value":
            with contextlib.suppress(Undecodable):
                return decode_value(entry)
        raise RecordMissing(f"the result of the job {self.name} is not there", "it was forgotten", "Submit it again")

    def _settled(self) -> dict[str, Any]:
        """The state; a process that is gone without having told its end has failed."""
        state = self._state()
        if state["status"] in OVER or not self._gone():
            return state
        state = self._state()  # it may have ended between the two looks
        if state["status"] in OVER:
            return state
        last = self.log()[-_TAIL:].strip()
        why = "its process is gone: killed, out of memory, or the machine was restarted" + (
            f"; it said last: {last}" if last else ""
        )
        state |= {"status": "FAILED", "error": why, "ended": None}
        if (self.folder / CANCEL).exists():
            state |= {"status": "CANCELLED", "error": ""}
        with contextlib.suppress(OSError):
            save_state(self.folder, state)
        return state

    def _gone(self) -> bool:
        # A process id says little: another process may have it by now. The lock of its life is free when it is gone.
        try:
            with files.locked(self.folder / LIFE, wait=False) as free:
                return free
        except OSError:
            return True

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / STATE).read_text())
            return state
        except (OSError, ValueError):
            return {"status": "FAILED", "error": "its folder is gone or damaged", "name": getattr(self, "name", "?")}


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state of a job whole."""
    files.write_whole(folder / STATE, json.dumps(state).encode(), durable=False)


def start(function: MarkedFunction, args: tuple[Any, ...], kwargs: dict[str, Any], key: str) -> DetachedJob:
    """Begin a call in a process of its own, or join the one that is under way.

    Raises:
        OptionError: something it is called with cannot be sent to another process.
    """
    marked = function.marked
    spot, place = marked.spot, marked.spot.folder / "jobs"
    data = pack_value((function, args, kwargs), marked.name)
    folder = place / key
    try:
        files.make_folder(place)
        with files.locked(place / BEGIN):  # two kernels that submit one call start one process
            if (folder / STATE).exists():
                known = DetachedJob(spot, folder)
                if known.status not in OVER:
                    return known
                shutil.rmtree(folder, ignore_errors=True)
            files.make_folder(folder)
            try:
                process = _launch(folder, marked.name)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise OptionError(
            f"{marked.name} cannot be detached", f"{error.filename or place}: {error.strerror}", "Run it in a thread"
        ) from error
    if threads.spawn(f"spotmagic-detached {marked.name}", _feed, process, data) is None:
        _hand_over(process, data)
    return DetachedJob(spot, folder)


def _launch(folder: Path, name: str) -> subprocess.Popen[bytes]:
    """Start the process. It holds the lock of its life from the first moment: the open file is handed to it."""
    life = files.open_private(folder / LIFE, os.O_RDWR | os.O_CREAT)
    log = files.open_private(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        files.lock(life)
        state = {"status": "PENDING", "name": name, "submitted": time.time(), "host": socket.gethostname()}
        save_state(folder, state)
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), str(folder), str(life)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(life,),
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            save_state(folder, state | {"pid": process.pid})
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return process
    finally:
        os.close(life)
        os.close(log)


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Hand over what it is called with, and wait for its end as a parent has to."""
    _hand_over(process, data)
    process.wait()


def _hand_over(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin as pipe:
        pipe.write(data)


def sweep(folder: Path, age: float, now: float) -> int:
    """Remove the folders of jobs that are over and older than an age in seconds. Returns how many."""
    removed = 0
    for state in list(folder.glob(f"jobs/*/{STATE}")):
        with contextlib.suppress(OSError):
            if now - state.stat().st_mtime < age:
                continue
            with files.locked(state.with_name(LIFE), wait=False) as free:
                if free:
                    shutil.rmtree(state.parent, ignore_errors=True)
                    removed += 1
    return removed


class Told:
    """What the process of a job tells of itself, in the state file of the job.

    Attributes:
        secrets: texts that nothing it tells or prints may hold.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state: dict[str, Any] = json.loads((folder / STATE).read_text()) | {"pid": os.getpid()}
        self._at, self._cancelled = 0.0, False
        self.secrets: Collection[str] = ()

    def tell(self, **facts: Any) -> None:
        """Say something new. Where the disk is full it is said later, with what comes next."""
        self._state |= facts
        self._at = time.monotonic()
        with contextlib.suppress(OSError):
            save_state(self._folder, self._state)

    def end(self, **facts: Any) -> None:
        """Say how it ended, as soon as there is room to say so."""
        self._state |= facts
        self.insist(lambda: save_state(self._folder, self._state))

    def insist(self, write: Callable[[], Any]) -> Any:
        """Write something that is nowhere else, waiting for room on a full disk until the job is cancelled."""
        for pause in pauses():
            try:
                return write()
            except OSError as error:
                if error.errno not in _FULL or self._cancelled:
                    raise
            time.sleep(10 * pause)
        raise AssertionError  # the pauses never end

    def cancel(self, *_: Any) -> None:
        """Interrupt the call. Wherever that reaches it, and if it is lost there, what is still to write is tried once.

        Raises:
            KeyboardInterrupt: always.
        """
        self._cancelled = True
        raise KeyboardInterrupt

    def follow(self, done: float, total: float | None, note: str) -> None:
        """Take in how far the call is, and tell it ten times a second at most."""
        self._state["progress"] = [done, total, masked(note, self.secrets)]
        if time.monotonic() - self._at > 0.1 or done == total:
            self.tell()


def run_detached(place: str, life: int) -> int:
    """Run as the process of a job, to its end. Returns the exit code."""
    os.set_inheritable(life, False)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from spotmagic.jobs.child import make

    folder, data = Path(place), sys.stdin.buffer.read()
    told = Told(folder)  # what starts the process has written the state before it sent the data
    signal.signal(signal.SIGTERM, told.cancel)
    return make(folder, told, data)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
