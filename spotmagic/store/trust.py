"""Whose entries are ours: the user's secret, the ring of secrets, and the seal made with them.

The secret lies in the user's data folder and nowhere else: never in a cache folder, a project or the working directory.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from spotmagic import files
from spotmagic.errors import OptionError, tell, unknown

SECRET_BYTES = 32
MAX_SECRET_FILE = 4096
KEYS_VARIABLE = "SPOTMAGIC_KEYS"

# Of writers whose secret is not on the ring: nothing, what cannot run code, or everything as if it were the user's own.
Trust = Literal["mine", "safe", "all"]


def trust_of(trust: str, unsafe_foreign_pickle: bool) -> Trust:
    """The level that ``Spot(trust=…)`` names. Raises ``OptionError`` for none, and for ``"all"`` not said twice."""
    if trust == "all" and not unsafe_foreign_pickle:
        raise OptionError(
            'trust="all" lets whoever can write to the folder run code as you',
            todo='Say unsafe_foreign_pickle=True as well, or trust="safe"',
        )
    if unsafe_foreign_pickle and trust != "all":
        raise OptionError('unsafe_foreign_pickle=True goes with trust="all" alone', todo="Say both or neither")
    levels: dict[str, Trust] = {"mine": "mine", "safe": "safe", "all": "all"}
    if trust not in levels:
        raise unknown("value of trust=", str(trust), levels)
    return levels[trust]


class Mac:
    """A keyed BLAKE2b (RFC 7693) of 32 bytes, its key taken in once."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=32)

    def __call__(self, data: bytes | memoryview, *more: bytes | memoryview) -> bytes:
        running = self._keyed.copy()
        running.update(data)
        for piece in more:
            running.update(piece)
        return running.digest()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"spotmagic " + purpose, "sha256")


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """The secrets whose seals this user trusts; the first one seals.

    Attributes:
        kid: 8 bytes that name the sealing secret without telling anything about it.
        seal: the 32-byte MAC of data under the sealing secret; of several pieces as of one.
    """

    kid: bytes
    seal: Mac
    _seals: dict[bytes, tuple[bytes, Mac]] = field(repr=False)
    _mask: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes, *others: bytes) -> Ring:
        """A ring that seals with ``secret`` and trusts ``others`` too."""
        seals = {
            _derived(each, b"kid 1")[:8]: (_derived(each, b"seal 1"), Mac(_derived(each, b"seal 2")))
            for each in (secret, *others)
        }
        kid = _derived(secret, b"kid 1")[:8]
        return cls(kid, seals[kid][1], seals, _derived(secret, b"mask 1"))

    def check(self, kid: bytes, data: bytes | memoryview, mac: bytes, version: int = 2) -> bool | None:
        """Whether a MAC is right; ``None`` when nobody on the ring has that ``kid``. As fast for every wrong one.

        Args:
            version: of the entry's format; the first was sealed with HMAC-SHA256.
        """
        seal = self._seals.get(kid)
        if seal is None:
            return None
        return hmac.compare_digest(seal[1](data) if version > 1 else hmac.digest(seal[0], data, "sha256"), mac)

    def mask(self, data: bytes) -> bytes:
        """Bytes that stand for a secret value in keys: equal for equal values of this user, for others not to guess."""
        return hmac.digest(self._mask, data, "sha256")


@functools.cache
def ring() -> Ring:
    """The user's ring, resolved once per process: the secret file (made when missing) and ``SPOTMAGIC_KEYS``."""
    import platformdirs

    path = Path(platformdirs.user_data_dir("spotmagic")) / "secret"
    try:
        secret = user_secret(path)
    except OSError as error:
        tell(
            f"{path} cannot be used as the secret of your cache entries",
            str(error),
            "Until it is a file that only you can read, what is stored now is not trusted by your next kernel",
            once="secret",
        )
        secret = secrets.token_bytes(SECRET_BYTES)
    return Ring.of(secret, *named_secrets(os.environ.get(KEYS_VARIABLE, "")))


def user_secret(path: Path) -> bytes:
    """The secret in a file, made when missing; of several processes that make it at once, all get the same.

    Raises:
        OSError: the file cannot be made or read, or others could have read or replaced it (:func:`read_secret`).
    """
    try:
        return read_secret(path)
    except FileNotFoundError:
        pass
    files.make_folder(path.parent)
    files.write_once(path, secrets.token_bytes(SECRET_BYTES))
    return read_secret(path)


def read_secret(path: Path) -> bytes:
    """The secret in a file.

    Raises:
        PermissionError: a symbolic link, not a regular file, another user's, readable by others, too short or too long.
    """
    try:
        fd = files.open_private(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PermissionError(f"it cannot be opened as a plain file ({error.strerror})") from error
    try:
        if not files.is_private(fd):
            raise PermissionError("it is not a plain file of yours that nobody else can read (chmod 600)")
        data = os.read(fd, MAX_SECRET_FILE + 1)
    finally:
        os.close(fd)
    if not SECRET_BYTES <= len(data) <= MAX_SECRET_FILE:
        raise PermissionError(f"it holds {len(data)} bytes, not {SECRET_BYTES} to {MAX_SECRET_FILE}")
    return data


def named_secrets(text: str) -> Iterable[bytes]:
    """The secrets that ``SPOTMAGIC_KEYS`` names: hex digits or absolute paths of secret files, between commas.

    What cannot be used is told and left out.
    """
    for word in filter(None, (piece.strip() for piece in text.split(","))):
        if re.fullmatch(r"[0-9a-fA-F]{64,1024}", word) and len(word) % 2 == 0:
            yield bytes.fromhex(word)
            continue
        path = Path(word)
        if not path.is_absolute():
            tell(
                f"a name in {KEYS_VARIABLE} is not used",
                "it is neither 64 hex digits nor an absolute path",
                once=KEYS_VARIABLE,
            )
            continue
        try:
            yield read_secret(path)
        except OSError as error:
            tell(f"{path}, named in {KEYS_VARIABLE}, is not used", str(error), once=f"{KEYS_VARIABLE} {path}")
