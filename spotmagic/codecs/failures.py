"""Exceptions as values: class, arguments, attributes, notes and cause. Tracebacks and contexts stay behind."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import bounds, references
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

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


def find(kind: type) -> Codec | None:
    """The codec for a class of exceptions that is copied the common way."""
    if not issubclass(kind, BaseException) or _is_python(kind, "__reduce__") or _is_python(kind, "__reduce_ex__"):
        return None
    return CODECS["exception"]


def _is_python(kind: type, name: str) -> bool:
    return isinstance(getattr(kind, name), types.FunctionType)


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
    if not same or _chain(error) > bounds.ERROR_CHAIN:
        writer.refuse(f"an exception of {kind.__qualname__}, which cannot be made again")
    rest = [
        [writer.lower(item, f".args[{n}]") for n, item in enumerate(error.args)],
        {name: writer.lower(value, f".{name}") for name, value in state.items()},
        {name: writer.lower(value, f".{name}") for name, value in kept.items()},
        writer.lower(error.__cause__, ".__cause__"),
        error.__suppress_context__,
    ]
    return name, rest


def _chain(error: BaseException | None) -> int:
    length = 0
    while error is not None and length <= bounds.ERROR_CHAIN:
        error, length = error.__cause__, length + 1
    return length


def _put_together(
    kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any], kept: dict[str, Any]
) -> BaseException:
    """An exception without running the ``__init__`` of its class, which may ask for other arguments."""
    error = kind.__new__(kind, *args)
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


def _children(error: BaseException) -> list[Any]:
    return [*error.args, *vars(error).values(), error.__cause__]


CODECS = {"exception": Codec("exception", _lower, _make, children=_children)}
