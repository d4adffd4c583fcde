"""The secret lies where only its owner reads it, and nothing else is taken for one."""

from __future__ import annotations

import hashlib
import hmac
import multiprocessing
from pathlib import Path

import pytest

from spotmagic.errors import SpotWarning, tell_again
from spotmagic.store import trust
from spotmagic.store.trust import Ring, user_secret


def _make(path: str) -> bytes:
    return user_secret(Path(path))


def test_processes_that_make_it_at_once_agree(tmp_path: Path) -> None:
    """One wins, the others adopt it."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        secrets = set(pool.map(_make, [str(tmp_path / "spotmagic" / "secret")] * 8))
    assert len(secrets) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 5_000])
def test_a_secret_of_the_wrong_size_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file seals nothing."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(PermissionError):
        user_secret(path)


def test_without_a_usable_secret_the_process_gets_one_of_its_own(own_home: Path) -> None:
    """With a warning, and another one each time."""
    path = own_home / "data" / "spotmagic" / "secret"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 32)
    path.chmod(0o644)
    kids = set()
    for _ in range(2):
        trust.ring.cache_clear()
        tell_again("secret")
        with pytest.warns(SpotWarning, match="secret"):
            kids.add(trust.ring().kid)
    trust.ring.cache_clear()
    assert len(kids) == 2


def test_the_ring_is_read_once(own_home: Path) -> None:
    """What changes in the home later does not count for this process."""
    trust.ring.cache_clear()
    first = trust.ring()
    (own_home / "data" / "spotmagic" / "secret").unlink()
    assert trust.ring() is first
    trust.ring.cache_clear()


def test_a_ring_trusts_its_secrets_and_seals_with_the_first() -> None:
    """Right, wrong and unknown are three answers."""
    mine, team = Ring.of(b"m" * 32, b"t" * 32), Ring.of(b"t" * 32)
    mac = team.seal(b"data")
    assert mine.check(team.kid, b"data", mac) is True
    assert mine.check(team.kid, b"date", mac) is False
    assert team.check(mine.kid, b"data", mine.seal(b"data")) is None
    assert mine.seal(b"da", b"ta") == mine.seal(b"data")


def test_the_mac_is_a_keyed_blake2b_of_a_derived_key() -> None:
    """Held against the standard library's."""
    for secret in (b"s" * 32, b"l" * 100):
        key = hmac.digest(secret, b"spotmagic seal 2", hashlib.sha256)
        assert Ring.of(secret).seal(b"da", b"ta") == hashlib.blake2b(b"data", key=key, digest_size=32).digest()
        first = hmac.digest(hmac.digest(secret, b"spotmagic seal 1", hashlib.sha256), b"data", hashlib.sha256)
        assert Ring.of(secret).check(Ring.of(secret).kid, b"data", first, 1) is True
        assert Ring.of(secret).check(Ring.of(secret).kid, b"data", first, 2) is False


def test_masks_are_equal_for_equal_values_of_one_user_only() -> None:
    """And are no seals."""
    one, other = Ring.of(b"1" * 32), Ring.of(b"2" * 32)
    assert one.mask(b"token") == one.mask(b"token") != other.mask(b"token")
    assert one.mask(b"token") != one.seal(b"token")


def test_a_ring_does_not_show_its_secrets() -> None:
    """Not in its repr, where logs would find them."""
    shown = repr(Ring.of(b"m" * 32))
    assert "m" * 8 not in shown
    assert (b"m" * 8).hex() not in shown
    assert "Hmac" not in shown
