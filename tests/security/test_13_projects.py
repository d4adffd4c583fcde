"""Nothing in a project, its folder or the working directory says whom to trust."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.errors import OptionError, SpotWarning, _told, tell_again
from spotmagic.store import trust
from spotmagic.store.trust import People, Ring, named_secrets, public_key, read_secret, user_secret

from .people import Another, asked

ANN, BEN = Ring.of(b"a" * 32), Ring.of(b"b" * 32)


def test_a_naive_reader_takes_what_the_project_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a file beside the notebook, read like any setting, names the key of a stranger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SPOTMAGIC_KEYS=team\n")
    settings = dict(line.split("=", 1) for line in Path(".env").read_text().splitlines())
    (tmp_path / "team").write_bytes(b"e" * 32)
    assert Path(settings["SPOTMAGIC_KEYS"]).read_bytes() == b"e" * 32


def test_keys_from_the_environment_are_hex_or_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path would let the working directory decide whom to trust."""
    user_secret(tmp_path / "team")
    monkeypatch.chdir(tmp_path)
    word = os.urandom(32).hex()
    assert list(named_secrets(f"{word}, {tmp_path / 'team'},")) == [bytes.fromhex(word), read_secret(tmp_path / "team")]
    tell_again(trust.KEYS_VARIABLE)
    with pytest.warns(SpotWarning, match="absolute"):
        assert list(named_secrets("team")) == []
    with pytest.warns(SpotWarning, match="not used"):
        assert list(named_secrets(str(tmp_path / "nobody"))) == []


def test_whom_one_trusts_is_the_users_own_file_and_nothing_else(tmp_path: Path) -> None:
    people = People(tmp_path / "trusted")
    assert people.all() == {}
    people.add("ann", public_key(ANN))
    assert people.all() == {"ann": public_key(ANN)}
    assert (tmp_path / "trusted").stat().st_mode & 0o777 == 0o600
    for name, key in (("ann", public_key(BEN)), ("a b", public_key(BEN)), ("ben", "12"), ("../x\n", public_key(BEN))):
        with pytest.raises(OptionError):
            people.add(name, key)
    with pytest.raises(OptionError, match="nobody is trusted"):
        people.remove("ben")
    (tmp_path / "trusted").chmod(0o644)
    with pytest.warns(SpotWarning, match="is not used"):
        assert people.all() == {}
    (tmp_path / "real").write_text(f"eve {public_key(BEN)}\n")
    (tmp_path / "trusted").unlink()
    (tmp_path / "trusted").symlink_to(tmp_path / "real")
    _told.clear()
    with pytest.warns(SpotWarning, match="is not used"):
        assert people.all() == {}


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
