"""What another user left in the folder: values that cannot run code are hits, everything else is a loud miss."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import EntryRefused, OptionError, RecordMissing, SpotWarning, _told
from spotmagic.store.entry import Entry

SOURCE = '''
import os
from pathlib import Path


class Planted:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path, text):
        self.path, self.text = path, text

    def __reduce__(self):
        return leave, (str(self.path), self.text)


def leave(path, text):
    if Path(f"{path}.armed").exists():
        Path(path).write_text("the code of another user ran")
    return Planted(path, text)


def rows(n):
    print("ran")
    return {"rows": [n] * 3}


def planted(path):
    print("ran")
    return Planted(path, "text")
'''

Another = Callable[..., list[str]]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that all users work with."""
    (tmp_path / "shared_work.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shared_work", raising=False)
    import shared_work  # type: ignore[import-not-found]

    return shared_work


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Another:
    """Calls a function of the module as another user, who has a secret of their own. Gives the lines it printed."""

    def call(function: str, argument: object, user: str = "else") -> list[str]:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import shared_work; from spotmagic import Spot\n"
            "with Spot('test', root=sys.argv[1]) as spot:\n"
            f"    spot.mark(shared_work.{function})({argument!r})\n"
        )
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / f"home of {user}"))
        try:
            done = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
            )
        finally:
            monkeypatch.undo()
        return done.stdout.split()

    return call


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    _told.clear()


def asked(function: Callable[..., Any], *args: Any) -> tuple[str, list[str]]:
    """The verdict of a call and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args)
    outcome = last()
    assert outcome is not None
    return outcome.verdict, [str(each.message) for each in caught if each.category is SpotWarning]


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
def test_a_pickle_of_another_user_never_loads(
    work: Any, another: Another, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: str
) -> None:
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
    work: Any, another: Another, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_no_setting_outside_the_code_grants_trust(
    work: Any, another: Another, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the environment nor a file beside the notebook."""
    proof = tmp_path / "proof"
    another("planted", str(proof))
    for name in ("TRUST", "UNSAFE_FOREIGN_PICKLE"):
        monkeypatch.setenv(f"SPOTMAGIC_{name}", "all")
    (tmp_path / ".env").write_text("SPOTMAGIC_TRUST=all\n")
    monkeypatch.chdir(tmp_path)
    with Spot("test", root=tmp_path) as spot:
        assert asked(spot.mark(work.planted), str(proof))[0] == "ran"


def test_spots_of_unequal_trust_on_one_folder_stay_apart(work: Any, another: Another, tmp_path: Path) -> None:
    """In one process, too."""
    another("rows", 1)
    with Spot("test", root=tmp_path) as safe, Spot("test", root=tmp_path, trust="mine") as mine:
        assert asked(safe.mark(work.rows), 1)[0] == "hit"
        assert asked(mine.mark(work.rows), 1)[0] == "ran"
