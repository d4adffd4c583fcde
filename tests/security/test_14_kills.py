"""Kernels are killed in the middle of writing and merging: what was acknowledged is there, and is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spotmagic.store.entry import Entry
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring

NAIVE = """
import os, signal
with open("index", "w") as index:
    index.write("value")
with open("value", "wb", buffering=0) as file:
    file.write(b"x" * 500)
    os.kill(os.getpid(), signal.SIGKILL)
    file.write(b"x" * 500)
"""


def test_a_naive_writer_that_is_killed_leaves_half_a_value(tmp_path: Path) -> None:
    """The control: what the index names is there, and is half of what was to be written."""
    ended = subprocess.run([sys.executable, "-c", NAIVE], cwd=tmp_path, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len((tmp_path / (tmp_path / "index").read_text()).read_bytes()) == 500


KILLS = int(os.environ.get("SPOTMAGIC_TEST_KILLS", "200"))
RING = Ring.of(b"s" * 32)

# A kernel that stores until it is killed, and says what was acknowledged: after a durable put, or after a flush.
WRITER = """
import hashlib, sys
from pathlib import Path
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring

folder, kernel, large, merge = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = FolderStore(folder, ring=Ring.of(b"s" * 32))
sys.stdout.write("ready\\n"); sys.stdout.flush()
waiting = []
for number in range(1_000_000):
    name = f"{kernel}-{number}"
    key = hashlib.blake2b(name.encode(), digest_size=16).digest()
    value = name.encode() * (200_000 if large and number % 3 == 0 else 5)
    durable = number % 4 == 0
    store.put(Entry(key=key, name="f", parts=(Part("return", ("plain",), name.encode(), (memoryview(value),)),)),
              durable=durable)
    waiting.append(name)
    if number % 10 == 5 and store.flush():
        durable = True
    if durable:
        sys.stdout.write("".join(f"{each}\\n" for each in waiting)); sys.stdout.flush()
        waiting.clear()
    if merge and number % merge == 0:
        store._opening.folder.leave()
        store.compact()
"""


def check(store: FolderStore, name: str) -> None:
    import hashlib

    found = store.get(hashlib.blake2b(name.encode(), digest_size=16).digest())
    assert isinstance(found, Entry), f"{name} was acknowledged and is {found}"
    assert found.parts[0].head == name.encode()
    value = bytes(found.parts[0].buffers[0])
    assert value in (name.encode() * 5, name.encode() * 200_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("large", "merge", "kills"),
    [(0, 0, KILLS // 2), (1, 0, KILLS // 4), (0, 7, KILLS // 4)],
    ids=["small", "2MB", "merging"],
)
def test_two_killed_writers_lose_no_acknowledged_entry(quick_path: Path, large: int, merge: int, kills: int) -> None:
    """Two at a time, over and over on one folder, killed at random moments."""
    folder = quick_path / "spot"
    chance = random.Random(7)
    acknowledged: list[str] = []
    for round_ in range(kills // 2):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(folder), f"{round_}-{number}", str(large), str(merge)],
                stdout=subprocess.PIPE,
            )
            for number in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.0, 0.05))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            out, _ = writer.communicate()
            acknowledged += [line.decode() for line in out.split(b"\n")[:-1]]
        if round_ % 10 == 9:
            store = FolderStore(folder, ring=RING)
            for name in acknowledged[-200:]:
                check(store, name)
            if merge:
                store.gc()
            store.close()
    store = FolderStore(folder, ring=RING)
    assert len(acknowledged) > kills / 4
    for name in acknowledged:
        check(store, name)
    report = store.verify()
    assert report.bad == ()
    assert report.checked >= len(acknowledged)
    if merge:
        store.compact()
        for name in acknowledged:
            check(store, name)
    store.close()
