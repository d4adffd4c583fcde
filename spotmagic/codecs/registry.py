"""Which codec stores which type: the closed list that bytes select from, what users add, and what is never kept."""

from __future__ import annotations

import functools
import importlib
import sys
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotmagic import files
from spotmagic.errors import OptionError
from spotmagic.values.dispatch import families_of

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

ENTRY_POINTS = "spotmagic.codecs"


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
        exact: whether it keeps all there is of a value, whatever releases of its package will add. What others wrote
            is read back and compared before it is kept.
        below: whether it takes the subclasses that the package itself has, and says which of them it keeps.
    """

    name: str
    encode: Callable[[Any, Writer], tuple[Any, Any]]
    decode: Callable[[Any, Any, Reader], Any]
    fill: Callable[[Any, Any, Reader], None] | None = None
    children: Callable[[Any], Iterable[Any]] = lambda _: ()
    exact: bool = True
    below: bool = False


def by_names(*codecs: Codec) -> dict[str, Codec]:
    """A file's codecs by their names."""
    return {codec.name: codec for codec in codecs}


FORMS = frozenset({"enum", "namedtuple", "dataclass", "attrs", "pydantic", "namespace"})  # of records
# The closed list of what stored bytes may name, by file. Nothing is loaded to know that a name is in it.
_NAMES = {
    "failures": "exception stand-in", "streams": "stream", "models": " ".join(FORMS),
    "arrays": "numpy.array numpy.masked numpy.scalar numpy.dtype",
    "frames": "pandas.frame pandas.series pandas.index pandas.array pandas.scalar",
    "arrow": "arrow.table arrow.batch arrow.chunked arrow.array arrow.schema",
    "polars_frames": "polars.frame polars.series", "tensors": "torch.tensor", "images": "pil.image",
    "responses": "httpx.response httpx.request httpx.headers httpx.url httpx2.response httpx2.request httpx2.headers "
                 "httpx2.url requests.response requests.request requests.headers requests.cookies",
}  # fmt: skip
_BUILT_IN = {name: file for file, names in _NAMES.items() for name in names.split()}

# Of the tables below. A codec is looked up without it first, as every look at a value of the user does that.
_lock = files.ForkLock()
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
    for base, family in families_of(kind):
        if family.codec is not None and (base is kind or (family.codec.below and _package(kind) == _package(base))):
            return family.codec  # type: ignore[no-any-return]
    from spotmagic.codecs.failures import error_codec
    from spotmagic.codecs.models import record_codec
    from spotmagic.codecs.streams import CODECS, Recording

    return CODECS["stream"] if kind is Recording else record_codec(kind) or error_codec(kind)


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def by_name(name: str) -> Codec | None:
    """The codec of a name in stored bytes, or ``None``. Names select; nothing is imported because of what they say."""
    if name in _own:
        return _own[name]
    if name in _BUILT_IN:
        file: Any = importlib.import_module(f"spotmagic.codecs.{_BUILT_IN[name]}")
        return file.CODECS[name]  # type: ignore[no-any-return]
    load_plugins()
    return _own.get(name)


def is_known(name: str) -> bool:
    """Whether there is a codec of this name. Loads no package."""
    return name in _BUILT_IN or by_name(name) is not None


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
    if name in ("plain", "pickle", "refs") or name in _BUILT_IN:
        raise OptionError(f"register() got the name {name!r}", "a built-in codec has it", "Choose another name")
    with _lock:
        _known_classes[class_name] = kind
        if encode is not None and decode is not None:
            old = _own.get(name)
            for other in [other for other, codec in _own_types.items() if codec is old]:
                del _own_types[other]
            _own[name] = _own_types[kind] = _codec(name, encode, decode)
        _found.clear()  # subclasses may have been looked up before


def _codec(name: str, encode: Callable[[Any], Any], decode: Callable[[Any], Any]) -> Codec:
    def lower(value: Any, writer: Writer) -> tuple[Any, Any]:
        tree = encode(value)
        back = decode(tree)
        if type(back) is not type(value):
            writer.refuse(
                f"the registered codec {name!r} gives a {type(back).__name__} back for a {type(value).__name__}"
            )
        return None, writer.lower(tree, "")

    return Codec(name, lower, lambda _spec, rest, _reader: decode(rest))


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
        _plugins_loaded = True  # before they are called: a plug-in may ask for a codec itself
        from importlib.metadata import entry_points

        from spotmagic.errors import tell

        for point in entry_points(group=ENTRY_POINTS):
            try:
                point.load()()
            except Exception as error:
                tell(f"the codecs of {point.value} are not used", f"{type(error).__name__}: {error}")


# -- what is never kept: things that live in this process and mean nothing in another -------------------------------

_NEVER = {
    "a lock": (
        "_thread.LockType _thread.RLock threading.Condition threading.Event threading.Semaphore threading.Barrier"
    ),
    "a generator, which can be read only once": "types.GeneratorType",
    "a coroutine": "types.CoroutineType types.AsyncGeneratorType",
    "a frame of running code": "types.FrameType types.TracebackType",
    "an open file": (
        "io.FileIO io.BufferedReader io.BufferedWriter io.BufferedRandom io.BufferedRWPair io.TextIOWrapper"
    ),
    "a thread or its data": "threading.Thread threading.local",
    "a view of memory that something else owns": "builtins.memoryview mmap.mmap",
    "a socket": "socket.socket",
    "a TLS context": "ssl.SSLContext",
    "a running process": "subprocess.Popen",
    "a database connection": "sqlite3.Connection",
    "a database cursor": "sqlite3.Cursor",
    "a task or future": "asyncio.Future",
    "an event loop": "asyncio.AbstractEventLoop",
    "a lock or queue of asyncio": "asyncio.mixins._LoopBoundMixin",
    "a map of a file; numpy.array() of it can be kept": "numpy.memmap",
    "a widget, which lives in the kernel that shows it": "ipywidgets.widgets.widget.Widget",
    "a queue": "queue.Queue queue.SimpleQueue",
    "an executor": "concurrent.futures.Executor",
    "a future": "concurrent.futures.Future",
    "a process": "multiprocessing.process.BaseProcess",
    "a lock of multiprocessing": "multiprocessing.synchronize.SemLock",
    "a stream, which can be read only once; yield its items, or return them as a list": (
        "openai.Stream openai.AsyncStream anthropic.Stream anthropic.AsyncStream"
    ),
}


@functools.lru_cache(maxsize=1024)
def refusal(kind: type) -> str:
    """What values of a type are, when they are never kept; else an empty text."""
    for text, names in _NEVER.items():
        for module, _, name in (one.rpartition(".") for one in names.split()):
            there = getattr(sys.modules.get(module), name, None)  # without the module there is no such value
            if isinstance(there, type) and issubclass(kind, there):
                return text
    iterates = kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__")
    return "an iterator, which can be read only once" if iterates else ""
