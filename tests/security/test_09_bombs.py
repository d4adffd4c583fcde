"""Little that says it is much is bounded in memory and time, whatever takes it apart."""

from __future__ import annotations

import resource
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import codec_bombs
import pytest
from codec_bombs import BOMBS


def test_a_naive_reader_takes_what_it_is_told_to() -> None:
    """The control: a few bytes that unpack to many are unpacked."""
    bomb = zlib.compress(bytes(50_000_000), 9)
    tracemalloc.start()
    try:
        assert len(bomb) < 60_000 < len(zlib.decompress(bomb))
        assert tracemalloc.get_traced_memory()[1] > 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process from /proc")
def test_bombs_are_bounded_in_memory_and_time(name: str) -> None:
    """Two seconds and about a hundred bytes a byte at most, in a process that may not take more."""
    done = subprocess.run(
        [sys.executable, codec_bombs.__file__, name], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


KEYS = [bytes([number]) * 16 for number in range(4)]


def name_of(key: bytes) -> str:
    return f"entries/{key.hex()}"


BOMB = """
import sys; from pathlib import Path
from spotmagic.store.archive import load_archive; from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
print(load_archive(Path(sys.argv[1]), FolderStore(Path(sys.argv[2]), ring=Ring.of(b"s" * 32))).taken)
"""


def test_a_bomb_that_lies_about_its_size_takes_no_memory(tmp_path: Path) -> None:
    """It says 1,000 bytes and unpacks to 400 MB; the process may have less."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name_of(KEYS[0]), "w") as member:
        for _ in range(400):
            member.write(bytes(1_000_000))
    data = path.read_bytes()
    path.write_bytes(data.replace((400_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    limit = 300_000_000
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path), str(tmp_path / "spot")],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
