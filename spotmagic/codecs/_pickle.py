"""The one place that pickles. What is pickled is for its own writer, after the seal was checked.

The pickle is taken with protocol 5, large buffers out of band. It is read back and compared before it is accepted,
because classes may drop or change what they hold when they are pickled.
"""

from __future__ import annotations

import collections
import copyreg
import functools
import gc
import importlib
import io
import operator
import pickle
import re
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgpack import packb, unpackb

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import closed_over
from spotmagic.codecs import bounds, functions, references
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import refusal
from spotmagic.codecs.value import decode, difference, encode
from spotmagic.codecs.writer import NoCodec
from spotmagic.errors import Uncacheable, is_end
from spotmagic.values.callables import refuse_homeless
from spotmagic.values.dispatch import family_of
from spotmagic.values.objects import shared_generator
from spotmagic.values.patience import uncollected
from spotmagic.values.state import attributes, is_unmarked, reduction, unmark

_PROTOCOL = 5
_TODO = "Return plain data, or teach spotmagic.register() the type"


def save(value: Any, path: str) -> tuple[bytes, tuple[memoryview, ...]]:
    """The head and buffers of a pickled value; :class:`Uncacheable` with the path when it does not come back."""
    # The copy to compare is gone before garbage is collected again, so that it is the youngest: a figure's, which holds
    # itself, would else be old by then, and old garbage costs a look at all objects of the notebook.
    with uncollected():
        return _saved(value, path)


def _saved(value: Any, path: str) -> tuple[bytes, tuple[memoryview, ...]]:
    try:
        data, buffers, own = _dump(value)
    except MemoryError as error:
        raise Uncacheable(f"{path} cannot be kept", "there is no memory to save it", path=path) from error
    except BaseException as error:
        if is_end(error):
            raise
        where, why = _locate(value, path, error)
        raise Uncacheable(f"{where} cannot be kept", why, _TODO, path=where) from error
    if len(data) > bounds.INLINE:
        buffers.append(memoryview(data))
        head: bytes = packb(None)
    else:
        head = packb(data)
    try:
        copy = unpickle(head, buffers)
    except BaseException as error:
        if is_end(error):
            raise
        raise Uncacheable(f"{path} cannot be kept", f"its pickle does not load: {error}", _TODO, path=path) from error
    doubt = difference(value, copy, unseen="doubt") or next(filter(None, map(_forgotten, own)), "")
    if doubt:
        raise Uncacheable(f"{path} cannot be kept", doubt, _TODO, path=path)
    return head, tuple(buffers)


def unpickle(head: Any, buffers: Sequence[Any]) -> Any:
    """The value of a pickle that I sealed. A buffer that cannot be written is copied."""
    data = unpackb(head)
    buffers = [memoryview(buffer) for buffer in buffers]
    if data is None:
        if not buffers:
            raise Undecodable("corrupt", "a pickle without its bytes")
        data = buffers.pop()
    # Whoever gets the value may write into it: into memory of its own, never into the file that is mapped.
    own = [bytearray(buffer) if buffer.readonly else buffer for buffer in buffers]
    try:
        with uncollected():
            return pickle.loads(data, buffers=own)
    except (AttributeError, ImportError) as error:
        raise Undecodable("unknown codec", f"the pickle needs what is not here: {error}") from error


_SEARCHES = ("match", "fullmatch", "search")


def _match(found: re.Match[Any]) -> tuple[Any, ...]:
    """What gives a match again: the search that found it."""
    where = (found.string, found.pos, found.endpos)
    for how in _SEARCHES:
        again = getattr(found.re, how)(*where)
        if again is not None and (again.regs, again.lastindex) == (found.regs, found.lastindex):
            return searched, (found.re, how, *where)
    raise NoCodec("a match that no search finds at once, as those of finditer() are")


def searched(pattern: re.Pattern[Any], how: str, *where: Any) -> Any:
    """A match, found again."""
    return {"match": pattern.match, "fullmatch": pattern.fullmatch, "search": pattern.search}[how](*where)


_GENERATING = ("random", "numpy.random")  # of their objects one may be the generator that all share
_LRU = type(functools.lru_cache(len))
_VIEWS = {
    type(getattr(kind(), name)()): getattr(kind, name)
    for kind in (dict, collections.OrderedDict)
    for name in ("keys", "values", "items")
}
_REDUCE: dict[type, Callable[[Any], Any]] = {
    types.ModuleType: lambda module: (importlib.import_module, (module.__name__,)),
    types.CellType: lambda _: (types.CellType, ()),  # functions fill it
    re.Match: _match,
    types.MappingProxyType: lambda proxy: (types.MappingProxyType, (dict(proxy),)),
    **{kind: lambda view: (_VIEWS[type(view)], (gc.get_referents(view)[0],)) for kind in _VIEWS},
}


class _Pickler(pickle.Pickler):
    """Refuses what is never kept, and notes the objects of the user's classes that say themselves what is pickled."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.own: list[Any] = []
        self.spaces: dict[Any, Any] = {}
        self.global_names = functools.cache(references.global_names)
        # Classes of which nothing more is to be asked, with how their library pickles them: a figure has 10,000 objects
        # of 50 classes.
        self._plain: dict[Any, Callable[[Any], Any] | None] = {}
        self.unmarked: set[Any] = set()

    def reducer_override(self, obj: Any) -> Any:
        kind: Any = type(obj)
        if kind in self._plain:
            reduce = self._plain[kind]
            return NotImplemented if reduce is None else reduce(obj)
        refused = refusal(kind)
        if refused:
            raise NoCodec(refused)
        if isinstance(obj, (type, types.FunctionType)) or kind is _LRU:
            return self._named(obj)
        reduce = _REDUCE.get(kind)
        if reduce is not None:
            return reduce(obj)
        if isinstance(obj, BaseException) and _takes_traceback(obj):
            return obj.__reduce_ex__(_PROTOCOL)
        shared = shared_generator(obj)  # libraries hold it to draw from: a copy would draw for itself
        if shared is not None:
            return held_in, shared
        refuse_homeless(kind)
        of_family = _reducing(kind)
        made = NotImplemented if of_family is None else of_family(obj)
        if made is NotImplemented and _says_no(kind):
            return copyreg.__newobj__, (kind,), dict(vars(obj))  # type: ignore[attr-defined]
        if made is NotImplemented and is_unmarked(kind):
            self.unmarked.add(kind)
        if made is NotImplemented and _has_own_state(kind):
            self.own.append(obj)
        elif made is NotImplemented and not issubclass(kind, dict) and not kind.__module__.startswith(_GENERATING):
            self._plain[kind] = of_family
        # The sixth part of what pickle takes is a function that puts the state in, in place of ``__setstate__``.
        if made is NotImplemented and isinstance(obj, dict) and _leaves_out(kind) and attributes(obj):
            return *(*obj.__reduce_ex__(_PROTOCOL), None, None)[:5], put_back
        return made

    def _named(self, obj: Any) -> Any:
        """A class or function: by reference where one leads back to it, in five ways, the shortest that holds.

        ``json.dumps`` of a package is left to pickle; a function of the notebook is ``referred("__main__:f#9f0c")``,
        ``Answer[int]`` is made again of its two parts; a lambda goes as its code, and a class that a function made as a
        token, which is good in this process alone.
        """
        generic = references.generic(obj)
        if generic:
            return operator.getitem, generic
        name = references.reference(obj, self.global_names)
        if name is None:
            if isinstance(obj, types.FunctionType):
                return functions.reduce(obj, self.spaces)
            if references.is_row(obj):
                return references.row_class, (obj.__name__, obj._fields, obj.__module__)
            if isinstance(obj, type) and references.lasting():
                how = "was made inside a function" if "<locals>" in obj.__qualname__ else "was defined anew since"
                raise NoCodec(f"of the class {obj.__qualname__}, which {how}: no name leads to it in another kernel")
            return (references.made_here, references.here(obj)) if isinstance(obj, type) else NotImplemented
        if name == f"{obj.__module__}:{obj.__qualname__}":
            return NotImplemented  # installed: pickle has a shorter form
        return references.referred, (name,)


def _takes_traceback(error: BaseException) -> bool:
    """Whether a package has exceptions of a class pickled with their traceback, as dask does: it stays behind."""
    registered: Any = copyreg.dispatch_table.get(type(error))
    made = registered(error) if registered else ""
    return isinstance(made, tuple) and any(isinstance(one, types.TracebackType) for one in made[1])


@functools.lru_cache(maxsize=1024)
def _reducing(kind: Any) -> Callable[[Any], Any] | None:
    """How values of a class are pickled by the file of its library."""
    found = family_of(kind)
    return None if found is None else found[1].reduce


def _says_no(kind: Any) -> bool:
    """Whether a class refuses to be pickled, though its objects are their attributes: those of patsy's formulas."""
    return kind.__module__.startswith("patsy.") and "__getstate__" in vars(kind)


def held_in(home: str, name: str) -> Any:
    """What a module of the installation holds under a name."""
    return getattr(importlib.import_module(home), name)


def put_back(value: Any, state: dict[str, Any]) -> None:
    """Give a read mapping the attributes it had. scikit-learn's Bunch ignores those of its pickle."""
    value.__dict__.update(state)


@functools.lru_cache(maxsize=1024)
def _leaves_out(kind: Any) -> bool:
    """Whether a mapping of a package takes what is pickled as any other object, and may do as it likes with it."""
    return hasattr(kind, "__setstate__") and kind.__reduce_ex__ is object.__reduce_ex__ and not _has_own_state(kind)


@functools.lru_cache(maxsize=1024)
def _has_own_state(kind: type) -> bool:
    """Whether a class of the user says itself what is pickled of its objects."""
    names = ("__getstate__", "__reduce__", "__reduce_ex__")
    says = (base for name in names for base in kind.__mro__[:-1] if name in vars(base))
    return any(is_user_module(base.__module__) for base in says)


def reduced(value: Any) -> Any:
    """How an object is pickled here: what makes it, and its state, as the protocol of pickle has them."""
    made = NotImplemented
    if not isinstance(value, types.FunctionType) and type(value) is not _LRU:
        made = _Pickler(io.BytesIO(), protocol=_PROTOCOL).reducer_override(value)
    return reduction(value) if made is NotImplemented else made


def _dump(value: Any) -> tuple[bytes, list[memoryview], list[Any]]:
    buffers: list[memoryview] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes <= bounds.INLINE:
            return True
        buffers.append(raw)
        return False

    file = io.BytesIO()
    pickler = _Pickler(file, protocol=_PROTOCOL, buffer_callback=stays)
    try:
        pickler.dump(value)
    finally:
        for kind in pickler.unmarked:
            unmark(kind)
    return file.getvalue(), buffers, pickler.own


def through_codec(value: Any) -> tuple[Any, ...]:
    """What pickle needs of a part of a value, as its codec stores it."""
    encoded = encode(value, pickle="never")
    return from_codec, (encoded.codecs, encoded.head, [pickle.PickleBuffer(buffer) for buffer in encoded.buffers])


def from_codec(codecs: tuple[str, ...], head: bytes, buffers: list[Any]) -> Any:
    """A part of a pickled value that a codec stored."""
    return decode(codecs, head, buffers, trusted=True)


def _forgotten(value: Any) -> str:
    """What an object loses when it is pickled, in a text. Its fingerprint is of what it says of itself: too little."""
    data, buffers, _ = _dump(value)
    before, after = attributes(value), attributes(pickle.loads(data, buffers=buffers))
    kind = type(value)
    recomputed = {
        name for base in kind.__mro__ for name, one in vars(base).items() if isinstance(one, functools.cached_property)
    }
    lost = sorted(before.keys() - after.keys() - recomputed)
    return f"a {kind.__qualname__} comes back from its pickle without {', '.join(lost)}" if lost else ""


def _locate(value: Any, path: str, error: BaseException) -> tuple[str, str]:
    """Where the part is that cannot be pickled, and what is wrong with it."""
    # Each round goes one step deeper, to a part that fails by itself; when no part does, the whole is what fails.
    seen = {id(value)}
    left = bounds.STEPS
    while True:
        refused = refusal(type(value))  # type: ignore[arg-type]  # classes can be hashed
        if refused:
            return path, f"it is {refused}"
        if isinstance(error, Uncacheable):
            return path + (error.path or "").removeprefix("value"), error.why
        for step, child in _inside(value):
            left -= 1
            if left < 0 or id(child) in seen:
                continue
            seen.add(id(child))
            try:
                _dump(child)
            except BaseException as deeper:
                if is_end(deeper):
                    raise
                value, path, error = child, path + step, deeper
                break
        else:
            why = f"{type(value).__qualname__} cannot be pickled ({error})"
            return path, f"it is {error.why}" if isinstance(error, NoCodec) else why


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in list(value.items()):
            yield f" key {ascii(key)[:60]}", key
            yield f"[{ascii(key)[:60]}]", child
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{n}]", child) for n, child in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from ((f" item {ascii(child)[:60]}", child) for child in value)
    elif isinstance(value, types.FunctionType):
        yield from ((f".{name}", child) for name, child in closed_over(value).items())
    if isinstance(value, type):
        return
    yield from ((f".{name}", child) for name, child in attributes(value).items())
