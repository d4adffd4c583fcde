"""Exceptions as values: class, arguments, attributes, notes and cause. Tracebacks and contexts stay behind.

One that was raised and cannot be copied is kept by a stand-in: an object of a subclass, with its text and its notes, so
that what catches the one catches the other.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import bounds, references
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec
from spotmagic.errors import Uncacheable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

# What built-in exceptions keep outside their arguments and their __dict__.
_KEPT: dict[type, tuple[str, ...]] = {
    ImportError: ("name", "path"),
    OSError: ("filename", "filename2"),
    SyntaxError: ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset", "print_file_and_line"),
    NameError: ("name",),
    AttributeError: ("name",),
}


def error_codec(kind: type) -> Codec | None:
    """The codec for a class of exceptions that is copied the common way."""
    if issubclass(kind, BaseException) and _STANDS in vars(kind):
        return CODECS["stand-in"]
    if not issubclass(kind, BaseException):
        return None
    own = isinstance(kind.__reduce__, types.FunctionType) or isinstance(kind.__reduce_ex__, types.FunctionType)
    return None if own else CODECS["exception"]


def _kept(kind: type) -> tuple[str, ...]:
    return next((names for base, names in _KEPT.items() if issubclass(kind, base)), ())


def _lower(error: BaseException, writer: Writer) -> tuple[Any, Any]:
    kind = type(error)
    name = writer.reference(kind)
    if name is None:
        writer.refuse(f"an exception of {kind.__qualname__}, a class that cannot be found by its name")
    kept = {name: getattr(error, name) for name in _kept(kind) if getattr(error, name, None) is not None}
    state = dict(vars(error))
    try:
        copy = _put_together(kind, error.args, state, kept)
        same = copy.args == error.args and str(copy) == str(error) and vars(copy) == state
    except Exception:
        same = False
    last: BaseException | None = error
    for _ in range(bounds.ERROR_CHAIN):
        last = None if last is None else last.__cause__
    if not same or last is not None:
        writer.refuse(f"an exception of {kind.__qualname__}, which cannot be made again")
    rest = [
        [writer.lower(item, f".args[{n}]") for n, item in enumerate(error.args)],
        writer.attributes(state),
        writer.attributes(kept),
        writer.lower(error.__cause__, ".__cause__"),
        error.__suppress_context__,
    ]
    return name, rest


def _put_together(
    kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any], kept: dict[str, Any]
) -> BaseException:
    """An exception without running the ``__init__`` of its class, which may ask for other arguments."""
    error = kind.__new__(kind, *args)
    # That of the nearest class of C: it sets what built-in exceptions keep outside of their ``__dict__``.
    base = next(
        base
        for base in kind.__mro__
        if not isinstance(base.__dict__.get("__init__", types.FunctionType), types.FunctionType)
    )
    base.__init__(error, *args)  # type: ignore[misc]
    error.args = args
    for name, value in kept.items():
        setattr(error, name, value)
    vars(error).update(state)
    return error


def _make(spec: Any, rest: Any, reader: Reader) -> BaseException:
    kind = references.class_of(spec, trusted=reader.trusted)
    if not issubclass(kind, BaseException):
        raise Undecodable("corrupt", f"{spec} is no exception")
    args, state, kept, cause, suppress = rest
    if type(args) is not list or not set(kept) <= set(_kept(kind)):
        raise Undecodable("corrupt", "no exception")
    error = _put_together(kind, tuple(args), state, kept)
    if cause is not None:
        error.__cause__ = cause
    error.__suppress_context__ = bool(suppress)
    return error


_STANDS = "__spotmagic_stands_for__"


def stand_in(error: BaseException) -> BaseException:
    """What is kept of an exception that cannot be copied. Raises ``Uncacheable`` where no object of its class is."""
    return _standing(type(error), _text(str, error), _text(repr, error), list(getattr(error, "__notes__", ())))


def _text(of: Any, error: BaseException) -> str:
    try:
        return str(of(error))
    except Exception:  # of the class of the user
        return type(error).__name__


def _standing(kind: Any, text: str, shown: str, notes: list[str]) -> BaseException:
    try:
        made: Any = _stand_in_class(kind)
        base: Any = next(one for one in kind.__mro__ if one.__module__ == "builtins")
        within: Any = (text, [Exception(text)]) if BaseExceptionGroup in kind.__mro__ else ()
        error: BaseException = base.__new__(made, *within)
        error.args = (text,)
        vars(error).update({_STANDS: (text, shown), **({"__notes__": notes} if notes else {})})
    except Exception as trouble:
        what = f"an exception of {kind.__qualname__} cannot be kept"
        raise Uncacheable(what, f"{type(trouble).__name__}: {trouble}") from trouble
    return error


@functools.lru_cache(maxsize=256)
def _stand_in_class(kind: type[BaseException]) -> type[BaseException]:
    """A subclass whose objects have a text and nothing else."""

    def init(self: Any, *_: Any, **__: Any) -> None:
        """Nothing is to be made."""

    space = {
        "__init__": init,
        "__str__": lambda self: vars(self)[_STANDS][0],
        "__repr__": lambda self: vars(self)[_STANDS][1],
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        _STANDS: kind,
    }
    made: Any = type(kind)
    return made(kind.__name__, (kind,), space)  # type: ignore[no-any-return]


def _lower_stand_in(error: BaseException, writer: Writer) -> tuple[Any, Any]:
    kind = getattr(type(error), _STANDS)
    name = writer.reference(kind)
    if name is None:
        writer.refuse(f"an exception of {kind.__qualname__}, a class that cannot be found by its name", final=True)
    return name, [*vars(error)[_STANDS], list(getattr(error, "__notes__", ()))]


def _make_stand_in(spec: Any, rest: Any, reader: Reader) -> BaseException:
    kind = references.class_of(spec, trusted=reader.trusted)
    if not issubclass(kind, BaseException) or not all(isinstance(text, str) for text in [*rest[:2], *rest[2]]):
        raise Undecodable("corrupt", f"{spec} is no exception")
    return _standing(kind, *rest)


def _children(error: BaseException) -> list[Any]:
    return [*error.args, *vars(error).values(), error.__cause__]


CODECS = {
    "exception": Codec("exception", _lower, _make, children=_children),
    "stand-in": Codec("stand-in", _lower_stand_in, _make_stand_in),
}
