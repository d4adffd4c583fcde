"""Which arguments make a key, and how: the words users write in ``key=``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import xxhash

from spotmagic.errors import OptionError, Uncacheable, unknown
from spotmagic.values.scheme import Kind, tree

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    """How one argument enters the key.

    Attributes:
        word: its name in messages.
        read: gives what to fingerprint for the argument; None leaves the argument out.
        masked: whether it enters as an HMAC under the user's secret.
    """

    word: str
    read: Callable[[Any, str], Any] | None
    masked: bool = False


@dataclass(frozen=True, slots=True)
class KeyGen:
    """Policies for arguments, by parameter name.

    ``KeyGen.map(verbose=KeyGen.IGNORE, config_path=KeyGen.FILE_CONTENT, data=KeyGen.PATH_STAT, token=KeyGen.SECRET)``.
    A function of one argument that returns what to fingerprint is a policy too. ``KeyGen.ignore("a", "b")`` leaves
    arguments out.
    """

    policies: Mapping[str, Policy]

    IGNORE: ClassVar[Policy]
    FILE_CONTENT: ClassVar[Policy]
    PATH_STAT: ClassVar[Policy]
    SECRET: ClassVar[Policy]

    @classmethod
    def map(cls, **policies: Policy | Callable[[Any], Any]) -> KeyGen:
        """Policies by parameter name. Raises :class:`OptionError` for what is neither a policy nor a function."""
        return cls({name: _policy(name, policy) for name, policy in policies.items()})

    @classmethod
    def ignore(cls, *names: str) -> KeyGen:
        """Leave these arguments out of the key."""
        return cls(dict.fromkeys(names, cls.IGNORE))


def _policy(name: str, given: Any) -> Policy:
    if isinstance(given, Policy):
        return given
    if isinstance(given, str):
        words = {
            policy.word: policy for policy in (KeyGen.IGNORE, KeyGen.FILE_CONTENT, KeyGen.PATH_STAT, KeyGen.SECRET)
        }
        if given.upper() in words:
            return words[given.upper()]
        raise unknown("key policy", given, words)
    if callable(given):
        return Policy("function", lambda value, _: given(value))
    raise OptionError(
        f"key policy {name}={given!r} is not one",
        todo="Say KeyGen.IGNORE, FILE_CONTENT, PATH_STAT, SECRET, or a function of the argument",
    )


def _of_files(look: Callable[[Path], Any]) -> Callable[[Any, str], Any]:
    """What reads an argument that is a path, or a list of some, by looking at each file or folder."""

    def read(value: Any, path: str) -> Any:
        if isinstance(value, list | tuple):
            return [read(one, f"{path}[{place}]") for place, one in enumerate(value)]
        if value is None:
            return None
        try:
            return look(_path(value, path))
        except OSError as error:
            what, why = f"`{path}` cannot be read", f"{error.strerror}: {error.filename}"
            raise Uncacheable(what, why, "The call runs without the cache", path=path) from None

    return read


def _file_content(where: Path) -> Any:
    """The content of a file, or of all files below a folder, with its suffix: readers go by it."""
    if where.is_dir():
        return tree(Kind.FILE, [[str(one.relative_to(where)), *_content(one)] for one in _below(where)])
    return tree(Kind.FILE, where.suffix.lower(), *_content(where))


def _content(where: Path) -> list[Any]:
    running, size = xxhash.xxh3_128(), 0
    with where.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            running.update(chunk)
            size += len(chunk)
    return [size, running.digest()]


def _path_stat(where: Path) -> Any:
    """Where a file is, its size and its time of change: quick for large files that tools rewrite."""
    status, below = where.stat(), _below(where) if where.is_dir() else []
    each = [[str(one.relative_to(where)), one.stat().st_size, one.stat().st_mtime_ns] for one in below]
    own: list[int] = [] if below else [status.st_size, status.st_mtime_ns]
    return tree(Kind.STAT, str(where), own, each)


def _below(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())  # the disk gives them in any order


def _path(value: Any, path: str) -> Path:
    if isinstance(value, str | os.PathLike):
        return Path(os.fsdecode(value))
    raise Uncacheable(
        f"`{path}` is no path",
        f"it is a {type(value).__name__}",
        "Pass a path, or choose another key policy",
        path=path,
    )


KeyGen.IGNORE = Policy("IGNORE", None)
KeyGen.FILE_CONTENT = Policy("FILE_CONTENT", _of_files(_file_content))
KeyGen.PATH_STAT = Policy("PATH_STAT", _of_files(_path_stat))
KeyGen.SECRET = Policy("SECRET", lambda value, _: value, masked=True)


def policies_of(key: Any, ignore: Iterable[str]) -> tuple[dict[str, Policy], Callable[..., Any] | None]:
    """The policies by name, and the function of all arguments, that ``key=`` and ``ignore=`` ask for.

    Raises:
        OptionError: for a ``key=`` that is neither.
    """
    policies: dict[str, Policy] = {}
    function: Callable[..., Any] | None = None
    if isinstance(key, KeyGen):
        policies.update(key.policies)
    elif isinstance(key, Mapping):
        policies.update({name: _policy(name, given) for name, given in key.items()})
    elif callable(key):
        function = key
    elif key is not None:
        raise OptionError(
            f"key={key!r} does not say what makes the key",
            todo="Say KeyGen.map(name=KeyGen.IGNORE), KeyGen.ignore('name'), or a function of the arguments",
        )
    policies.update(dict.fromkeys(ignore, KeyGen.IGNORE))
    return policies, function
