"""The folder of one run of a batch: its state, its log and its failed inputs, written as they happen.

::

    runs/2026-11-28T19.25.03.120000 summarise 3f2a/
      run.json        name, function, status and counts; new once a second
      log.jsonl       one line for each call that ran or failed, and for what was logged meanwhile
      failed.jsonl    one line for each failed input
      inputs.log      the failed inputs, each a sealed entry; failed.jsonl has their places
      alive.lock      held by the process that runs it
      word            what another kernel asks of it: pause, resume or stop
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from spotmagic import files
from spotmagic.batch.item import Failed
from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.errors import Uncacheable, tell
from spotmagic.options import is_off
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.seal import seal, unseal
from spotmagic.store.trust import ring
from spotmagic.values.credentials import Credentials, found_in

RUNS = "runs"
WORDS = ("pause", "resume", "stop")
MOST_RUNS = 200
"""Folders of runs without failed inputs that are kept."""
MOST_INPUT = 16_000_000
"""Bytes of a failed input above which it is not kept."""


class RunFolder:
    """Where one run writes. Trouble with the disk is told once, and costs the log alone.

    Attributes:
        usable: it writes; not after trouble, nor while spotmagic is off.
    """

    def __init__(self, spot_folder: Path, name: str, pickle: Literal["signed", "never"]) -> None:
        word = re.sub(r"[^\w.\-]+", "-", name)[:60]
        now = datetime.datetime.now().astimezone()
        stamp = f"{now:%Y-%m-%dT%H.%M.%S}.{now.microsecond:06}"  # names sort by time
        self.path = spot_folder / RUNS / f"{stamp} {word} {secrets.token_hex(2)}"
        self._pickle: Literal["signed", "never"] = pickle
        self._open: dict[str, int] = {}
        self._lines: list[str] = []
        self._saved = ""
        self.usable = not is_off()
        self._lock = threading.RLock()

    def open(self) -> None:
        """A run begins, or goes on after its end: to other kernels it is alive until it is closed."""
        with self._lock:
            self._safely(self._live)

    def _live(self) -> None:
        if not self.path.exists():
            files.make_folder(self.path.parent)
            self.path.mkdir(mode=files.PRIVATE_FOLDER)
        files.lock(self._file("alive.lock"), wait=False)  # before any other run prunes: it removes what nobody holds
        prune(self.path.parent)

    def log(self, line: str) -> None:
        """Add a line of JSON, to be written with the next flush."""
        self._lines.append(line)

    def flush(self) -> None:
        """Write what was logged."""
        with self._lock:
            lines, self._lines = self._lines, []
            if lines:
                text = "\n".join(lines) + "\n"
                self._safely(lambda: files.write_all(self._file("log.jsonl"), text.encode("utf-8", "replace")))
            if "alive.lock" not in self._open:  # its end was told meanwhile
                self._let_go()

    def fail(self, failed: Failed, hidden: Credentials) -> None:
        """Keep a failed input, now; where it could not be kept, the reason why.

        Args:
            hidden: what must not be written.
        """
        data, why = self._sealed(failed, hidden)
        line = {name: getattr(failed, name) for name in _KEPT} | {"why": why}

        def write() -> None:
            if data:  # before the line that has its place: a kill between the two leaves bytes that nothing names
                file = self._file("inputs.log")
                line["place"] = [os.fstat(file).st_size, len(data)]
                files.write_all(file, data)
            files.write_all(self._file("failed.jsonl"), json.dumps(line).encode() + b"\n")

        with self._lock:
            self._safely(write)
        self.log(json.dumps({"at": failed.at, "index": failed.index, "failed": failed.kind, "why": failed.message}))

    def _sealed(self, failed: Failed, hidden: Credentials) -> tuple[bytes, str]:
        """A failed input as a sealed entry, or why it is not kept."""
        try:
            encoded = encode(failed.input, pickle=self._pickle, path="input")
        except Uncacheable as error:
            return b"", str(error)
        except Exception as error:
            return b"", f"{type(error).__name__}: {error}"
        pieces = (encoded.head, *map(bytes, encoded.buffers))
        if sum(map(len, pieces)) > MOST_INPUT:
            return b"", "it is too large"
        if found_in(pieces, dict.fromkeys(hidden.all, "secret")):
            return b"", "it holds a secret"
        part = Part("input", encoded.codecs, encoded.head, encoded.buffers)
        entry = Entry(secrets.token_bytes(16), failed.shown, "input", created=failed.at, parts=(part,))
        try:
            return b"".join(seal(entry, ring())), ""
        except Uncacheable as error:
            return b"", str(error)

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state of the run, if it is another than before."""
        text = json.dumps(state)
        with self._lock:  # the ticker and who ends the run may both be here
            if text != self._saved:
                self._saved = text
                self._safely(lambda: files.write_whole(self.path / "run.json", text.encode(), durable=False))

    def word(self) -> str:
        """What another kernel asked since the last look, or empty."""
        return take_word(self.path) if self.usable else ""

    def close(self) -> None:
        """Write what is left and let go."""
        self.flush()  # before the lock: who finds that it has ended finds all lines
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if "alive.lock" in self._open:
            files.unlock(self._open["alive.lock"])
        for name in tuple(self._open):
            # In one step of the interpreter: after an interrupt those that are left are closed by the next who comes.
            any(map(os.close, map(self._open.pop, (name,))))

    def _file(self, name: str) -> int:
        file = self._open.get(name)
        if file is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
            file = files.open_private_into(self._open, name, self.path / name, flags)
        return file

    def _safely(self, write: Callable[[], None]) -> None:
        if not self.usable:
            return
        try:
            write()
        except OSError as error:
            self.usable = False
            if not self.path.parent.exists() and self._open:  # the whole spot was removed meanwhile
                return
            tell("the log of a batch is not written", str(error), "Results are kept all the same", once="batch log")


_KEPT = ("index", "sample", "kind", "message", "attempts", "traceback", "shown", "at", "key")


def run_folders(spot_folder: Path) -> list[Path]:
    """The folders of the runs of a spot, newest first."""
    try:
        return sorted((one for one in (spot_folder / RUNS).iterdir() if one.is_dir()), reverse=True)
    except OSError:
        return []


def read_state(run: Path) -> dict[str, Any] | None:
    """The state of a run as it was last written, with whether its process lives; ``None`` where there is none."""
    try:
        state = json.loads((run / "run.json").read_bytes())
    except (OSError, ValueError):
        return None
    return {**state, "alive": is_alive(run)} if isinstance(state, dict) else None


def is_alive(run: Path) -> bool:
    """Whether a process holds the lock of a run."""
    try:
        fd = files.open_private(run / "alive.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        got = files.lock(fd, wait=False, shared=True)
        if got:
            files.unlock(fd)
        return not got
    finally:
        os.close(fd)


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of the log of a run, as far as they are whole."""
    return list(_lines(run / "log.jsonl"))


def _lines(path: Path) -> Iterator[Any]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError):  # cut off by a kill
            yield json.loads(line)


def read_failed(run: Path) -> list[Failed]:
    """The failed inputs of a run, as they happened."""
    found = []
    for said in _lines(run / "failed.jsonl"):
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):  # of somebody else
            given, why = _input(run, said.get("place"), said["why"])
            found.append(Failed(input=given, why=why, **{name: said[name] for name in _KEPT}))
    return found


def _input(run: Path, place: Any, why: str) -> tuple[Any, str]:
    if not place:
        return None, why
    try:
        with (run / "inputs.log").open("rb") as file:
            file.seek(place[0])
            found = unseal(file.read(place[1]), None, ring())
        if isinstance(found, Bad):
            return None, found.why
        entry = found[0]
        part = entry.parts[0]
        return decode(part.codecs, part.head, part.buffers, trusted=entry.trusted), ""
    except (OSError, Undecodable, IndexError) as error:
        return None, str(error)


def give_word(run: Path, word: str) -> None:
    """Ask the process of a run to pause, resume or stop. It looks a few times a second."""
    files.write_whole(run / "word", word.encode(), durable=False)


def take_word(run: Path) -> str:
    """What was asked of a run, taken away."""
    try:
        word = (run / "word").read_text("utf-8", "replace")
        (run / "word").unlink()
    except OSError:
        return ""
    return word if word in WORDS else ""


def prune(runs: Path) -> None:
    """Remove the oldest folders above the most that are kept. Those with failed inputs stay."""
    folders = sorted(one for one in runs.iterdir() if one.is_dir())
    for folder in folders[:-MOST_RUNS]:
        if not (folder / "failed.jsonl").exists() and not is_alive(folder):
            shutil.rmtree(folder, ignore_errors=True)
