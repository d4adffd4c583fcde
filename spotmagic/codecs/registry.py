"""Which codec stores which type: the closed list that stored bytes select from, and what users add to it."""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError
from spotmagic.values.dispatch import HOMES

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

ENTRY_POINTS = "spotmagic.codecs"


def _nothing(_value: Any) -> Iterable[Any]:
    return ()


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of object becomes plain values and back.

    Attributes:
        name: what stored values call it. A new layout is a new name; the old one stays for reading.
        encode: gives ``(what is needed to make the object, the rest)``; both of plain values, the rest through
            ``writer.lower`` where it holds values of the user.
        decode: makes the object; when ``fill`` is given it gets no rest, so that the rest may refer to the object.
        fill: puts the rest in.
        children: values of the user inside the object, which may come again elsewhere.
        safe: whether foreign bytes may be given to it.
        exact: whether it keeps all there is of a value, whatever releases of its package will add. What others wrote
            is read back and compared before it is kept.
    """

    name: str
    encode: Callable[[Any, Writer], tuple[Any, Any]]
    decode: Callable[[Any, Any, Reader], Any]
    fill: Callable[[Any, Any, Reader], None] | None = None
    children: Callable[[Any], Iterable[Any]] = _nothing
    safe: bool = True
    exact: bool = True


# Codecs that are named otherwise than the package whose types they keep.
_PACKAGES = {"arrow": "pyarrow", "pil": "PIL"}
_RECORDS = ("models", "failures")
_FILES = frozenset({"arrays", "frames", "polars_frames", "arrow", "images", "responses", "tensors"})

_lock = threading.RLock()
_found: weakref.WeakKeyDictionary[type, Codec | None] = weakref.WeakKeyDictionary()
_own: dict[str, Codec] = {}
_own_types: dict[type, Codec] = {}
_known_classes: dict[str, type] = {}
_plugins_loaded = False


def find(kind: type) -> Codec | None:
    """The codec for values of exactly this type, or ``None``."""
    try:
        return _found[kind]
    except KeyError:
        with _lock:
            try:
                codec = _found[kind] = _look(kind)
            except Exception:  # a class that cannot even be looked at
                codec = _found[kind] = None
        return codec


def _look(kind: type) -> Codec | None:
    load_plugins()
    for base in kind.__mro__:
        if base in _own_types:
            return _own_types[base]
    packages = dict.fromkeys(base.__module__.partition(".")[0] for base in kind.__mro__[:-1])
    for family in (*(_family(package) for package in packages), *map(_file, _RECORDS)):
        codec: Codec | None = family.find(kind) if family is not None else None
        if codec is not None:
            return codec
    return None


def by_name(name: str) -> Codec | None:
    """The codec of a name in stored bytes, or ``None``. Names select; nothing is imported because of what they say."""
    if name in _own:
        return _own[name]
    built_in = _built_in(name)
    if built_in is None:
        load_plugins()
    return built_in or _own.get(name)


def _built_in(name: str) -> Codec | None:
    package, dot, _ = name.partition(".")
    families = [_family(_PACKAGES.get(package, package))] if dot else map(_file, _RECORDS)
    return next((family.CODECS[name] for family in families if family and name in family.CODECS), None)


def _family(package: str) -> Any:
    """The file of the codecs of a package: it is called as the file of its fingerprints."""
    home = HOMES.get(package, "").rpartition(".")[2]
    return _file(home) if home in _FILES else None


def _file(name: str) -> Any:
    return importlib.import_module(f"spotmagic.codecs.{name}")


def known_class(name: str) -> type | None:
    """The class that was registered under a name, or that has it in the built-in list."""
    load_plugins()
    return _known_classes.get(name)


def add(
    kind: type,
    *,
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
    name: str | None = None,
) -> None:
    """Register a class: with two functions as a codec of its own, without as a class that foreign values may have."""
    if not isinstance(kind, type):
        raise OptionError(f"register() got {kind!r}", "it takes a class", "Pass type(value), not the value")
    if (encode is None) != (decode is None):
        raise OptionError("register() got one of encode and decode", "a value must come back", "Pass both, or neither")
    class_name = f"{kind.__module__}:{kind.__qualname__}"
    name = name or class_name.replace(":", ".")
    if name in ("plain", "pickle", "refs") or _built_in(name) is not None:
        raise OptionError(f"register() got the name {name!r}", "a built-in codec has it", "Choose another name")
    with _lock:
        _known_classes[class_name] = kind
        if encode is not None and decode is not None:
            old = _own.get(name)
            for other in [other for other, codec in _own_types.items() if codec is old]:
                del _own_types[other]
            _own[name] = _own_types[kind] = _codec(name, encode, decode)
        _found.clear()


def _codec(name: str, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> Codec:
    def lower(value: Any, writer: Writer) -> tuple[Any, Any]:
        tree = encode(value)
        back = decode(tree)
        if type(back) is not type(value):
            writer.refuse(
                f"the registered codec {name!r} gives a {type(back).__name__} back for a {type(value).__name__}"
            )
        return None, writer.lower(tree, "")

    def make(_spec: Any, rest: Any, _reader: Reader) -> Any:
        return decode(rest)

    return Codec(name, lower, make)


def load_plugins() -> None:
    """Call what installed packages name in the entry-point group ``spotmagic.codecs``, once per process.

    An entry point is a function without arguments that calls ``spotmagic.register``; installing the package was the
    user's own act.
    """
    global _plugins_loaded
    if _plugins_loaded:
        return
    with _lock:
        if _plugins_loaded:
            return
        _plugins_loaded = True
        from importlib.metadata import entry_points

        from spotmagic.errors import tell

        for point in entry_points(group=ENTRY_POINTS):
            try:
                point.load()()
            except Exception as error:
                tell(f"the codecs of {point.value} are not used", f"{type(error).__name__}: {error}")
