"""Large parts in a bucket: real servers on loopback, reached by the clouds' usual variables alone."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.errors import SpotWarning, _told
from spotmagic.store.blobs import Blobs, ObjectBlobs
from spotmagic.testing import BlobsContract

from .s3_servers import BUCKET, SERVERS, S3Server, started

PLACE = f"s3://{BUCKET}/team/blobs"
LARGE = 100_000


@pytest.fixture(scope="module", params=sorted(SERVERS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with started(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


@pytest.fixture
def server(running: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server of the test's own, for it to stop and to start."""
    with started("rclone", tmp_path) as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    _told.clear()


class TestBlobsOnS3(BlobsContract):
    @pytest.fixture
    def blobs(self, server: S3Server, tmp_path: Path) -> Blobs:
        return ObjectBlobs(f"{PLACE}/{tmp_path.name}")


class Text:
    """A function that gives a large text, and how often it ran."""

    def __init__(self, spot: Spot, version: str = "1") -> None:
        self.runs: list[str] = []

        @spot.mark(version=version, ignore="self")
        def text(letter: str) -> str:
            self.runs.append(letter)
            return letter * LARGE

        self.ask = text

    def __call__(self, letter: str) -> str:
        value: str = self.ask(letter)
        return value


def objects(prefix: str = "") -> list[str]:
    """Names of all objects of the bucket."""
    import obstore

    store = obstore.store.from_url(f"s3://{BUCKET}", client_options={"allow_http": True})
    return sorted(str(meta["path"]) for batch in obstore.list(store, prefix or None) for meta in batch)


def write(path: str, data: bytes) -> None:
    import obstore

    obstore.put(obstore.store.from_url(f"s3://{BUCKET}", client_options={"allow_http": True}), path, data)


def warned(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in caught if each.category is SpotWarning]


def test_a_result_in_a_bucket_is_a_hit_in_another_process(server: S3Server, tmp_path: Path) -> None:
    """Access comes from the usual variables; the folder holds the record alone."""
    (tmp_path / "work.py").write_text(
        "import sys\n"
        "from spotmagic import Spot\n"
        f"spot = Spot('test', root=sys.argv[1], blobs={PLACE!r})\n"
        "@spot.mark\n"
        "def text(letter):\n"
        "    print('ran')\n"
        f"    return letter * {LARGE}\n"
        f"assert text('a') == 'a' * {LARGE}\n"
        "spot.close()\n"
    )
    before = objects()
    command = [sys.executable, "-W", "error", str(tmp_path / "work.py"), str(tmp_path / "spots")]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(2)]
    assert runs == [["ran"], []]
    assert len(objects()) == len(before) + 1
    assert not any(path.is_file() for path in (tmp_path / "spots" / "test" / "blobs").rglob("*"))


def test_a_bucket_that_is_down_at_the_put_costs_one_warning(mortal: S3Server, tmp_path: Path) -> None:
    """Values are returned, small results are kept, and large ones again once it is up."""
    with Spot("test", root=tmp_path / "spots", blobs=PLACE) as spot:
        text = Text(spot)
        mortal.stop()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert text("a") == "a" * LARGE
            assert text("a") == "a" * LARGE
        assert text.runs == ["a", "a"]
        (message,) = warned(caught)
        assert PLACE in message
        assert "storing resumes" in message
        mortal.start()
        for _ in range(2):
            assert text("a") == "a" * LARGE
        assert text.runs == ["a", "a", "a"]


def test_a_bucket_that_is_down_at_the_get_is_a_loud_miss(mortal: S3Server, tmp_path: Path) -> None:
    """Not an exception. What was stored is a hit again once it is up."""
    with Spot("test", root=tmp_path / "spots", blobs=PLACE) as spot:
        text = Text(spot)
        text("a")
        mortal.stop()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert text("a") == "a" * LARGE
        assert text.runs == ["a", "a"]
        assert any("cannot be read" in message and PLACE in message for message in warned(caught))
        mortal.start()
        assert text("a") == "a" * LARGE
        assert text.runs == ["a", "a"]


@pytest.mark.parametrize("damage", [b"", b"short", b"?" * LARGE], ids=["empty", "short", "other"])
def test_a_damaged_object_is_never_a_value(server: S3Server, tmp_path: Path, damage: bytes) -> None:
    """It is run again, and stored whole again."""
    before = set(objects())
    with Spot("test", root=tmp_path, blobs=PLACE) as spot:
        text = Text(spot)
        text("a")
        (name,) = set(objects()) - before
        write(name, damage)
        for _ in range(2):
            assert text("a") == "a" * LARGE
        assert text.runs == ["a", "a"]


def test_gc_touches_nothing_of_a_neighbour(server: S3Server, tmp_path: Path) -> None:
    """Spots share a prefix, and strangers lie beside them; a dry run touches nothing at all."""
    write("team/blobs/stranger.txt", b"mine")
    write(f"team/blobs/ab/{'cd' * 31}", b"looks like a blob")
    spots = [Spot(name, root=tmp_path, blobs=PLACE) for name in ("one", "two")]
    texts = [Text(spot) for spot in spots]
    before = set(objects())
    for text in texts:
        text("a")
    both = set(objects())
    assert len(both - before) == 2
    texts[0].ask.forget("a")  # type: ignore[attr-defined]
    swept = spots[0].gc(dry_run=True)
    assert len(swept.blobs) == 1
    assert set(objects()) == both
    assert spots[0].gc().blobs == swept.blobs
    assert len(both - set(objects())) == 1
    assert before <= set(objects())
    assert texts[1]("a") == "a" * LARGE
    assert texts[1].runs == ["a"]
    for spot in spots:
        spot.close()


def test_an_endpoint_without_tls_is_taken_when_the_user_named_it() -> None:
    """And by no other way."""
    from spotmagic.store.remote import _named_in_plain

    assert not _named_in_plain("s3://bucket", {"AWS_REGION": "http://", "HOME": "http://"})
    assert not _named_in_plain("s3://bucket", {"AWS_ENDPOINT_URL": "https://somewhere"})
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT"):
        assert _named_in_plain("s3://bucket", {name: "http://localhost:9000"})
