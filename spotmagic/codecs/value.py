"""A value as bytes, and a fresh copy of it back."""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from spotmagic.codecs import bounds, references, registry
from spotmagic.codecs.difference import difference
from spotmagic.codecs.plain import NotPlain, pack_plain
from spotmagic.codecs.reader import Reader, open_foreign, open_plain
from spotmagic.codecs.scan import has_large, is_deeper, plain_levels
from spotmagic.codecs.undecodable import Undecodable, failure
from spotmagic.codecs.writer import Unfit, Writer
from spotmagic.errors import Uncacheable

PLAIN = ("plain",)
PICKLE = ("pickle",)
# First bytes of lists, dicts and extensions, which take far more memory than their one byte.
_STARTS = bytes([*range(0x80, 0xA0), *range(0xC7, 0xCA), *range(0xD4, 0xD9), *range(0xDC, 0xE0)])
_ALWAYS_SAFE = frozenset({"plain", "refs"})


class Encoded(NamedTuple):
    """A value as bytes.

    Attributes:
        codecs: sorted names of every codec used.
        head: a msgpack tree.
        buffers: what lies out of band, each more than 4 kB. They are the memory of the value itself: write them before
            it changes.
    """

    codecs: tuple[str, ...]
    head: bytes
    buffers: tuple[memoryview, ...] = ()


def encode(value: Any, *, pickle: Literal["signed", "never"] = "signed", path: str = "value") -> Encoded:
    """A value as bytes from which :func:`decode` makes an equal one, of the same types all through.

    Args:
        pickle: ``"signed"`` pickles what no codec stores, reads it back and compares; such bytes are for their own
            writer only. ``"never"`` refuses it.
        path: what errors call the value.

    Raises:
        Uncacheable: nothing stores the value exactly; ``path`` names what is in the way, such as ``value["cfg"].lock``.
    """
    try:
        levels = plain_levels(value)
        if levels is not None:
            head = pack_plain(value)
            if len(head) <= bounds.INLINE or not has_large([*chain.from_iterable(levels)]):
                return Encoded(PLAIN, head)
    except (NotPlain, ValueError, RuntimeError):
        pass  # the longer way below says what it is
    try:
        return _write(value)
    except Unfit as unfit:
        if unfit.final:
            raise _refusal(unfit.path(path), unfit.why) from None
        if pickle == "never":
            raise _refusal(unfit.path(path), f"{unfit.why}: it would take pickle, which is off") from None
    except RecursionError:
        if pickle == "never":
            raise _refusal(path, "a value this deep: it would take pickle, which is off") from None
    except MemoryError:
        raise _refusal(path, "a value this large: there is no memory to save it") from None
    except RuntimeError as error:  # a dict that changed its size while it was walked
        raise _refusal(path, f"a value that changes while it is saved ({error})") from error
    from spotmagic.codecs import _pickle

    head, buffers = _pickle.save(value, path)
    return Encoded(PICKLE, head, buffers)


def _write(value: Any) -> Encoded:
    writer = Writer(value)
    try:
        head = pack_plain(writer.lower(value, ""))
    except (NotPlain, ValueError, OverflowError) as error:
        raise Unfit(f"a value that cannot be packed ({error})") from None
    encoded = Encoded(tuple(sorted(writer.names)), head, tuple(writer.buffers))
    if writer.circular or not writer.exact:
        try:
            copy = decode(encoded.codecs, head, encoded.buffers, trusted=True)
        except Undecodable as error:
            raise Unfit(f"a {type(value).__qualname__} that does not come back ({error.why})") from None
        if not writer.exact and difference(value, copy, unseen="trust"):
            raise Unfit(f"a {type(value).__qualname__} that holds more than is kept of one")
    return encoded


def _refusal(path: str, why: str) -> Uncacheable:
    todo = "Return plain data, or teach spotmagic.register() the type"
    return Uncacheable(f"{path} cannot be kept", f"it is {why}", todo, path=path)


def decode(
    codecs: Sequence[str], head: Any, buffers: Sequence[Any] = (), *, trusted: bool, edited: bool = False
) -> Any:
    """A fresh value from bytes that :func:`encode` made.

    Args:
        buffers: what lies out of band. A writable one must be private to this call (a copy-on-write map): arrays are
            built right over it. What cannot be written is copied.
        trusted: whether I wrote the bytes. Those of others may use safe codecs and registered classes only.
        edited: whether objects are given although their class was edited since (``version=``, ``accept``).

    Raises:
        Undecodable: no value can be made. Nothing else is raised, but the ways of ending a program or a task.
    """
    if edited:
        return contextvars.copy_context().run(_decode_edited, codecs, head, buffers, trusted)
    try:
        if trusted:
            if tuple(codecs) == PLAIN and not buffers:
                return open_plain(head)
            return _read(codecs, head, buffers)
        return _read_foreign(codecs, head, buffers)
    except BaseException as error:
        raise failure(error) from error


def _decode_edited(codecs: Sequence[str], head: Any, buffers: Sequence[Any], trusted: bool) -> Any:
    references.any_code.set(True)
    return decode(codecs, head, buffers, trusted=trusted)


def _read(codecs: Sequence[str], head: Any, buffers: Sequence[Any]) -> Any:
    if tuple(codecs) == PICKLE:
        from spotmagic.codecs import _pickle

        return _pickle.load(head, buffers)
    _check_names(codecs)
    return Reader(codecs, buffers, trusted=True).value(head)


def _read_foreign(codecs: Sequence[str], head: Any, buffers: Sequence[Any]) -> Any:
    if "pickle" in codecs:
        raise Undecodable("foreign", "pickled values load for their own writer only")
    _check_names(codecs)
    if not is_safe(codecs):
        raise Undecodable("foreign", f"codecs {', '.join(codecs)} take my own bytes only")
    head = bytes(head)
    containers = len(head) - len(head.translate(None, _STARTS))
    if len(head) > bounds.HEAD_FOREIGN or containers > bounds.CONTAINERS_FOREIGN:
        raise Undecodable("foreign", f"a head of {len(head)} bytes with up to {containers} containers")
    value = (
        open_foreign(head)
        if tuple(codecs) == PLAIN and not buffers
        else Reader(codecs, buffers, trusted=False).value(head)
    )
    if is_deeper(value, bounds.DEPTH):
        raise Undecodable("foreign", f"more than {bounds.DEPTH} containers inside one another")
    return value


def _check_names(codecs: Sequence[str]) -> None:
    for name in codecs:
        if name not in _ALWAYS_SAFE and registry.by_name(name) is None:
            raise Undecodable("unknown codec", f"codec {name!r:.100}")


def copies(codecs: Sequence[str]) -> bool:
    """Whether :func:`decode` builds nothing right over the buffers it gets, so that they need not be writable."""
    return tuple(codecs) == PLAIN


def is_safe(codecs: Sequence[str]) -> bool:
    """Whether values of these codecs may be loaded from a foreign writer: all are known here, and none runs code."""
    for name in codecs:
        if name in _ALWAYS_SAFE:
            continue
        codec = registry.by_name(name)
        if codec is None or not codec.safe:
            return False
    return True
