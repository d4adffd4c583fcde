"""polars through the Arrow stream format."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import arrow
from spotmagic.codecs.registry import Codec

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def find(kind: type) -> Codec | None:
    """The codec for a type of polars."""
    import polars as pl

    return CODECS["polars.frame"] if kind is pl.DataFrame else CODECS["polars.series"] if kind is pl.Series else None


def _lower_frame(frame: Any, writer: Writer) -> tuple[Any, Any]:
    import polars as pl

    if any(isinstance(dtype, pl.Object) or "Object" in str(dtype) for dtype in frame.dtypes):
        writer.refuse("a polars column of objects")
    if _maps(frame):
        with contextlib.suppress(ImportError):  # Arrow writes several times faster where it is installed
            return True, arrow.lower(frame.to_arrow(), writer)
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="uncompressed")
    return _maps(frame), writer.buffer(sink.getbuffer())


def _maps(frame: Any) -> bool:
    """Whether Arrow gives the very same frame over the mapped buffer, where polars itself would copy."""
    import polars as pl

    flat = (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Duration, pl.Float32, pl.Float64)
    sizes = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    return all(isinstance(dtype, (*flat, *sizes)) for dtype in frame.dtypes)


def _make_frame(spec: Any, rest: Any, reader: Reader) -> Any:
    import polars as pl

    if spec is True or not reader.trusted:
        try:
            table = arrow.table_of(rest, reader)
        except ImportError:
            if not reader.trusted:  # polars believes what the bytes say
                raise
        else:
            if spec is True:
                frame = pl.from_arrow(table, rechunk=False)
                frame.columns = table.column_names  # it gives a column without a name one
                return frame
    return pl.read_ipc_stream(arrow.raw(rest))


def _lower_series(series: Any, writer: Writer) -> tuple[Any, Any]:
    return _lower_frame(series.to_frame(), writer)


def _make_series(spec: Any, rest: Any, reader: Reader) -> Any:
    return _make_frame(spec, rest, reader).to_series()


CODECS = {
    "polars.frame": Codec("polars.frame", _lower_frame, _make_frame, exact=False),
    "polars.series": Codec("polars.series", _lower_series, _make_series, exact=False),
}
