"""The one dispatcher: what is known of a type, its fingerprint first, by exact type, by family, by state.

A *family* is a type whose values Python or a library gives a content of their own: containers, numbers, arrays, frames.
A subclass of one counts by that content and by what its instances hold beside it (attributes, slots), so nothing that a
subclass adds is overlooked. What has no family counts by its state (:mod:`spotmagic.values.objects`).

The families of a library are registered in one file per library, by the call that users make for classes of their own;
the file is loaded when the first value of the library is met.
"""

from __future__ import annotations

import enum
import functools
import importlib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spotmagic import files
from spotmagic.code.wrapped import Bound, Wrapped
from spotmagic.errors import OptionError, Uncacheable, is_end
from spotmagic.values import callables, objects, plain
from spotmagic.values.encode import SCALARS, Encoder, Shape
from spotmagic.values.handles import is_handle_type
from spotmagic.values.scheme import Kind, Tree, Unfit, tree
from spotmagic.values.settings import derived
from spotmagic.values.state import attributes, held_in_c

Content = Callable[[Any, Encoder], Any]  # gives anything that can be packed; for an exact family, its tree

HOMES = {
    "numpy": "arrays", "scipy": "arrays", "pandas": "frames", "polars": "polars_frames", "pyarrow": "arrow",
    "torch": "tensors", "PIL": "images", "matplotlib": "figures", "httpx": "responses", "httpx2": "responses",
    "requests": "responses",
}  # fmt: skip
"""The file among the codecs that registers the families of a package: all that is known of its types."""


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a type and its subclasses.

    Attributes:
        fingerprint: gives the tree of a value's content.
        covered: attributes of an instance that the fingerprint already tells of, or that hang on chance (caches);
            None for all of them.
        codec: how values are kept: those of the type itself, of its subclasses as the codec says.
        reduce: what pickle needs of a value in its place; gives NotImplemented where pickle does it well.
    """

    fingerprint: Content
    covered: frozenset[str] | None = frozenset()
    codec: Any = None
    reduce: Callable[[Any], Any] | None = None


_EXACT: dict[type, Shape] = {**plain.SHAPES, **callables.SHAPES}
_families: dict[type, Family] = {kind: Family(shape) for kind, shape in (plain.FAMILIES | callables.FAMILIES).items()}
_registered: dict[type, Callable[[Any], Any]] = {}
_resolved: dict[type, Shape] = {}
_MOST_RESOLVED = 4096  # classes that a notebook defines again and again
_lock = files.ForkLock()


def add_family(
    *kinds: type,
    fingerprint: Content,
    covered: frozenset[str] | None = frozenset(),
    codec: Any = None,
    reduce: Callable[[Any], Any] | None = None,
) -> None:
    """Register what is known of these types and of their subclasses. Called by the file of a library."""
    _families.update(dict.fromkeys(kinds, Family(fingerprint, covered, codec, reduce)))


def register_fingerprint(kind: type, function: Callable[[Any], Any]) -> None:
    """Fingerprint values of a type, and of its subclasses, by what the function returns for them.

    The function returns anything that can be fingerprinted itself: a tuple of what makes two values behave differently.

    Raises:
        OptionError: for what is no class, no function, or a plain type whose fingerprint is fixed.
    """
    if not isinstance(kind, type):
        raise OptionError(f"{kind!r} is not a type", todo="Say register(MyClass, fingerprint=function)")
    if not callable(function):
        raise OptionError(f"fingerprint={function!r} is not a function", todo="Say a function of the value")
    if kind in SCALARS or kind in (bytes, list, dict, object, type):
        raise OptionError(f"the fingerprint of {kind.__name__} is fixed", todo="Register a class of your own")
    with _lock:
        _registered[kind] = function
        _resolved.clear()


def take_apart(value: Any, encoder: Encoder) -> Tree:
    """The tree of a value that msgpack does not know. Raises :class:`Unfit` for what has none."""
    kind = type(value)
    # The tables are read without the lock: entries are added whole, and what is cleared is only found anew.
    shape = _EXACT.get(kind) if not _registered else None
    if shape is None:
        shape = _resolved.get(kind)
    try:
        if shape is None:
            shape = _resolve(kind)
            with _lock:
                if len(_resolved) >= _MOST_RESOLVED:
                    _resolved.clear()
                _resolved[kind] = shape
        return shape(value, encoder)
    except (Unfit, Uncacheable, RecursionError, MemoryError):
        raise
    except BaseException as error:
        if is_end(error):
            raise
        raise Unfit(f"reading it raised {type(error).__name__}: {error}") from error


def _resolve(kind: Any) -> Shape:
    for base in kind.__mro__:
        if base in _registered:
            return functools.partial(_by_registered, _registered[base])
    for base in kind.__mro__:
        callables.refuse_homeless(base)
    if kind in _EXACT:
        return _EXACT[kind]
    if issubclass(kind, Wrapped | Bound):
        return callables.through
    if issubclass(kind, enum.Enum):
        return _enum
    if issubclass(kind, type | types.ModuleType):
        return _EXACT[type]
    if issubclass(kind, staticmethod | classmethod | property | functools.cached_property):
        return next(_EXACT[base] for base in kind.__mro__ if base in _EXACT)
    found = None if is_handle_type(kind) else family_of(kind)  # a library's table of its own may be a dict
    if found is not None:
        base, family = found
        if base in plain.FAMILIES and base is not BaseException and held_in_c(kind, base):
            return objects.shape_of(kind)  # the methods of the base do not tell of it
        if base is kind and (kind.__dictoffset__ == 0 or family.covered is None):
            return family.fingerprint
        covered = None if family.covered is None else family.covered | derived(kind)
        return functools.partial(_member, base, family.fingerprint, covered)
    if kind.__name__ == "cython_function_or_method":
        return _EXACT[types.MethodDescriptorType]
    if kind.__module__ in ("typing", "typing_extensions", "annotationlib"):
        return callables.typing_form
    return objects.shape_of(kind)


def family_of(kind: type) -> tuple[type, Family] | None:
    """The nearest base of a class that has a family, with the family."""
    return next(families_of(kind), None)


def families_of(kind: type) -> Iterator[tuple[type, Family]]:
    """The bases of a class that have a family, each with its family, nearest first."""
    for base in kind.__mro__[:-1]:
        home = HOMES.get(base.__module__.partition(".")[0])
        if home is not None:
            module = importlib.import_module(f"spotmagic.codecs.{home}")
            if hasattr(module, "load_package"):  # one file for several packages
                module.load_package(base.__module__.partition(".")[0])
        family = _families.get(base)
        if family is not None:
            yield base, family


def _member(base: type, content: Content, covered: frozenset[str] | None, value: Any, encoder: Encoder) -> Tree:
    """A value of a family, with what the instance itself holds beside the content of the family."""
    kind = type(value)
    own = {} if covered is None else attributes(value, base, covered)
    if kind is base:
        return content(value, encoder) if not own else tree(Kind.MEMBER, None, content(value, encoder), own)
    return tree(Kind.MEMBER, encoder.code(kind), content(value, encoder), own or None)


def _by_registered(function: Callable[[Any], Any], value: Any, encoder: Encoder) -> Tree:
    return tree(Kind.REGISTERED, encoder.code(type(value)), function(value))


def _enum(value: enum.Enum, encoder: Encoder) -> Tree:
    return tree(Kind.ENUM, encoder.code(type(value)), value.name, value.value)
