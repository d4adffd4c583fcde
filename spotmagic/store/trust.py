"""Whose entries are ours: the user's secret, the ring of secrets, the seal made with them, and signatures.

The secret lies in the user's data folder and nowhere else: never in a cache folder, a project or the working directory.
Beside it stands whose signature counts. What is shared is signed with Ed25519, by a key that follows from the secret::

    0   12  magic       89 's' 'h' 'a' 'r' 'e' 'd' 0d 0a 1a 0a 01
    12  32  public key  of the writer
    44  64  signature   of "spotmagic shared 1" and the sealed bytes (RFC 8032)
    108     the sealed bytes of the entry; of a team's, signed bytes of this kind
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from spotmagic import files
from spotmagic.errors import OptionError, tell, unknown

SECRET_BYTES = 32
MAX_SECRET_FILE = 4096
KEYS_VARIABLE = "SPOTMAGIC_KEYS"
_DRAWN, _MAC = 16, 32

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
        seed: of the key that signs what is shared.
        teams: the same of the other secrets.
    """

    kid: bytes
    seal: Mac
    _seals: dict[bytes, tuple[bytes, Mac]] = field(repr=False)
    _mask: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    teams: tuple[bytes, ...] = field(repr=False, default=())

    @classmethod
    def of(cls, secret: bytes, *others: bytes) -> Ring:
        """A ring that seals with ``secret`` and trusts ``others`` too.

        The first of the others masks secrets in keys, so that a team which shares it has equal keys.
        """
        seals = {
            _derived(each, b"kid 1")[:8]: (_derived(each, b"seal 1"), Mac(_derived(each, b"seal 2")))
            for each in (secret, *others)
        }
        kid = _derived(secret, b"kid 1")[:8]
        masking = _derived(others[0] if others else secret, b"mask 1")
        teams = tuple(_derived(each, b"sign 1") for each in others)
        return cls(kid, seals[kid][1], seals, masking, _derived(secret, b"sign 1"), teams)

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
        """Bytes that stand for a secret value in keys: equal for equal values of this user, or team, alone."""
        return hmac.digest(self._mask, data, "sha256")

    def wrap(self, data: bytes) -> bytes:
        """Data that nobody but this user can read or change: 16 bytes drawn for it, the data veiled, and their MAC."""
        drawn = secrets.token_bytes(_DRAWN)
        veiled = drawn + self._veil(drawn, data)
        return veiled + self.seal(veiled)

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """The data that this user wrapped; ``None`` if these bytes are not of that."""
        veiled, mac = wrapped[:-_MAC], wrapped[-_MAC:]
        if not self.check(self.kid, veiled, mac):
            return None
        return self._veil(veiled[:_DRAWN], veiled[_DRAWN:])

    def _veil(self, drawn: bytes, data: bytes) -> bytes:
        """The data under a stream of SHAKE-256 (FIPS 202), which no two data share; done twice, the data itself."""
        stream = hashlib.shake_256(self.mask(b"veil 1" + drawn)).digest(len(data))
        return (int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")).to_bytes(len(data), "little")


@functools.cache
def ring() -> Ring:
    """The user's ring, resolved once per process: the secret file (made when missing) and ``SPOTMAGIC_KEYS``."""
    import platformdirs

    path = Path(platformdirs.user_data_dir("spotmagic")) / "secret"
    try:
        secret = user_secret(path)
    except OSError as error:
        tell(
            f"{path} cannot be used as the secret of your results",
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


# -- who signed what is shared -----------------------------------------------------------------------------------------

MAGIC = b"\x89shared\r\n\x1a\n\x01"
KEY, SIGNATURE = 32, 64
_HEAD = len(MAGIC) + KEY + SIGNATURE
_MOST_SIGNATURES = 2  # of who wrote it, and of the team
_DOMAIN = b"spotmagic shared 1"
_LARGEST = 1 << 20  # bytes of the file of trusted people
_LINE = re.compile(r"([\w.@-]{1,64}) ([0-9a-f]{64})", re.ASCII)


def _ed25519() -> Any:
    """The library's module, or ``None`` where the extra ``[share]`` is not installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        return None
    return ed25519


@functools.lru_cache(maxsize=4)
def _private(seed: bytes) -> Any:
    return _ed25519().Ed25519PrivateKey.from_private_bytes(seed)


def public_key(ring: Ring) -> str:
    """The user's own public key, in 64 hex digits. Raises :class:`OptionError` without the extra ``[share]``."""
    if _ed25519() is None:
        raise OptionError("signatures need the package cryptography", todo="pip install spotmagic[share]")
    return _public(ring.seed)


def _public(seed: bytes) -> str:
    return str(_private(seed).public_key().public_bytes_raw().hex())


def sign(sealed: bytes, ring: Ring) -> bytes:
    """Sealed bytes as they are shared: signed by the user, and around that by the team whose secret they have.

    Without the extra ``[share]`` they go out unsigned, as a stranger's.
    """
    if _ed25519() is None:
        tell(
            "what is shared is not signed",
            "the package cryptography is not installed",
            "pip install spotmagic[share]; until then others load only what cannot run code",
            once="unsigned",
        )
        return sealed
    for seed in (ring.seed, *ring.teams[:1]):
        private = _private(seed)
        sealed = b"".join([MAGIC, private.public_key().public_bytes_raw(), private.sign(_DOMAIN + sealed), sealed])
    return sealed


def opened(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The sealed bytes in shared ones, and who signed them: public keys in hex, that of who wrote them first.

    Raises:
        ValueError: a signature is not the one of these bytes.
    """
    found: list[str] = []
    while data[: len(MAGIC)] == MAGIC and len(found) < _MOST_SIGNATURES:
        if len(data) < _HEAD:
            raise ValueError("it is cut off")
        key, signature, inner = data[len(MAGIC) : len(MAGIC) + KEY], data[len(MAGIC) + KEY : _HEAD], data[_HEAD:]
        _verify(key, signature, inner)
        found.insert(0, key.hex())
        data = inner
    return data, () if _ed25519() is None else tuple(found)


def _verify(key: bytes, signature: bytes, data: bytes) -> None:
    library = _ed25519()
    if library is None:
        return
    from cryptography.exceptions import InvalidSignature

    try:
        library.Ed25519PublicKey.from_public_bytes(key).verify(signature, _DOMAIN + data)
    except InvalidSignature:
        raise ValueError("its signature is not the one of its bytes") from None


def authors(data: bytes) -> tuple[str, ...]:
    """Who signed shared bytes, if every signature is right."""
    try:
        return opened(data)[1]
    except ValueError:
        return ()


def counts(authors: Iterable[str], ring: Ring, *, own: bool = False) -> bool:
    """Whether one of these is trusted: by name, or as a team whose secret the user has.

    Args:
        own: whether the user's own key will do.
    """
    said = set(authors)
    if not said:
        return False  # before the file of trusted people is read, which may warn
    seeds = [*ring.teams, *([ring.seed] if own else [])]
    return not said.isdisjoint({*People().all().values(), *(_public(seed) for seed in seeds)})


class People:
    """The people whose entries count as one's own: a name and a public key a line, in a file of the user's alone.

    Args:
        path: the file; that of the user's data folder by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        import platformdirs

        self.path = path or Path(platformdirs.user_data_dir("spotmagic")) / "trusted"

    def all(self) -> Mapping[str, str]:
        """The public key of each person, by name. A file that may not be the user's own is told, and counts as none."""
        try:
            fd = files.open_private(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return {}
        except OSError as error:
            return self._unusable(str(error))
        try:
            if not files.is_private(fd):
                return self._unusable("it is not a plain file of yours that nobody else can read (chmod 600)")
            text = os.read(fd, _LARGEST).decode("ascii", "replace")
        except OSError as error:
            return self._unusable(str(error))
        finally:
            os.close(fd)
        found = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
        return {match[1]: match[2] for match in found if match}

    def _unusable(self, why: str) -> Mapping[str, str]:
        tell(f"{self.path} is not used", why, "Nobody's results but your own count in full", once=str(self.path))
        return {}

    def add(self, name: str, key: str) -> None:
        """Trust a person: what they share may run code here from now on.

        Raises:
            OptionError: for a name or key that cannot be one, or a name that another key has.
            OSError: the file cannot be written.
        """
        if not _LINE.fullmatch(f"{name} {key}"):
            what = (
                f"{key!r} is no public key"
                if re.fullmatch(r"[\w.@-]{1,64}", name, re.ASCII)
                else f"{name!r} is no name"
            )
            raise OptionError(
                what, "a key has 64 hex digits, a name no spaces", "Ask for the line of `spotmagic trust show`"
            )
        known = dict(self.all())
        if known.get(name, key) != key:
            raise OptionError(f"{name} has another key already", todo=f"spotmagic trust remove {name}, or another name")
        self._write({**known, name: key})

    def remove(self, name: str) -> None:
        """Trust a person no longer. What was taken from them stays. Raises :class:`OptionError` for nobody."""
        known = dict(self.all())
        if known.pop(name, None) is None:
            raise OptionError(
                f"nobody is trusted under {name!r}", todo=f"Known are: {', '.join(sorted(known)) or 'none'}"
            )
        self._write(known)

    def _write(self, people: Mapping[str, str]) -> None:
        files.make_folder(self.path.parent)
        files.write_whole(self.path, "".join(f"{name} {key}\n" for name, key in sorted(people.items())).encode())
