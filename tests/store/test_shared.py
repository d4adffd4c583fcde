"""A bucket that a team shares: a colleague's results are found, checked, trusted as far as they should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.errors import SpotWarning, _told
from spotmagic.store import trust
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.remote import Bucket, Remote
from spotmagic.store.shared import SharedStore
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import People, Ring, opened, public_key, sign
from spotmagic.testing import FakeClock

from .s3_servers import BUCKET, SERVERS, S3Server, started

ANN, BEN = Ring.of(b"a" * 32), Ring.of(b"b" * 32)
KEY = bytes(range(16))


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    _told.clear()


class Team:
    """Stores of two people on one bucket, which is a folder here."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.folder, self.clock = folder, FakeClock()
        self.url = url or f"file://{folder}/bucket"
        self.stores: list[SharedStore] = []

    def store(self, ring: Ring, name: str, **settings: Any) -> SharedStore:
        remote = Remote(self.url, self.clock, patience=20)
        made = SharedStore(self.folder / name, remote, ring=ring, clock=self.clock, **settings)
        made._send_soon = lambda: None  # type: ignore[method-assign]
        self.stores.append(made)
        return made

    def close(self) -> None:
        for store in self.stores:
            store.close()

    def objects(self) -> list[Path]:
        return sorted(path for path in (self.folder / "bucket").rglob("*") if path.is_file())


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    made = Team(tmp_path)
    yield made
    made.close()


def entry(value: Any, key: bytes = KEY, **fields: Any) -> Entry:
    encoded = encode(value)
    part = Part("value", encoded.codecs, encoded.head, encoded.buffers)
    return Entry(key=key, name="ask", created=1.0, seconds=2.0, price=0.5, parts=(part,), **fields)


def value_of(found: Entry | Bad | None) -> Any:
    assert isinstance(found, Entry), found
    part = found.parts[0]
    return decode(part.codecs, part.head, part.buffers, trusted=found.trusted)


class Answer:
    def __init__(self, text: str) -> None:
        self.text = text


def test_what_one_stores_another_finds(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    assert ben.get(KEY) is None
    ann.put(entry({"text": "Paris"}))
    assert ann.send()
    team.clock.advance(60)  # that it was not there is remembered for a while
    found = ben.get(KEY)
    assert value_of(found) == {"text": "Paris"}
    assert isinstance(found, Entry) and not found.trusted
    for path in team.objects():
        path.unlink()
    assert value_of(ben.get(KEY)) == {"text": "Paris"}, "it is in the folder now"


@pytest.mark.parametrize("save_blob", [True, False])
def test_of_somebody_trusted_it_counts_as_ones_own(team: Team, save_blob: bool) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry(Answer("Paris")), save_blob=save_blob)
    ann.send()
    People().add("ann", public_key(ANN))
    found = ben.get(KEY)
    assert isinstance(found, Entry) and found.trusted
    assert value_of(found).text == "Paris"
    assert found.price == 0.5 and found.seconds == 2.0
    People().remove("ann")
    again = team.store(BEN, "ben")
    assert value_of(again.get(KEY)).text == "Paris", "it is sealed under ben's own secret"


def test_of_a_stranger_nothing_that_can_run_code_is_loaded(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry(Answer("Paris")))
    ann.send()
    found = ben.get(KEY)
    with pytest.raises(Undecodable, match="own writer"):
        value_of(found)


def test_whoever_takes_mine_alone_takes_nothing_of_a_stranger_and_all_of_a_friend(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben", trust="mine")
    ann.put(entry([1]))
    ann.send()
    with pytest.warns(SpotWarning, match="is not used"):
        assert ben.get(KEY) is None
    People().add("ann", public_key(ANN))
    team.clock.advance(60)
    assert value_of(ben.get(KEY)) == [1]


def test_a_large_part_comes_along(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry("x" * 100_000))
    ann.send()
    assert value_of(ben.get(KEY)) == "x" * 100_000


def test_cells_are_found_by_their_name(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry([1], kind="cell"))
    ann.send()
    assert [one.key for one in ben.recent("ask")] == [KEY]
    assert ben.recent("another") == []


@pytest.mark.parametrize("where", range(6))
@pytest.mark.parametrize("save_blob", [True, False])
def test_an_object_that_was_changed_is_never_a_value(team: Team, where: int, save_blob: bool) -> None:
    """Of every object some bytes are flipped, one after the other."""
    ann = team.store(ANN, "ann")
    ann.put(entry("x" * 64), save_blob=save_blob)
    ann.send()
    People().add("ann", public_key(ANN))
    for number, path in enumerate(team.objects()):
        if "names" in path.parts:
            continue
        whole = path.read_bytes()
        at = len(whole) * where // 6
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        ben = team.store(BEN, f"ben{number}")
        _told.clear()
        with pytest.warns(SpotWarning, match="is not used"):
            assert ben.get(KEY) is None
        path.write_bytes(whole)


def test_an_entry_under_another_key_is_never_a_value(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry("one", KEY))
    ann.put(entry("two", KEY[::-1]))
    ann.send()
    People().add("ann", public_key(ANN))
    one, two = [path for path in team.objects() if "entries" in path.parts]
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.warns(SpotWarning, match="another key"):
        assert ben.get(KEY) is None and ben.get(KEY[::-1]) is None


def test_a_strangers_signature_does_not_make_a_friends_entry(team: Team) -> None:
    mallory = Ring.of(b"m" * 32)
    evil, ben = team.store(mallory, "mallory"), team.store(BEN, "ben")
    evil.put(entry(Answer("evil")))
    evil.send()
    People().add("ann", public_key(ANN))
    path = next(path for path in team.objects() if "entries" in path.parts)
    data = path.read_bytes()
    start = len(trust.MAGIC)
    path.write_bytes(data[:start] + bytes.fromhex(public_key(ANN)) + data[start + 32 :])
    with pytest.warns(SpotWarning, match="signature"):
        assert ben.get(KEY) is None
    path.write_bytes(data)
    team.clock.advance(60)
    with pytest.raises(Undecodable):
        value_of(ben.get(KEY))


def test_names_that_are_none_are_passed_over(team: Team) -> None:
    ann = team.store(ANN, "ann")
    ann.put(entry([1]))
    ann.send()
    for name in ("entries/../../x", "entries/zz/" + "0" * 30, "gone/00/11", "entries/00/" + "0" * 31):
        place = team.folder / "bucket" / name.replace("..", "up")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"evil")
    ben = team.store(BEN, "ben")
    pulled = ben.pull()
    assert (pulled.taken, pulled.foreign, pulled.refused) == (1, 1, ())


def test_pull_takes_all_and_tells_what_it_cannot(team: Team) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    for number in range(5):
        ann.put(entry(number, bytes([number]) * 16))
    ann.send()
    next(path for path in team.objects() if "entries" in path.parts).write_bytes(b"no entry")
    pulled = ben.pull()
    assert (pulled.taken, pulled.known, len(pulled.refused)) == (4, 0, 1)
    assert ben.pull().known == 4
    assert "loaded 4 results (4 of people you do not trust)" in str(pulled)


def test_push_sends_what_was_stored_before_and_names_what_others_cannot_load(team: Team) -> None:
    ann = team.store(ANN, "ann")
    ann.put(entry([1], b"1" * 16))
    ann.put(entry(Answer("x"), b"2" * 16))
    for marker in (team.folder / "ann" / "outbox").iterdir():
        marker.unlink()
    pushed = ann.push([b"1" * 16, b"2" * 16])
    assert (pushed.sent, pushed.there, pushed.unusable.count) == (2, 0, 1)
    assert "others cannot use 1 of them" in str(pushed) and "pickled" in str(pushed) and "(ask)" in str(pushed)
    assert ann.push([b"1" * 16, b"2" * 16]).there == 2


def test_a_friend_deletes_for_all_and_a_stranger_for_nobody(team: Team) -> None:
    ann, ben, mallory = (team.store(ring, name) for ring, name in ((ANN, "a"), (BEN, "b"), (Ring.of(b"m" * 32), "m")))
    for key in (b"1" * 16, b"2" * 16):
        ann.put(entry([1], key))
    ann.send()
    ben.pull()
    mallory.pull()
    People().add("ann", public_key(ANN))
    team.clock.advance(60)
    ann.forget([b"1" * 16])
    ann.send()
    mallory.forget([b"2" * 16])
    mallory.send()
    assert ben.pull().gone == 1
    assert ben.get(b"1" * 16) is None and value_of(ben.get(b"2" * 16)) == [1]


def test_what_has_had_its_time_goes_from_the_folder_alone(team: Team) -> None:
    ann = team.store(ANN, "ann")
    ann.put(entry([1], expires=5.0))
    ann.send()
    team.clock.advance(10)
    assert ann.gc({}).entries
    ann.send()
    assert any("entries" in path.parts for path in team.objects())


def test_what_is_not_sent_outlasts_the_kernel(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> None:
        raise OSError("no route to host")

    ann = team.store(ANN, "ann")
    with monkeypatch.context() as broken:
        broken.setattr(Bucket, "put", down)
        ann.put(entry([1]))
        assert not ann.send()
        ann.close()
    assert value_of(ann.get(KEY)) == [1]
    again = team.store(ANN, "ann")
    assert again.send()
    assert value_of(team.store(BEN, "ben").get(KEY)) == [1]


def test_a_slow_bucket_adds_a_moment_and_its_late_answer_is_kept(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    ann.put(entry([1]))
    ann.send()
    go, came = threading.Event(), threading.Event()
    true, take = Bucket.get, ben._fetch

    def slow(self: Bucket, name: str, most: int) -> Any:
        go.wait(20)
        return true(self, name, most)

    def fetched(key: bytes, there: threading.Event) -> bool:
        try:
            return take(key, there)
        finally:
            came.set()

    monkeypatch.setattr(Bucket, "get", slow)
    monkeypatch.setattr(ben, "_fetch", fetched)
    ben.remote._patience = 0.01
    assert ben.get(KEY) is None
    go.set()
    assert came.wait(20)
    ben.remote.note_missing(KEY)  # whatever the bucket says now
    assert value_of(ben.get(KEY)) == [1]


def test_a_bucket_that_is_down_is_left_alone_for_a_while_and_told_once(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def down(self: Bucket, name: str, most: int) -> Any:
        asked.append(name)
        raise OSError("no route to host")

    ben = team.store(BEN, "ben")
    monkeypatch.setattr(Bucket, "get", down)
    with pytest.warns(SpotWarning, match="is not asked for a while") as told:
        for number in range(10):
            assert ben.get(bytes([number]) * 16) is None
    assert len(told) == 1 and len(asked) == 3
    team.clock.advance(11)
    ben.get(b"z" * 16)
    assert len(asked) == 4, "it is tried again later"


def test_a_bucket_that_is_always_late_is_left_alone_too(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers are kept when they come, and do not make it one to wait for."""
    ann, ben = team.store(ANN, "ann"), team.store(BEN, "ben")
    for number in range(3):
        ann.put(entry(number, bytes([number]) * 16))
    ann.send()
    go, true, came = threading.Event(), Bucket.get, threading.Semaphore(0)

    def slow(self: Bucket, name: str, most: int) -> Any:
        go.wait(20)
        return true(self, name, most)

    def worked(*_: Any) -> None:
        raise AssertionError("a late answer says that it works")

    monkeypatch.setattr(Bucket, "get", slow)
    monkeypatch.setattr(ben.remote, "worked", worked)
    take = ben._fetch
    monkeypatch.setattr(ben, "_fetch", lambda key, there: (take(key, there), came.release())[0])
    ben.remote._patience = 0.01
    with pytest.warns(SpotWarning, match="is not asked for a while"):
        assert [ben.get(bytes([number]) * 16) for number in range(3)] == [None] * 3
    go.set()
    assert all(came.acquire(timeout=20) for _ in range(3))
    assert not ben.remote.is_asked(b"z" * 16)
    assert [value_of(ben.get(bytes([number]) * 16)) for number in range(3)] == [0, 1, 2]


def test_what_is_sent_slowly_does_not_call_a_bucket_back(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = team.store(ANN, "ann")
    ann.remote._patience = 0.3
    for _ in range(3):
        ann.remote.failed(OSError("no answer"))
    true = Bucket.put

    def slow(self: Bucket, name: str, data: bytes) -> None:
        team.clock.advance(1)
        true(self, name, data)

    with monkeypatch.context() as slowly:
        slowly.setattr(Bucket, "put", slow)
        ann.put(entry([1]))
        assert ann.send() and not ann.remote.is_asked(KEY[::-1])
    ann.put(entry([2], b"2" * 16))
    assert ann.send() and ann.remote.is_asked(KEY[::-1])


def test_a_key_that_is_not_there_is_asked_for_once_in_a_while(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = team.store(BEN, "ben")
    asked: list[bytes] = []
    true = ben.remote.entry
    monkeypatch.setattr(ben.remote, "entry", lambda key: asked.append(key) or true(key))
    for _ in range(5):
        assert ben.get(KEY) is None
    assert len(asked) == 1
    team.clock.advance(60)
    ben.get(KEY)
    assert len(asked) == 2


def test_signatures_hold_for_these_bytes_alone() -> None:
    shared = sign(b"sealed", ANN)
    assert opened(shared) == (b"sealed", (public_key(ANN),))
    assert opened(b"sealed") == (b"sealed", ())
    for at in range(len(trust.MAGIC), len(shared)):
        with pytest.raises(ValueError, match=r"signature|cut"):
            opened(shared[:at] + bytes([shared[at] ^ 1]) + shared[at + 1 :])
    with pytest.raises(ValueError, match="cut off"):
        opened(shared[:60])
    assert public_key(ANN) != public_key(BEN)


SESSION = """
import json, sys
from spotmagic import Spot
from spotmagic.store.trust import People, public_key
from spotmagic.store.trust import ring

paid = 0
spot = Spot("notebook", root=sys.argv[1], remote=sys.argv[2])
for line in sys.argv[3:]:
    People().add("colleague", line)

@spot.mark(price=0.01)
def ask(question):
    global paid
    paid += 1
    return {"answer": question.upper(), "long": "x" * 50_000}

values = [ask(f"question {number}") for number in range(4)]
spot.close()
ok = all(value["answer"] == f"QUESTION {number}" for number, value in enumerate(values))
print(json.dumps({"paid": paid, "ok": ok, "key": public_key(ring())}))
"""


def session(home: Path, url: str, *keys: str, **variables: str) -> dict[str, Any]:
    """What a notebook of a user with this home pays."""
    home.mkdir(exist_ok=True)
    (home / "notebook.py").write_text(SESSION)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "notebook.py", str(home / "spots"), url, *keys],
        cwd=home,
        env={**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(params=sorted(SERVERS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[S3Server]:
    with started(request.param, tmp_path / "server") as server:
        yield server


def test_a_colleague_runs_the_notebook_and_pays_nothing(server: S3Server, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/team"
    ann = session(tmp_path / "ann", url, **server.variables)
    assert ann["paid"] == 4
    ben = session(tmp_path / "ben", url, **server.variables)
    assert (ben["paid"], ben["ok"]) == (0, True)
    cleo = session(tmp_path / "cleo", url, ann["key"], **server.variables)
    assert (cleo["paid"], cleo["ok"]) == (0, True)
    assert len({ann["key"], ben["key"], cleo["key"]}) == 3


def test_a_thousand_results_are_pushed_and_pulled(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is new alone the second time; what somebody trusted deletes goes from all who pull."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    team = Team(tmp_path, f"s3://{BUCKET}/many")
    ann, ben, keys = team.store(ANN, "ann"), team.store(BEN, "ben"), [number.to_bytes(2) * 8 for number in range(1000)]
    for number, key in enumerate(keys):
        FolderStore.put(ann, entry("x" * 40_000 if number == 7 else number, key))
    pushed = ann.push(keys)
    assert (pushed.sent, pushed.there, pushed.unusable.count) == (1000, 0, 0)
    pulled = ben.pull()
    assert (pulled.taken, pulled.usable, pulled.refused) == (1000, 1000, ())
    assert value_of(ben.get(keys[7])) == "x" * 40_000 and value_of(ben.get(keys[999])) == 999
    People().add("ann", public_key(ANN))
    team.clock.advance(60)
    ann.forget(keys[:3])
    assert ann.send()
    assert (ann.push(keys[3:]).there, ben.pull().gone, ben.get(keys[0])) == (997, 3, None)
    team.close()


def test_a_server_that_is_killed_midway_and_returns_has_everything_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some results were sent, one was under way, some are stored while it is gone."""
    server = started("rclone", tmp_path / "server")
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    team = Team(tmp_path, f"s3://{BUCKET}/midway")
    ann, ben, true, puts = team.store(ANN, "ann"), team.store(BEN, "ben"), Bucket.put, 0

    def killing(self: Bucket, name: str, data: bytes) -> None:
        nonlocal puts
        puts += 1
        if puts == 5:
            server.stop()
        true(self, name, data)

    try:
        with monkeypatch.context() as midway:
            midway.setattr(Bucket, "put", killing)
            for number in range(8):
                ann.put(entry(number, bytes([number]) * 16))
            assert not ann.send()
        for number in range(8, 12):
            ann.put(entry(number, bytes([number]) * 16))
        assert [value_of(ann.get(bytes([number]) * 16)) for number in range(12)] == list(range(12))
        server.start()
        assert ann.send() and ben.pull().taken == 12
        assert [value_of(ben.get(bytes([number]) * 16)) for number in range(12)] == list(range(12))
    finally:
        team.close()
        server.stop()


def test_with_the_server_gone_the_notebook_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    server = started("rclone", tmp_path / "server")
    url = f"s3://{BUCKET}/team"
    server.stop()
    try:
        ann = session(tmp_path / "ann", url, **server.variables)
        assert (ann["paid"], ann["ok"]) == (4, True)
        server.start()
        again = session(tmp_path / "ann", url, **server.variables)
        assert again["paid"] == 0, "and what was stored meanwhile is sent at the end"
        assert session(tmp_path / "ben", url, **server.variables)["paid"] == 0
    finally:
        server.stop()
