"""Whether two values are the same in every respect a program can see: what a hit and a miss have to be."""

from __future__ import annotations

import collections
import math
import sys
import types
from array import array
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether two values have the same types and contents all through, and share what they hold in the same way.

    Stricter than ``==``: ``1`` is not ``True``, ``0.0`` is not ``-0.0``, NaN is NaN, the order of a dict counts, and so
    does what is one object in two places. Knows plain values, records, exceptions, numpy, pandas, polars and Arrow; of
    other objects it compares the attributes.
    """
    return _Pairs().same(one, other)


# Whose values never change: it does not matter which of two equal ones it is.
_UNCHANGING = frozenset({"datetime", "zoneinfo", "decimal", "fractions", "uuid", "pathlib", "pathlib._local"})


class _Pairs:
    """The objects of one value that were met, each with its partner in the other."""

    def __init__(self) -> None:
        self._partners: dict[int, int] = {}
        self._kept: list[Any] = []

    def same(self, one: Any, other: Any) -> bool:
        kind = type(one)
        if kind is not type(other):
            return False
        if one is None or isinstance(one, (bool, int, str, bytes, type, types.FunctionType, types.ModuleType)):
            return bool(one == other) and self._attributes(one, other)
        if isinstance(one, (float, complex)):
            return self._number(one, other)
        if kind is range or kind.__module__ in _UNCHANGING:
            return repr(one) == repr(other) and getattr(one, "fold", 0) == getattr(other, "fold", 0)
        if id(one) in self._partners:
            return self._partners[id(one)] == id(other)
        if not (isinstance(one, (tuple, frozenset)) and not one):
            self._partners[id(one)] = id(other)
            self._kept += (one, other)
        return self._inside(one, other)

    def _number(self, one: Any, other: Any) -> bool:
        return repr(one) == repr(other) and (
            isinstance(one, complex) or math.copysign(1, one) == math.copysign(1, other)
        )

    def _inside(self, one: Any, other: Any) -> bool:
        if isinstance(one, dict):
            factory = getattr(one, "default_factory", None) is getattr(other, "default_factory", None)
            return factory and self._row([*one.items()], [*other.items()]) and self._attributes(one, other)
        if isinstance(one, (list, tuple, collections.deque)):
            longest = getattr(one, "maxlen", None) == getattr(other, "maxlen", None)
            return longest and self._row(one, other) and self._attributes(one, other)
        if isinstance(one, (set, frozenset)):
            return self._unordered(one, other)
        if isinstance(one, (bytearray, array)):
            return bool(one == other)
        if isinstance(one, slice):
            return self._row([one.start, one.stop, one.step], [other.start, other.stop, other.step])
        package = type(one).__module__.partition(".")[0]
        compare = _PACKAGES.get(package)
        if compare is not None and package in sys.modules:
            return compare(self, one, other)
        if isinstance(one, BaseException):
            kept = ([one.args, one.__cause__, str(one)], [other.args, other.__cause__, str(other)])
            return self._row(*kept) and self._attributes(one, other)
        if one is other:
            return True
        return self._attributes(one, other) and (bool(vars_of(one)) or bool(one == other))

    def _row(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(self.same(left, right) for left, right in zip(one, other, strict=True))

    def _unordered(self, one: Any, other: Any) -> bool:
        left = list(other)
        for item in one:
            for place, candidate in enumerate(left):
                partners = dict(self._partners)
                if self.same(item, candidate):
                    del left[place]
                    break
                self._partners = partners
            else:
                return False
        return not left

    def _attributes(self, one: Any, other: Any) -> bool:
        mine, theirs = vars_of(one), vars_of(other)
        return mine.keys() == theirs.keys() and all(self.same(mine[name], theirs[name]) for name in mine)

    def _numpy(self, one: Any, other: Any) -> bool:
        import numpy as np

        if isinstance(one, np.dtype):
            return bool(one == other) and one.char == other.char
        if one.dtype != other.dtype or one.dtype.char != other.dtype.char or one.shape != other.shape:
            return False
        if one.dtype.hasobject:
            return self._row(one.ravel().tolist(), other.ravel().tolist())
        flags = not isinstance(one, np.ndarray) or one.flags.writeable == other.flags.writeable
        return flags and bool(one.tobytes() == other.tobytes())

    def _pandas(self, one: Any, other: Any) -> bool:
        import pandas as pd
        from pandas import testing

        try:
            if isinstance(one, pd.DataFrame):
                testing.assert_frame_equal(one, other, check_freq=True, check_exact=True, check_flags=True)
                columns = range(one.shape[1])
                return self.same(one.attrs, other.attrs) and all(
                    self._column(one.iloc[:, n], other.iloc[:, n]) for n in columns
                )
            if isinstance(one, pd.Series):
                testing.assert_series_equal(one, other, check_freq=True, check_exact=True, check_flags=True)
                return self.same(one.attrs, other.attrs) and self._column(one, other)
            if isinstance(one, pd.Index):
                testing.assert_index_equal(one, other, exact=True)
                return getattr(one, "freq", None) == getattr(other, "freq", None) and self.same(
                    list(one.names), list(other.names)
                )
            if isinstance(one, pd.api.extensions.ExtensionArray):
                testing.assert_extension_array_equal(one, other, check_exact=True)
                return True
        except AssertionError:
            return False
        return repr(one) == repr(other) and getattr(one, "unit", 0) == getattr(other, "unit", 0)

    def _column(self, one: Any, other: Any) -> bool:
        if type(one.array) is not type(other.array) or type(one.index) is not type(other.index):
            return False
        return one.dtype != object or self._row(list(one), list(other))

    def _polars(self, one: Any, other: Any) -> bool:
        described = ("schema",) if hasattr(one, "schema") else ("dtype", "name")
        return all(getattr(one, name) == getattr(other, name) for name in described) and bool(one.equals(other))

    def _arrow(self, one: Any, other: Any) -> bool:
        return bool(one.equals(other)) and (
            not hasattr(one, "schema") or one.schema.equals(other.schema, check_metadata=True)
        )


_PACKAGES = {"numpy": _Pairs._numpy, "pandas": _Pairs._pandas, "polars": _Pairs._polars, "pyarrow": _Pairs._arrow}


def vars_of(value: Any) -> dict[str, Any]:
    """The attributes an object itself has, in its ``__dict__`` and its slots."""
    found = dict(getattr(value, "__dict__", None) or {}) if not isinstance(value, (type, types.FunctionType)) else {}
    for base in type(value).__mro__:
        for name, member in base.__dict__.items():
            if isinstance(member, types.MemberDescriptorType) and base.__flags__ & 1 << 9 and hasattr(value, name):
                found[name] = getattr(value, name)
    for name in ("__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__"):
        if name in found:
            found[name] = getattr(value, name)
    return found
