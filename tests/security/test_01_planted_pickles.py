"""A pickle in a shared folder, bucket or archive runs nothing: of strangers only what cannot run code is a hit."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from store.s3_servers import BUCKET, SERVERS, started

from spotmagic import Spot, last
from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.errors import EntryRefused, OptionError, RecordMissing, _told
from spotmagic.store.entry import Entry, Part
from spotmagic.store.remote import Bucket, Remote
from spotmagic.store.seal import seal
from spotmagic.store.shared import SharedStore
from spotmagic.store.trust import MAGIC, People, Ring, public_key, sign
from spotmagic.testing import FakeClock

from .people import Another, asked


def test_a_value_that_cannot_run_code_is_a_hit(work: Any, another: Another, tmp_path: Path) -> None:
    """By default; what it is worth is not more than that."""
    another("rows", 1)
    with Spot("test", root=tmp_path) as spot:
        f = spot.mark(work.rows)
        assert asked(f, 1) == ("hit", [])
        assert f(1) == {"rows": [1, 1, 1]}
        entry = spot.store.get(bytes.fromhex(f.key(1)))
        assert isinstance(entry, Entry)
        assert not entry.trusted
        assert entry.writer != spot.ring.kid


def test_whoever_takes_their_own_results_alone_runs_it_and_is_told(work: Any, another: Another, tmp_path: Path) -> None:
    """Once; their own result is a hit from then on, for them."""
    another("rows", 1)
    with Spot("test", root=tmp_path, trust="mine") as spot:
        f = spot.mark(work.rows)
        verdict, told = asked(f, 1)
        assert verdict == "ran"
        assert len(told) == 1
        assert "foreign" in told[0]
        assert "SPOTMAGIC_KEYS" in told[0]
        assert asked(f, 1) == ("hit", [])
        assert asked(f, 2) == ("ran", [])


@pytest.mark.parametrize("trust", ["mine", "safe"])
def test_a_pickle_of_another_user_never_loads(work: Any, another: Another, tmp_path: Path, trust: str) -> None:
    """It is run instead, which is told once with its writer's name, and then it is the user's own."""
    proof = tmp_path / "proof"
    another("planted", str(proof))
    with Spot("test", root=tmp_path, trust=trust) as spot:
        f = spot.mark(work.planted)
        Path(f"{proof}.armed").touch()
        with pytest.raises(RecordMissing):
            f.peek(str(proof))
        replay = spot.mark(mode="replay")(work.planted)
        with pytest.raises(EntryRefused, match="Run it in mode auto.*safe types.*SPOTMAGIC_KEYS"):
            replay(str(proof))
        assert not proof.exists()
        Path(f"{proof}.armed").unlink()
        verdict, told = asked(f, str(proof))
        assert verdict == "ran"
        assert len(told) == 1
        assert "foreign" in told[0]
        assert not proof.exists()
        assert asked(f, str(proof)) == ("hit", [])


def test_a_pickle_of_another_user_is_not_made_ones_own_by_accepting_it(
    work: Any, another: Another, tmp_path: Path
) -> None:
    """A seal of the user's own on it would let it run code."""
    from dataclasses import replace

    proof = tmp_path / "proof"
    another("planted", str(proof))
    with Spot("test", root=tmp_path) as spot:
        f = spot.mark(work.planted)
        call = f.marked.call((str(tmp_path / "other"),), {})
        call = replace(call, accepts=lambda _: ())
        Path(f"{proof}.armed").touch()
        spot.engine.drive(call)
        assert not proof.exists()
        assert last().verdict == "ran"  # type: ignore[union-attr]


def test_a_key_on_the_ring_makes_another_users_results_ones_own(
    work: Any, another: Another, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever names it in ``SPOTMAGIC_KEYS`` lets that user run code as them."""
    proof = tmp_path / "proof"
    another("planted", str(proof))
    (secret,) = (tmp_path / "home of else").rglob("secret")
    from spotmagic.store import trust

    monkeypatch.setenv("SPOTMAGIC_KEYS", str(secret))
    trust.ring.cache_clear()
    try:
        with Spot("test", root=tmp_path) as spot:
            assert asked(spot.mark(work.planted), str(proof)) == ("hit", [])
    finally:
        trust.ring.cache_clear()


def test_every_pickle_loads_only_where_that_was_said_twice(work: Any, another: Another, tmp_path: Path) -> None:
    """``trust="all"`` alone is an error before anything runs, and so is the other half."""
    another("planted", str(tmp_path / "proof"))
    with pytest.raises(OptionError, match="run code as you"):
        Spot("test", root=tmp_path, trust="all")
    with pytest.raises(OptionError, match="both or neither"):
        Spot("test", root=tmp_path, unsafe_foreign_pickle=True)
    with pytest.raises(OptionError, match="Did you mean mine"):
        Spot("test", root=tmp_path, trust="mime")
    with Spot("test", root=tmp_path, trust="all", unsafe_foreign_pickle=True) as spot:
        assert asked(spot.mark(work.planted), str(tmp_path / "proof")) == ("hit", [])


def test_spots_of_unequal_trust_on_one_folder_stay_apart(work: Any, another: Another, tmp_path: Path) -> None:
    """In one process, too."""
    another("rows", 1)
    with Spot("test", root=tmp_path) as safe, Spot("test", root=tmp_path, trust="mine") as mine:
        assert asked(safe.mark(work.rows), 1)[0] == "hit"
        assert asked(mine.mark(work.rows), 1)[0] == "ran"


ANN, BEN, MALLORY = (Ring.of(letter * 32) for letter in (b"a", b"b", b"m"))


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def entry(key: bytes, value: Any, **fields: Any) -> Entry:
    encoded = encode(value)
    part = Part("value", encoded.codecs, encoded.head, encoded.buffers)
    return Entry(key=key, name=f"ask{key[0]}", created=1.0, seconds=2.0, parts=(part,), **fields)


def planted(key: bytes, canary: Path) -> Entry:
    head = msgpack.packb(pickle.dumps(Evil(canary)))
    return Entry(key=key, name="ask", created=9e9, seconds=2.0, parts=(Part("value", ("pickle",), head),))


def test_a_naive_load_runs_what_is_planted(tmp_path: Path) -> None:
    """The control: the very bytes, loaded as they are."""
    head = planted(bytes(16), tmp_path / "canary").parts[0].head
    with contextlib.closing(pickle.loads(msgpack.unpackb(head))):
        assert (tmp_path / "canary").exists()


@pytest.fixture(params=["a folder", *sorted(SERVERS)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket that Ann and Ben share, and Mallory can write to."""
    if request.param == "a folder":
        yield f"file://{tmp_path}/bucket"
        return
    with started(request.param, tmp_path / "server") as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/team"


class Attack:
    """A bucket in which one object is another one than was put there."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        found = [item["path"] for page in bucket._obstore.list(bucket._store) for item in page]
        self.objects: dict[str, bytes] = {name: bytes(bucket.get(name, 1 << 24)) for name in found}

    def changes(self, canary: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
        """What is done, and the objects that are put in place of others or beside them."""
        ann = bytes.fromhex(public_key(ANN))
        for name, data in self.objects.items():
            for at in {0, 20, 60, len(data) // 2, len(data) - 1} & set(range(len(data))):
                yield f"{name} flipped at {at}", {name: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]}
            yield f"{name} cut", {name: data[:-1]}
            yield f"{name} emptied", {name: b""}
            if name.startswith("entries/"):
                evil = b"".join(seal(planted(bytes.fromhex("".join(name.split("/")[1:])), canary), MALLORY))
                signed = sign(evil, MALLORY)
                yield f"{name} replaced, unsigned", {name: evil}
                yield f"{name} replaced, signed by Mallory", {name: signed}
                yield f"{name} replaced, said to be Ann's", {name: MAGIC + ann + signed[len(MAGIC) + 32 :]}
                yield f"{name} replaced, under Ann's signature", {name: data[: len(MAGIC) + 96] + evil}
        for one, other in itertools.combinations(self.objects, 2):
            if one.split("/")[0] == other.split("/")[0]:
                yield f"{one} and {other} swapped", {one: self.objects[other], other: self.objects[one]}
        evil = sign(b"".join(seal(planted(b"n" * 16, canary), MALLORY)), MALLORY)
        key = (b"n" * 16).hex()
        names = [
            f"entries/{key[:2]}/{key[2:]}",
            "entries/zz/evil",
            f"gone/{key[:2]}/{key[2:]}",
            f"entries/{key}",
            "evil",
        ]
        yield "entries planted", dict.fromkeys(names, evil)


VALUES: dict[bytes, Any] = {
    b"1" * 16: [1, 2],
    b"2" * 16: "x" * 60_000,
    b"3" * 16: {"a": (1, 2)},
    b"4" * 16: "y" * 60_000,
}


def test_every_object_of_a_bucket_may_be_another(url: str, tmp_path: Path) -> None:
    """Replaced, swapped, flipped or planted in turn: no wrong value, no canary, each told or passed over."""
    clock = FakeClock()

    def store(ring: Ring, name: str) -> SharedStore:
        remote = Remote(url, clock, patience=20)
        made = SharedStore(tmp_path / name, remote, ring=ring, clock=clock)
        made._send_soon = lambda: None  # type: ignore[method-assign]
        return made

    ann = store(ANN, "ann")
    for key, value in VALUES.items():
        ann.put(entry(key, value, kind="cell" if key[:1] == b"3" else "function"), save_blob=key[:1] in b"24")
    assert ann.send()
    ann.close()
    People().add("ann", public_key(ANN))
    canary, bucket = tmp_path / "canary", Bucket(url, "remote")
    attack, hits, refusals = Attack(bucket), 0, 0
    for number, (how, changed) in enumerate(attack.changes(canary)):
        for name, data in changed.items():
            bucket.put(name, data)
        ben = store(BEN, f"ben{number}")
        _told.clear()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for key, value in [*VALUES.items(), (b"n" * 16, None)]:
                found = ben.get(key)
                if not isinstance(found, Entry):
                    refusals += 1
                    continue
                part = found.parts[0]
                try:
                    got = decode(part.codecs, part.head, part.buffers, trusted=found.trusted)
                except Undecodable as error:
                    assert error.kind == "foreign" and not found.trusted, how
                    refusals += 1
                    continue
                assert got == value, how
                hits += 1
            lost = [key for key in VALUES if ben.get(key) is None]
        assert not lost or any("is not used" in str(one.message) for one in told), (how, lost)
        if number % 5 == 0:
            pulled = store(BEN, f"pull{number}").pull()
            assert pulled.taken + len(pulled.refused) >= len(VALUES) - 1, how
        ben.close()
        assert not canary.exists(), how
        for name in changed:
            bucket.put(name, attack.objects[name]) if name in attack.objects else bucket.remove(name)
    assert hits > 40 and refusals > 20
