"""No name, key or row leads out of the folder: what is written and removed is named by digits of hashes."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spotmagic import Spot
from spotmagic.errors import SpotError
from spotmagic.store.blobs import FolderBlobs
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore

PIECES = [
    "..", "/", "\\", "\0", "~", "%2e%2e", "C:", "a" * 300, "\n", "\udc80", "é", "é", "*", "$(id)", "-rf", ".", " ",
    "/etc/passwd", "con", "|", "`x`", "\u202e",
]  # fmt: skip
HOSTILE = [*PIECES, *map("".join, itertools.permutations(PIECES, 2)), *("../" * n + "outside" for n in range(1, 9))]
OURS = re.compile(
    r"(journal|segments)/[0-9a-f-]+\.log|blobs/(?:[0-9a-f]+/)?[0-9a-f]{2}(/[0-9a-f]{62})?|[a-z]+(\.[a-z]+)*|\.gitignore"
)


def snapshot(root: Path) -> dict[str, bytes]:
    """All that is beside the spot."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and "spot" not in path.parts}


@pytest.fixture
def around(tmp_path: Path) -> Path:
    """Files that stand where a hostile name would lead."""
    for place in ("outside", "home/outside", "home/spots/outside"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("of somebody else")
    return tmp_path


def test_a_naive_join_leaves_its_root(around: Path) -> None:
    """The control."""
    root = around / "home" / "spots" / "spot"
    assert (root / "../../../outside").resolve() == around / "outside"
    assert root / "/etc/passwd" == Path("/etc/passwd")


def test_no_name_or_key_of_an_entry_becomes_a_path(around: Path, open_store: Callable[..., FolderStore]) -> None:
    """Hundreds of names, each with a large part and a small one; what lies in the folder is named by us."""
    before = snapshot(around)
    store = open_store(blob_over=100)
    for number, name in enumerate(HOSTILE):
        parts = (Part(name, (name,), name.encode("utf-8", "surrogatepass")), Part("large", ("plain",), bytes(200)))
        store.put(Entry(key=name.encode("utf-8", "replace")[:16].ljust(16, b"/"), name=name, notes={name: name},
                        created=float(number), content_type=name, parts=parts))  # fmt: skip
    store.forget([b"../../../outside", b"/etc/passwd\0\0\0\0\0"])
    store.compact()
    store.gc({})
    store.close()
    assert snapshot(around) == before
    folder = around / "spot"
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert len(names) > 4 and [name for name in names if not OURS.fullmatch(name)] == []


def test_names_of_blobs_are_digests_and_nothing_else(tmp_path: Path) -> None:
    """What is not 32 bytes never becomes a path."""
    blobs = FolderBlobs(tmp_path / "blobs")
    for name in (b"", b"../../etc/passwd", b"a" * 31, b"a" * 33):
        with pytest.raises(ValueError, match="SHA-256"):
            blobs.path(name)


def test_names_that_users_give_stay_inside(around: Path) -> None:
    """Of functions, limits, batches and archives' patterns."""
    before = snapshot(around)
    with warnings.catch_warnings(), Spot("spot", root=around / "home" / "spots") as spot:
        warnings.simplefilter("ignore")
        for number, name in enumerate(HOSTILE[::7]):

            def ask(x: Any) -> Any:
                if x == 0:
                    raise ValueError("no")
                return x

            ask.__name__ = ask.__qualname__ = name
            marked: Any = spot.mark(version=str(number))(ask)
            marked(1)
            spot.limits.get(name, rpm=60).try_acquire()
            if number % 16 == 0:
                spot.map(marked, [0], progress=False, name=name)
        for name in ("../../outside", "/etc/passwd", "*"):
            spot.forget(name)
    assert snapshot(around) == before


@pytest.mark.parametrize("name", ["../../../outside", "/outside", "..", "a/../../../outside", "", "a\0b"])
def test_a_spot_has_a_name_and_no_path(around: Path, name: str) -> None:
    before = snapshot(around)
    with pytest.raises(SpotError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Spot(name, root=around / "home" / "spots").mark(version="1")(len)("abc")
    assert snapshot(around) == before


def test_rows_that_were_rewritten_remove_nothing_outside(around: Path) -> None:
    """The catalog says what to list, and never what to open or remove."""
    root = around / "home" / "spots"
    with Spot("spot", root=root) as spot:
        spot.mark(version="1")(len)("abc")
        assert len(spot.entries()) == 1
    before = snapshot(around)
    path = str(around / "outside")
    with duckdb.connect(str(spot.folder / "spot.duckdb")) as connection:
        connection.execute("UPDATE entries SET key = '../../../outside', name = ?", [path])
        connection.execute("UPDATE positions SET file = ?", [f"../../../{Path(path).name}"])
    with Spot("spot", root=root) as spot, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in spot.entries(status=None):
            spot.forget(row.name)
        spot.forget("*")
        spot.gc()
        spot.verify(repair=True)
        spot.rebuild()
    assert snapshot(around) == before
