"""A value as bytes, and a fresh copy of it back."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from spotmagic.codecs import bounds, references, registry
from spotmagic.codecs.bounds import Undecodable, undecodable
from spotmagic.codecs.plain import NotPlain, pack_plain
from spotmagic.codecs.reader import OutlineReader, Reader, open_foreign, open_plain
from spotmagic.codecs.writer import NoCodec, Writer, has_large, is_deeper, plain_levels
from spotmagic.errors import Uncacheable, is_end
from spotmagic.values.patience import patience

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
    except NoCodec as unfit:
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
        raise NoCodec(f"a value that cannot be packed ({error})") from None
    encoded = Encoded(tuple(sorted(writer.names)), head, tuple(writer.buffers))
    if writer.circular or not writer.exact:
        # Releases of a package to come may hold more than its codec knows of: what comes back decides.
        try:
            copy = decode(encoded.codecs, head, encoded.buffers, trusted=True, lasting=False)
        except Undecodable as error:
            raise NoCodec(f"a {type(value).__qualname__} that does not come back ({error.why})") from None
        lost = "" if writer.exact else difference(value, copy, unseen="trust")
        if lost:
            raise NoCodec(f"a {type(value).__qualname__} that holds more than is kept of one: {lost}")
    return encoded


def _refusal(path: str, why: str) -> Uncacheable:
    todo = "Return plain data, or teach spotmagic.register() the type"
    return Uncacheable(f"{path} cannot be kept", f"it is {why}", todo, path=path)


def decode(
    codecs: Sequence[str],
    head: Any,
    buffers: Sequence[Any] = (),
    *,
    trusted: bool,
    edited: bool = False,
    lasting: bool = True,
) -> Any:
    """A fresh value from bytes that :func:`encode` made.

    Args:
        buffers: what lies out of band. A writable one must be private to this call (a copy-on-write map): arrays are
            built right over it. What cannot be written is copied.
        trusted: whether I wrote the bytes. Those of others may use safe codecs and registered classes only.
        edited: whether objects are given although their class was edited since (``version=``, ``accept``).
        lasting: whether somebody will work with the value. One that is only looked at shares the memory of its bytes.

    Raises:
        Undecodable: no value can be made. Nothing else is raised, but the ways of ending a program or a task.
    """
    if edited:
        return contextvars.copy_context().run(_decode_edited, codecs, head, buffers, trusted)
    try:
        if trusted:
            if tuple(codecs) == PLAIN and not buffers:
                return open_plain(head)
            return _read(codecs, head, buffers, lasting=lasting)
        return _read_foreign(codecs, head, buffers)
    except BaseException as error:
        raise undecodable(error) from error


def outline(codecs: Sequence[str], head: Any, buffers: Sequence[Any] = ()) -> Any:
    """A value to look at: objects of classes are records of what they hold. Raises what :func:`decode` raises."""
    try:
        return _read_foreign(codecs, head, buffers, OutlineReader)
    except BaseException as error:
        raise undecodable(error) from error


def _decode_edited(codecs: Sequence[str], head: Any, buffers: Sequence[Any], trusted: bool) -> Any:
    references.any_code.set(True)
    return decode(codecs, head, buffers, trusted=trusted)


def _read(codecs: Sequence[str], head: Any, buffers: Sequence[Any], *, lasting: bool) -> Any:
    if tuple(codecs) == PICKLE:
        from spotmagic.codecs import _pickle

        return _pickle.unpickle(head, buffers)
    _check_names(codecs)
    return Reader(codecs, buffers, trusted=True, lasting=lasting).value(head)


def _read_foreign(codecs: Sequence[str], head: Any, buffers: Sequence[Any], reader: type[Reader] = Reader) -> Any:
    if "pickle" in codecs:
        raise Undecodable("foreign", "pickled values load for their own writer only")
    _check_names(codecs)
    if not is_safe(codecs):
        raise Undecodable("foreign", f"codecs {', '.join(codecs)} take my own bytes only")
    # Counted before anything is unpacked: a byte of the head may claim a hundred of memory.
    head = bytes(head)
    containers = len(head) - len(head.translate(None, _STARTS))
    if len(head) > bounds.HEAD_FOREIGN or containers > bounds.CONTAINERS_FOREIGN:
        raise Undecodable("foreign", f"a head of {len(head)} bytes with up to {containers} containers")
    is_plain = tuple(codecs) == PLAIN and not buffers
    value = open_foreign(head) if is_plain else reader(codecs, buffers, trusted=False).value(head)
    # Whoever walks it, as a fingerprint or a comparison does, goes one call deeper for each container.
    if is_deeper(value, bounds.DEPTH):
        raise Undecodable("foreign", f"more than {bounds.DEPTH} containers inside one another")
    return value


def _check_names(codecs: Sequence[str]) -> None:
    for name in codecs:
        # The items of a stream may be pickled, each for itself; what others wrote was refused before.
        if name not in _ALWAYS_SAFE and name != "pickle" and registry.by_name(name) is None:
            raise Undecodable("unknown codec", f"codec {name!r:.100}")


def copies(codecs: Sequence[str]) -> bool:
    """Whether :func:`decode` builds nothing right over the buffers it gets, so that they need not be writable."""
    return tuple(codecs) == PLAIN


def is_safe(codecs: Sequence[str]) -> bool:
    """Whether values of these codecs may be loaded from a foreign writer: all are known here, and none runs code."""
    return all(name in _ALWAYS_SAFE or registry.is_known(name) for name in codecs)


_LOOK = 5.0  # seconds that each look may take
_NAMING = 0.5  # seconds for finding words for what is lost


def difference(value: Any, copy: Any, *, unseen: Literal["doubt", "trust"]) -> str:
    """Why a copy is not the value, or an empty text: it has another type, or another fingerprint.

    Args:
        unseen: what to think of a value that has no fingerprint and is not told equal by its class.
    """
    from spotmagic.keys import fingerprint

    kind: Any = type(value)
    if type(copy) is not kind and not references.is_row(kind):
        return f"its pickle gives a {type(copy).__qualname__} back for a {kind.__qualname__}"
    figures = sys.modules.get("spotmagic.codecs.figures")  # loaded for what was pickled: it may need no two pictures
    if figures is not None and _tried(lambda: figures.is_same(value, copy))[0]:
        return ""
    before, why = _tried(lambda: fingerprint(value, as_copied=True))
    if not why:
        after, trouble = _tried(lambda: fingerprint(copy, as_copied=True))
        if trouble:
            return f"a copy of a {kind.__qualname__} that cannot be looked at ({trouble})"
        return "" if after == before else f"a {kind.__qualname__} {_loss(value, copy)}"
    if unseen == "trust" or (kind.__eq__ is not object.__eq__ and _tried(lambda: value == copy)[0] is True):
        return ""
    return f"its pickle cannot be checked against it, as {why}"


def _tried(look: Callable[[], Any]) -> tuple[Any, str]:
    """What a look at values of anybody's classes gives, or None and why: an error of theirs, or too long a time."""
    try:
        with patience(_LOOK):
            return look(), ""
    except Uncacheable as error:
        return None, f"{error.what} ({error.why})"
    except BaseException as error:
        if is_end(error):
            raise
        return None, f"{type(error).__name__}: {error}"


def _loss(value: Any, copy: Any) -> str:
    """What a copy lost, by the attributes of the value itself: in a drawing each part leads to all the others."""
    before, after = getattr(value, "__dict__", {}), getattr(copy, "__dict__", {})
    lost = sorted(before.keys() - after.keys())
    if lost:
        return f"comes back without {', '.join(lost)}"
    with patience(_NAMING):
        other = [name for name in sorted(before) if _is_other(before[name], after[name])]
    return f"comes back with another {', '.join(other)}" if other else "does not come back equal"


def _is_other(value: Any, copy: Any) -> bool:
    """Whether a part of a copy is surely another."""
    from spotmagic.keys import fingerprint

    if type(copy) is not type(value):
        return True
    return _tried(lambda: fingerprint(copy, as_copied=True) != fingerprint(value, as_copied=True))[0] is True
