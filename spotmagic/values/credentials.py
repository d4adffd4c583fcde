"""The credentials that values hold, and whether bytes that are to be kept hold one of them."""

from __future__ import annotations

import inspect
import re
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from spotmagic.code.wrapped import closed_over
from spotmagic.values.secrets import (
    environment,
    in_argument,
    is_credible,
    is_drawn,
    is_private,
    is_surely_secret,
    may_name_key,
    names_credential,
    spellings,
)
from spotmagic.values.state import attributes

_DEEP, _NODES = 6, 300  # as far as people nest settings; a look at each argument of each call must stay short
ROWS: tuple[type, ...] = (list, tuple, set, frozenset, deque)
_CODE = (type, types.ModuleType, types.FunctionType)
_ATOMS = frozenset({str, bytes, int, float, bool, type(None)})
_TELLING = "name", "key", "header"
_WHOLE = 1 << 20  # bytes of a piece up to which every spelling is looked for; in larger ones the text as it is
_STEP, _SHORTEST = 1 << 18, 4
_SPLIT = re.compile(r"[\s;,=]+")


class Credentials(dict[str, str]):
    """Credentials, each with what it is called: what nothing that is kept may hold.

    :attr:`all` has what may be one besides: a word like ``postgres`` is somebody's password, and stands in many an
    answer that tells nothing of it.
    """

    __slots__ = ("all",)

    def __init__(self, known: Mapping[str, str] = {}) -> None:
        super().__init__(known)
        self.all: set[str] = {*getattr(known, "all", known)}

    def look(self, name: str, value: Any, *, secret: bool | None = None) -> None:
        """Find those in a value: under the name of one, of a type that hides itself, or in an address.

        Args:
            secret: whether it is nothing but one; by its name if nobody says so.
        """
        private = names_secret(name) if secret is None else secret
        self._gather(value, name, (name or "secret") if private else "", set(), 0, sure=bool(secret))

    def learn(self, text: str, name: str, *, sure: bool = True) -> None:
        """Take in one, and its parts: the token of ``Bearer …``, the values of a cookie."""
        self.all.add(text)
        if is_credible(text, sure=sure):
            self.setdefault(text, name)
        for piece in _SPLIT.split(text):
            if piece != text and is_credible(piece, sure=False):
                self.all.add(piece)
                self.setdefault(piece, name)

    def _gather(self, value: Any, path: str, private: str, seen: set[int], depth: int, *, sure: bool = False) -> None:
        kind = type(value)
        if issubclass(kind, str | bytes):
            text = value.decode("utf-8", "replace") if issubclass(kind, bytes) else str.__str__(value)
            if private and not (sure or is_private(private)):
                if is_drawn(text):
                    self.learn(text, path, sure=False)
            elif private and not (sure or names_credential(private)):
                self.all.add(text)
            elif private or hides(kind):
                self.learn(text, path, sure=sure or hides(kind) or is_surely_secret(private))
            for one, certain in in_argument(text):
                self.learn(one, path, sure=certain)
            return
        if kind in _ATOMS or depth > _DEEP or len(seen) > _NODES or id(value) in seen:
            return
        seen.add(id(value))
        if issubclass(kind, dict):
            told = private or tells_secret(value)
            for key, item in [*islice(dict.items(value), _NODES)]:
                if not (told and type(item) is str and is_private(item)):
                    own = key if type(key) is str and names_secret(key) else ""
                    self._gather(item, own or path, own or told, seen, depth + 1, sure=sure)
        elif issubclass(kind, ROWS):
            items = [*islice(row_base(kind).__iter__(value), _NODES)]
            if len(items) == 2 and type(items[0]) is str and (private or is_private(items[0])):
                private = private or items[0]
                del items[0]  # the name of a header, or of a user
            for item in items:
                self._gather(item, path, private, seen, depth + 1, sure=sure)
        elif _gives_secret(kind):  # type: ignore[arg-type]  # classes can be hashed
            try:
                self._gather(value.get_secret_value(), path, private or path or "secret", seen, depth, sure=True)
            except Exception:  # somebody else's: it is not shown either way
                return
        else:
            held = (
                _of_code(value) if issubclass(kind, type | types.ModuleType | types.FunctionType) else attributes(value)
            )
            for name, item in islice(held.items(), _NODES):
                own = name if names_secret(name) else ""
                self._gather(item, own or path, own or private, seen, depth + 1, sure=sure)


def row_base(kind: type) -> Any:
    """The plain container below a class, whose own ``__iter__`` may run code."""
    return next(base for base in ROWS if issubclass(kind, base))


def of_environment() -> Credentials:
    """The credentials in the environment."""
    return Credentials(environment())


@lru_cache(maxsize=1024)
def _gives_secret(kind: Any) -> bool:
    return inspect.getattr_static(kind, "get_secret_value", None) is not None


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether what has this name is a credential, or may be one by what it looks like."""
    return is_private(name) or may_name_key(name)


def _of_code(value: Any) -> dict[str, Any]:
    """What a class or module has under the names of secrets: the rest of it is looked at where it is used.

    Of a function the same in its module, and what it holds and names: so that is looked at, not all there is beside it.
    """
    space = value.__globals__ if isinstance(value, types.FunctionType) else vars(value)
    held = {name: one for name, one in list(space.items()) if type(one) in (str, bytes) and is_private(name)}
    if isinstance(value, types.FunctionType):
        held |= {name: space[name] for name in _names(value.__code__) if name in space}
        held |= {**closed_over(value), **vars(value), "defaults": [value.__defaults__, value.__kwdefaults__]}
    return held


@lru_cache(maxsize=2048)
def _names(code: types.CodeType) -> tuple[str, ...]:
    """What code and the functions in it name."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return tuple(dict.fromkeys((*code.co_names, *(name for names in inner for name in names))))


def tells_secret(value: dict[Any, Any]) -> str:
    """The name of the secret that a dict of a name and a value is of: ``{"name": "Authorization", "value": …}``."""
    named = (dict.get(value, one) for one in _TELLING)
    return next((said for said in named if type(said) is str and is_private(said)), "")


def hides(kind: type) -> bool:
    """Whether a class of texts says by its name that it holds a secret."""
    return kind is not str and kind is not bytes and is_private(kind.__name__)


def found_in(pieces: Iterable[Any], credentials: Mapping[str, str]) -> str:
    """What the first of some credentials that stands in bytes is called, in whatever spelling; empty for none."""
    if not credentials:
        return ""
    for piece in pieces:
        for data, whole in _strides(piece):
            for secret, name in credentials.items():
                for needle in _needles(secret) if whole else _needles(secret)[:1]:
                    if needle in data:
                        return name
    return ""


def _strides(piece: Any) -> Iterator[tuple[bytes, bool]]:
    """The bytes of a piece, and whether every spelling is looked for in them; large ones bit by bit."""
    if type(piece) is bytes and len(piece) <= _WHOLE:
        yield piece, True
        return
    view = memoryview(piece).cast("B")
    for begin in range(0, view.nbytes, _STEP):
        # Strides overlap, so that a credential that one of them cuts stands whole in the other.
        yield bytes(view[begin : begin + _STEP + 4096]), view.nbytes <= _WHOLE


@lru_cache(maxsize=256)
def _needles(secret: str) -> tuple[bytes, ...]:
    """A credential as bytes: as it is first, then in every spelling."""
    wide = [secret.encode(code, "surrogatepass") for code in ("utf-16-le", "utf-16-be", "utf-32-le")]
    found = [secret.encode("utf-8", "surrogatepass"), *wide]
    found += [one.encode("utf-8", "surrogatepass") for one in spellings(secret)]
    return tuple(dict.fromkeys(one for one in found if len(one) >= _SHORTEST))
