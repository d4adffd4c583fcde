"""What the operating system owns: locks, syncs and folders, with and without what Linux has and macOS has not."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from interrupting import Interrupts

from spotmagic import files

# A kernel of a system without fdatasync, open-file-description locks and /proc, as macOS is one.
ELSEWHERE = """
import fcntl, os, pathlib, sys
del os.fdatasync
for name in ("F_OFD_SETLK", "F_OFD_SETLKW", "F_OFD_GETLK"):
    if hasattr(fcntl, name):
        delattr(fcntl, name)
read = pathlib.Path.read_text
def read_text(path, *args, **options):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(2, "No such file", str(path))
    return read(path, *args, **options)
pathlib.Path.read_text = read_text
"""

WORK = """
from concurrent.futures import ThreadPoolExecutor
from spotmagic import Spot, files
assert files._OFD_SETLK is None
log = sys.argv[2]
one, other = Spot("s", root=sys.argv[1], budget=1000), Spot("s", root=sys.argv[1], blob_over="1KB")
def work(n):
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{n}\\n".encode())
    os.close(fd)
    return b"x" * 2_000 * n
f, g = one.mark(price=0.1)(work), other.mark(price=0.1)(work)
with ThreadPoolExecutor(8) as pool:
    found = pool.map(lambda n: (f, g)[n % 2](n // 2), range(60))
    assert [len(value) for value in found] == [2_000 * (n // 2) for n in range(60)]
assert one.flush() and one.verify().good
one.gc()
one.close(), other.close()
print("done")
"""


def test_a_system_without_what_linux_has_keeps_every_promise(tmp_path: Path) -> None:
    """Kernels, threads and two spots of a kernel run each call once; all is durable, checked and cleaned up."""
    script = tmp_path / "work.py"
    script.write_text(ELSEWHERE + WORK)
    args = [sys.executable, str(script), str(tmp_path / "root"), str(tmp_path / "log")]
    kernels = [subprocess.Popen(args, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for kernel in kernels:
        assert (kernel.communicate(timeout=120)[0], kernel.returncode) == ("done\n", 0)
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(30))


def test_a_lock_is_free_when_its_holder_is_done_though_a_forked_child_has_the_file_open(tmp_path: Path) -> None:
    """The child of somebody else's fork knows nothing of the lock and would hold it as long as it lives."""
    with files.locked(tmp_path / "lock"):
        child = os.fork()
        if child == 0:
            threading.Event().wait(60)
            os._exit(0)
    try:
        with files.locked(tmp_path / "lock", wait=False) as got:
            assert got
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_the_folders_around_a_new_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name lasts over a power cut, and those of its parents that were made with it."""
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    files.make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]


def test_a_sync_without_fdatasync_reaches_the_drive_or_falls_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As macOS has it: its fsync alone leaves the bytes in the drive's memory."""
    asked: list[str] = []
    monkeypatch.delattr(os, "fdatasync")
    monkeypatch.setattr(os, "fsync", lambda _: asked.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        monkeypatch.setattr(files.fcntl, "fcntl", lambda _, command: asked.append(str(command)))
        monkeypatch.setattr(files.fcntl, "F_FULLFSYNC", 51, raising=False)
        files.sync(file.fileno())
        monkeypatch.setattr(files.fcntl, "fcntl", lambda *_: (_ for _ in ()).throw(OSError(25, "no such command")))
        files.sync(file.fileno())
    assert asked == ["51", "fsync"]


FORKED = """
import os, sys, threading
import spotmagic, spotmagic.catalog.catalog, spotmagic.jobs, spotmagic.wrap, spotmagic.limits.line
from spotmagic import Spot, files

def locks():
    kinds = type(threading.Lock()), type(threading.RLock()), files.ForkLock
    for module in [one for name, one in sys.modules.items() if name.startswith("spotmagic")]:
        yield from ((f"{module.__name__}.{name}", one) for name, one in vars(module).items() if isinstance(one, kinds))

spot = Spot("forked", root=sys.argv[1])
square = spot.mark(version="1")(lambda x: x * x)
assert square(2) == 4
held, done = threading.Event(), threading.Event()

def hold():
    for _, lock in locks():
        lock.__enter__()
    held.set()
    done.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
kept = []
for name, lock in locks():
    lock = getattr(lock, "_lock", lock)
    if lock.acquire(blocking=False):
        lock.release()
    else:
        kept.append(name)
print(*kept)
os._exit(bool(kept) or square(3) != 9)
"""


def test_no_lock_of_a_module_outlives_a_fork(tmp_path: Path) -> None:
    """Another thread that holds all of them is not in the child, and so could never let go."""
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_interrupt_while_a_lock_is_taken_leaves_it_free() -> None:
    """Else every other thread would wait for ever."""
    lock = files.ForkLock()
    for place in itertools.count(1):
        with Interrupts(place) as interrupts, contextlib.suppress(KeyboardInterrupt), lock:
            pass
        free: list[bool] = []
        thread = threading.Thread(target=lambda: free.append(lock.acquire(timeout=1)))
        thread.start()
        thread.join()
        assert free == [True], place
        if interrupts.left:
            return
        lock = files.ForkLock()


@pytest.mark.parametrize("write", [files.write_whole, files.write_once])
def test_an_interrupt_while_a_file_is_written_leaves_all_of_it_or_nothing(tmp_path: Path, write: Any) -> None:
    opened = set(Path("/dev/fd").iterdir())
    for place in itertools.count(1):
        path = tmp_path / f"{place}.json"
        with Interrupts(place) as interrupts, contextlib.suppress(KeyboardInterrupt):
            write(path, b"whole")
        assert [one.name for one in tmp_path.iterdir() if one.suffix == ".tmp"] == [], place
        assert set(Path("/dev/fd").iterdir()) == opened, place
        assert not path.exists() or path.read_bytes() == b"whole"
        if interrupts.left:
            break
    assert place > 10
