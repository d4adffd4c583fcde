"""Hypothesis strategies of values as notebooks have them: what a codec has to give back exactly, or refuse by name."""

from __future__ import annotations

import collections
import datetime as dt
import pathlib
import zoneinfo
from typing import Any

from hypothesis import strategies as st

_ZONES = ("UTC", "Europe/Paris", "America/St_Johns", "Asia/Kathmandu", "Africa/Casablanca")
_NAMES = st.text(st.characters(codec="utf-8"), max_size=8)


def numbers() -> st.SearchStrategy[Any]:
    """Numbers of every plain kind: large ints, NaN, ``-0.0``, decimals, fractions."""
    large = st.integers(-(2**200), 2**200)
    return st.one_of(
        *(
            st.booleans(),
            st.integers(),
            large,
            st.floats(),
            st.complex_numbers(),
            st.decimals().filter(lambda one: not one.is_snan()),  # which pandas cannot compare
            st.fractions(max_denominator=10**6),
        )
    )


def times() -> st.SearchStrategy[Any]:
    """Dates, times and durations, with zones by name, with fixed offsets and without."""
    offsets = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
    zones = st.one_of(st.none(), st.sampled_from(_ZONES).map(zoneinfo.ZoneInfo), offsets, st.just(dt.UTC))
    folded = st.builds(lambda moment, fold: moment.replace(fold=fold), st.datetimes(timezones=zones), st.integers(0, 1))
    return st.one_of(folded, st.dates(), st.times(timezones=st.one_of(st.none(), offsets)), st.timedeltas(), zones)


def leaves() -> st.SearchStrategy[Any]:
    """Plain values that hold no others."""
    text = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates too
    paths = _NAMES.filter(lambda name: "\0" not in name).map(pathlib.PurePosixPath)
    ranges = st.builds(range, st.integers(), st.integers(), st.integers(1, 9))
    constants = st.sampled_from([None, ..., NotImplemented, int, str, dict, type(None)])
    slices = st.builds(slice, st.none() | st.integers(), st.none() | st.integers())
    return st.one_of(
        *(numbers(), times(), text, st.binary(max_size=20), st.binary(max_size=20).map(bytearray), st.uuids()),
        *(paths, st.just(pathlib.Path("a/b")), ranges, constants, slices),
    )


def keys() -> st.SearchStrategy[Any]:
    """Keys of dicts and items of sets."""
    plain = st.one_of(
        _NAMES, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.binary(max_size=8), st.uuids()
    )
    return st.one_of(
        plain, st.tuples(plain, plain), st.frozensets(plain, max_size=3), times().filter(lambda time: time is not None)
    )


def plain_values(max_leaves: int = 20) -> st.SearchStrategy[Any]:
    """Nested plain values, in which the same list or dict may be in several places."""
    return st.recursive(leaves(), _around, max_leaves=max_leaves)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists, dicts = st.lists(inner, max_size=4), st.dictionaries(keys(), inner, max_size=4)
    return st.one_of(
        lists,
        dicts,
        lists.map(tuple),
        st.sets(keys(), max_size=4),
        st.frozensets(keys(), max_size=4),
        st.builds(collections.deque, lists, st.none() | st.integers(4, 9)),
        dicts.map(collections.OrderedDict),
        st.builds(collections.defaultdict, st.sampled_from([None, list, int, dict]), dicts),
        st.dictionaries(keys(), st.integers(), max_size=4).map(collections.Counter),
        inner.map(lambda value: [value, {"again": value}, (value,)]),
    )


def arrays() -> st.SearchStrategy[Any]:
    """Arrays of numpy: every kind of dtype and byte order, C, Fortran and strided, without dimensions or items."""
    from hypothesis.extra import numpy as extra

    kinds = st.one_of(
        *(extra.boolean_dtypes(), extra.integer_dtypes(), extra.unsigned_integer_dtypes(), extra.floating_dtypes()),
        *(extra.complex_number_dtypes(), extra.datetime64_dtypes(), extra.timedelta64_dtypes()),
        *(extra.unicode_string_dtypes(min_len=1, max_len=5), extra.byte_string_dtypes(min_len=1, max_len=5)),
    )
    dtypes = kinds | extra.array_dtypes(kinds, min_size=1, max_size=3, allow_subarrays=True)
    shapes = extra.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
    made = dtypes.flatmap(lambda dtype: extra.arrays(dtype, shapes))
    return st.builds(lambda array, turn: turn(array), made, st.sampled_from([_as_is, _transposed, _strided]))


def _as_is(array: Any) -> Any:
    return array


def _transposed(array: Any) -> Any:
    return array.T


def _strided(array: Any) -> Any:
    return array[::2] if array.ndim else array


def frames() -> st.SearchStrategy[Any]:
    """Frames of pandas: columns of many dtypes with gaps, indexes of many classes, names and labels of any kind."""
    return st.integers(0, 6).flatmap(
        lambda size: st.builds(_frame, st.lists(_columns(size), max_size=5), _indexes(size))
    )


def _frame(columns: list[tuple[Any, Any]], index: Any) -> Any:
    import pandas as pd

    frame = pd.DataFrame(index=index)
    for place, (_, column) in enumerate(columns):
        frame.insert(place, place, column)
    if columns:
        frame.columns = pd.Index([name for name, _ in columns], dtype=object, tupleize_cols=False)
    return frame


def _columns(size: int) -> st.SearchStrategy[tuple[Any, Any]]:
    import numpy as np
    import pandas as pd

    def column(dtype: Any, items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        rows = st.lists(items, min_size=size, max_size=size)
        return rows.map(lambda values: pd.array(_fitting(values, dtype, np), dtype=dtype))

    def gaps(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() | items

    small, seconds = st.integers(-100, 100), st.integers(0, 2_000_000_000)
    columns = st.one_of(
        *(column(np.dtype(name), small) for name in ("int8", "int64", "float32", "float64", "complex128", "int16")),
        *(column(np.dtype(name), seconds) for name in ("M8[s]", "M8[ns]", "m8[us]")),
        *(column(name, gaps(small)) for name in ("Int8", "Int64", "Float64")),
        *(column(name, gaps(st.booleans())) for name in ("boolean",)),
        *(column(pd.StringDtype(store), gaps(_NAMES)) for store in ("python",)),
        *(column(pd.StringDtype("python", na_value=np.nan), gaps(_NAMES)) for _ in range(1)),
        column(pd.DatetimeTZDtype("us", "Europe/Paris"), seconds),
        column(pd.CategoricalDtype(["b", "a", "z"], ordered=True), gaps(st.sampled_from(["a", "b"]))),
        column(np.dtype(object), st.one_of(numbers(), st.none(), _NAMES, times())),
    )
    return st.tuples(st.one_of(_NAMES, st.integers(), st.none()), columns)


def _fitting(values: list[Any], dtype: Any, np: Any) -> Any:
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return np.fromiter(values, dtype=object, count=len(values))
    if getattr(dtype, "tz", None) is not None:
        import pandas as pd

        return pd.DatetimeIndex(np.array(values, dtype="M8[s]")).as_unit("us").tz_localize("UTC").tz_convert(dtype.tz)
    return np.array(values, dtype=dtype) if isinstance(dtype, np.dtype) else values


def _indexes(size: int) -> st.SearchStrategy[Any]:
    import pandas as pd

    names = st.one_of(st.none(), _NAMES, st.tuples(_NAMES, st.integers()))
    labels = st.lists(_NAMES, min_size=size, max_size=size)
    made = [
        st.just(pd.RangeIndex(3, 3 + 2 * size, 2)),
        labels.map(lambda rows: pd.Index(rows, dtype=object)),
        labels.map(lambda rows: pd.Index(rows, dtype="str")),
        labels.map(pd.CategoricalIndex),
        st.just(pd.date_range("2024-03-30", periods=size, freq="D", tz="Europe/Paris")),
        st.just(pd.period_range("2024-01", periods=size, freq="M")),
        st.just(pd.timedelta_range("1h", periods=size, freq="h")),
        st.just(pd.interval_range(0, periods=size)),
        labels.map(lambda rows: pd.MultiIndex.from_arrays([rows, range(size)], names=["one", None])),
    ]
    return st.builds(lambda index, name: index if index.nlevels > 1 else index.rename(name), st.one_of(*made), names)
