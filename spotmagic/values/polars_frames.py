"""Trees of polars' values: name, dtype and content, column by column, whatever chunks memory holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree


def _frame(value: Any, _: Encoder) -> Tree:
    return tree(Kind.POLARS, "frame", [_column(series) for series in value.get_columns()], value.height)


def _series(value: Any, _: Encoder) -> Tree:
    return tree(Kind.POLARS, "series", _column(value))


def _column(series: Any) -> list[Any]:
    kind = series.dtype
    said = [series.name, str(kind), list(kind.categories) if isinstance(kind, pl.Enum) else None, len(series)]
    if (kind.is_numeric() and not kind.is_decimal()) or kind.is_temporal():
        physical = series.to_physical()
        filled = physical.fill_null(0) if series.null_count() else physical
        return [*said, _nulls(series), buffer(np.ascontiguousarray(filled.to_numpy()).reshape(-1).view(np.uint8))]
    if kind == pl.String:
        lengths = series.str.len_bytes().fill_null(0).to_numpy()
        text = (series.str.join("", ignore_nulls=True)[0] or "") if len(series) else ""
        return [*said, _nulls(series), buffer(lengths.tobytes()), buffer(text.encode())]
    return [*said, series.to_list()]


def _nulls(series: Any) -> Any:
    return buffer(series.is_null().to_numpy().tobytes()) if series.null_count() else None


def _plan(*_: Any) -> Tree:
    raise Unfit("it is a LazyFrame: a plan that is not run yet, over data that may change")


add_family(pl.DataFrame, fingerprint=_frame, covered=frozenset({"_df"}))
add_family(pl.Series, fingerprint=_series, covered=frozenset({"_s"}))
add_family(pl.DataType, pl.Schema, fingerprint=lambda value, _: tree(Kind.POLARS, "type", str(value)))
add_family(pl.LazyFrame, fingerprint=_plan)
add_family(
    pl.Expr,
    fingerprint=lambda value, _: tree(Kind.POLARS, "expression", buffer(value.meta.serialize())),
    covered=frozenset({"_pyexpr"}),
)
