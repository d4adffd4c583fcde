"""A codec keeps all there is of a value, also what ``==`` cannot see, or the value is refused by name."""

from __future__ import annotations

import collections
import datetime as dt
import io
import tempfile
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy
from hypothesis.extra import pandas as of_pandas
from PIL import Image

from spotmagic.codecs import decode, encode
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint


class Noted(np.ndarray):
    """An array with an attribute, as numpy's manual has it."""

    def __array_finalize__(self, of: Any) -> None:
        self.info = getattr(of, "info", None)


class Located(pd.DataFrame):
    _metadata: typing.ClassVar[list[str]] = ["place"]

    @property
    def _constructor(self) -> type:
        return Located


class Kilo(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.int64(), "test.kilo")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, _type: Any, _data: bytes) -> Kilo:
        return cls()


def back(value: Any) -> Any:
    encoded = encode(value)
    return decode(encoded.codecs, encoded.head, [bytearray(one) for one in encoded.buffers], trusted=True)


def seen(value: Any) -> list[Any]:
    """What a program can see of a value and ``==`` does not look at."""
    said: list[Any] = [type(value)]
    if isinstance(value, np.ma.MaskedArray):
        said += [value.data.tobytes(), np.ma.getmaskarray(value).tolist(), value.mask is np.ma.nomask, value.dtype]
        said += [repr(value.fill_value), value.hardmask, value.sharedmask]
    elif isinstance(value, np.ndarray):
        said += [value.dtype, value.dtype.metadata, value.dtype.isalignedstruct, value.shape, value.flags.writeable]
        said += [value.flags.f_contiguous and not value.flags.c_contiguous, sorted(getattr(value, "__dict__", {}))]
    elif isinstance(value, (pd.DataFrame, pd.Series)):
        said += [value.attrs, value.flags.allows_duplicate_labels, {n: getattr(value, n) for n in value._metadata}]
        said += [value.index.names, getattr(value.index, "freq", None), repr(value.index.dtype)]
    elif isinstance(value, pl.Series):
        said += [value.name, value.dtype, value.to_list()]
    elif isinstance(value, pl.DataFrame):
        said += [value.schema, value.rows()]
    elif isinstance(value, (pa.Table, pa.RecordBatch)):
        said += [value.schema.to_string(show_field_metadata=True), value.num_rows, value.to_pylist()]
    elif isinstance(value, (pa.Array, pa.ChunkedArray)):
        said += [value.type, value.to_pylist()]
        said += [value.dictionary.to_pylist()] if isinstance(value, pa.DictionaryArray) else []
    elif isinstance(value, Image.Image):
        said += [value.info, dict(value.getexif()), value.getpalette(), value.format, value.tobytes(), value.mode]
    return said


def masked(**changes: Any) -> Any:
    made = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0], fill_value=7.0)
    made.data[1] = 99.0
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def noted() -> Any:
    made = np.arange(3.0).view(Noted)
    made.info = {"unit": [1]}
    return made


def located() -> Any:
    made = Located({"a": [1]})
    made.place = "here"
    return made


def with_exif() -> Any:
    made = Image.new("RGB", (2, 2))
    made.getexif()[0x010E] = "a description"
    return made


def opened(form: str, *, mode: str = "RGB", **options: Any) -> Any:
    file = io.BytesIO()
    Image.new(mode, (3, 2)).save(file, form, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def with_attrs() -> Any:
    made = pd.DataFrame({"a": [1]})
    made.attrs = {"source": ["a", 1]}
    return made


_NESTED = pa.field("x", pa.int64(), metadata={b"k": b"v"})
_SCHEMA = pa.schema([pa.field("s", pa.struct([_NESTED]), metadata={b"f": b"g"})], metadata={b"top": b"t"})
KEPT: dict[str, Callable[[], Any]] = {
    "series of polars without a name": lambda: pl.Series([1, 2]),
    "frame of polars with an empty name": lambda: pl.DataFrame({"": [1], "b": [2]}),
    "categories of polars": lambda: pl.Series("c", ["a", "b", "a"], dtype=pl.Categorical),
    "enum of polars": lambda: pl.Series("c", ["a"], dtype=pl.Enum(["b", "a", "unused"])),
    "nested polars": lambda: pl.DataFrame({"l": [[1], []], "s": [{"a": 1}, {"a": None}]}),
    "arrays of polars": lambda: pl.Series("c", [[1, 2]], dtype=pl.Array(pl.Int8, 2)),
    "decimals of polars": lambda: pl.Series("c", ["1.20"]).cast(pl.Decimal(10, 3)),
    "zoned polars": lambda: pl.Series("c", [dt.datetime(2020, 1, 1)]).dt.replace_time_zone("Europe/Berlin"),
    "durations of polars": lambda: pl.Series("c", [dt.timedelta(1)], dtype=pl.Duration("ms")),
    "wide integers of polars": lambda: pl.Series("c", [2**100], dtype=pl.Int128),
    "nothing in polars": lambda: pl.DataFrame({"a": [None, None]}),
    "no columns of polars": pl.DataFrame,
    "unused dictionary values": lambda: pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["a", "unused"])),
    "field metadata": lambda: pa.Table.from_pylist([{"s": {"x": 1}}], schema=_SCHEMA),
    "batch with metadata": lambda: pa.RecordBatch.from_pylist([{"s": {"x": 1}}], schema=_SCHEMA),
    "unlike metadata inside and outside": lambda: pa.table([pa.array([{"x": 1}])], schema=_SCHEMA),
    "schema": lambda: _SCHEMA,
    "field": lambda: _SCHEMA.field(0),
    "items that may not be null": lambda: pa.list_(pa.field("i", pa.int8(), nullable=False)),
    "extension of arrow": lambda: pa.ExtensionArray.from_storage(Kilo(), pa.array([1, 2])),
    "sliced arrow": lambda: pa.array(["a", "b", None]).slice(1),
    "masked": masked,
    "hard mask": lambda: masked(_hardmask=True),
    "mask that is shared": lambda: np.ma.array([1, 2], mask=np.array([False, True]), copy=False),
    "no mask": lambda: np.ma.array([1, 2]),
    "masked fields": lambda: np.ma.array([(1, 2.0)], dtype=[("a", int), ("b", float)], mask=[(1, 0)]),
    "long double": lambda: np.array([np.longdouble(1) + np.longdouble(2) ** -60]),
    "subclass with an attribute": noted,
    "subclass inside": lambda: [noted(), {"a": noted()}],
    "records": lambda: np.rec.array([(1, 2.0)], names="a,b"),
    "matrix": lambda: np.array([[1, 2]]).view(np.matrix),
    "aligned structure": lambda: np.zeros(2, np.dtype([("a", "i1"), ("b", "i8")], align=True)),
    "metadata of a dtype": lambda: np.zeros(1, np.dtype("i8", metadata={"a": 1})),
    "read-only": lambda: np.broadcast_to(np.arange(3), (2, 3)),
    "fortran": lambda: np.asfortranarray(np.eye(3)),
    "no dimension": lambda: np.array(3),
    "strings of any length": lambda: np.array(["a", "b" * 50], dtype=np.dtypes.StringDType()),
    "units of time": lambda: np.array([1], dtype="M8[25us]"),
    "attrs": with_attrs,
    "flags": lambda: pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "metadata of a subclass": located,
    "column of a subclass": lambda: located()["a"],
    "sparse": lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
    "frequency": lambda: pd.Series([1, 2], index=pd.date_range("2020", periods=2, freq="h", tz="Europe/Paris")),
    "exif": with_exif,
    "palette": lambda: opened("PNG", mode="P", transparency=0),
    "resolution": lambda: opened("PNG", dpi=(72, 72)),
    "exif of a file": lambda: opened("JPEG", exif=with_exif().getexif()),
    "default by a lambda": lambda: [collections.defaultdict(lambda: 0, a=1)["missing"]],
}


@pytest.mark.parametrize("name", KEPT)
def test_all_of_it_comes_back(name: str) -> None:
    value = KEPT[name]()
    copy = back(value)
    assert repr(seen(copy)) == repr(seen(value))
    assert str(copy) == str(value) or isinstance(value, Image.Image)
    if name != "wide integers of polars":  # which no fingerprint knows
        assert fingerprint(copy) == fingerprint(value)


def test_attributes_of_a_subclass_come_back() -> None:
    copy = back([noted()])[0]
    assert copy.info == {"unit": [1]} and back(located()).place == "here"


def test_a_default_by_a_lambda_comes_back() -> None:
    copy = back(collections.defaultdict(lambda: [7], a=1))
    assert copy["new"] == [7] and copy == {"a": 1, "new": [7]}


def test_a_small_array_can_be_resized() -> None:
    copy = back(np.arange(6))
    copy.resize(3, refcheck=False)
    assert copy.tolist() == [0, 1, 2]


def with_attribute(value: Any) -> Any:
    object.__setattr__(value, "note", 5)
    return value


def frames() -> Any:
    file = io.BytesIO()
    Image.new("L", (3, 2)).save(file, "GIF", save_all=True, append_images=[Image.new("L", (3, 2), 9)])
    return Image.open(io.BytesIO(file.getvalue()))


def mapped() -> Any:
    with tempfile.NamedTemporaryFile() as file:
        return np.memmap(file.name, dtype="i4", mode="w+", shape=(3,))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "attribute of an image": (lambda: with_attribute(Image.new("L", (1, 1))), "attributes of its own .note."),
    "frames of an image": (frames, "several frames"),
    "objects of polars": (lambda: pl.Series("c", [object()], dtype=pl.Object), "cannot be pickled"),
    "map of a file": (mapped, "numpy.array"),
    "plan of polars": (lambda: pl.DataFrame({"a": [1]}).lazy(), "LazyFrame"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_whole_is_refused_by_name(name: str) -> None:
    make, why = REFUSED[name]
    with pytest.raises(Uncacheable, match=why):
        encode(make())
    with pytest.raises(Uncacheable):
        encode({"inside": [make()]})


def test_a_codec_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a package adds to its types, or a codec of ours drops, the copy is held against the value."""
    from spotmagic.codecs import frames

    monkeypatch.setattr(frames, "_with_about", lambda value, _about: value)
    encoded = encode(with_attrs())
    assert encoded.codecs == ("pickle",)
    assert decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True).attrs == {"source": ["a", 1]}


_DTYPES = st.one_of(
    of_numpy.scalar_dtypes(),
    of_numpy.array_dtypes(max_size=3),
    of_numpy.byte_string_dtypes(),
    of_numpy.unicode_string_dtypes(),
)
_ARRAYS = _DTYPES.flatmap(
    lambda dtype: of_numpy.arrays(dtype, of_numpy.array_shapes(min_dims=0, max_side=4, min_side=0))
)


@st.composite
def _turned(draw: Any) -> Any:
    """Arrays in any layout: slices, transposes, read-only ones."""
    array = draw(_ARRAYS)
    array = array.T if draw(st.booleans()) else array
    array = array[::-2] if array.ndim and draw(st.booleans()) else array
    if draw(st.booleans()):
        array.flags.writeable = False
    return array


@st.composite
def _masked_arrays(draw: Any) -> Any:
    data = draw(
        of_numpy.arrays(draw(of_numpy.integer_dtypes() | of_numpy.floating_dtypes()), of_numpy.array_shapes(max_side=4))
    )
    mask = draw(st.none() | of_numpy.arrays(bool, data.shape))
    return np.ma.MaskedArray(data, mask if mask is not None else np.ma.nomask, hard_mask=draw(st.booleans()))


_COLUMNS = st.sampled_from(["i8", "u1", "f4", "f8", "?", "M8[ns]", "m8[ns]", "c16"])
_NAMES = st.none() | st.integers() | st.text(max_size=3)


@st.composite
def _frames_of_pandas(draw: Any) -> Any:
    names = draw(st.lists(_NAMES, max_size=4, unique=True))
    columns = [of_pandas.column(name=str(n), dtype=np.dtype(draw(_COLUMNS))) for n in range(len(names))]
    frame = draw(of_pandas.data_frames(columns, index=of_pandas.range_indexes(max_size=4)))
    frame.columns = pd.Index(names, dtype=object, name=draw(_NAMES))
    frame.attrs = draw(st.dictionaries(st.text(max_size=2), st.integers(), max_size=2))
    return frame.set_flags(allows_duplicate_labels=draw(st.booleans()))


_CELLS = [
    (pl.Int8, st.integers(-128, 127)), (pl.Float32, st.floats(width=32)), (pl.String, st.text()), (pl.Null, st.none()),
    (pl.Boolean, st.booleans()), (pl.Binary, st.binary()), (pl.Date, st.dates()), (pl.Enum(["b"]), st.just("b")),
    (pl.List(pl.Int64), st.lists(st.integers(-9, 9))), (pl.Categorical, st.sampled_from("abc")),
    (pl.Struct({"a": pl.Int8, "b": pl.String}), st.fixed_dictionaries({"a": st.integers(0, 9), "b": st.text()})),
]  # fmt: skip


@st.composite
def _series_of_polars(draw: Any) -> Any:
    dtype, cells = draw(st.sampled_from(_CELLS))
    return pl.Series(draw(st.text(max_size=3)), draw(st.lists(st.none() | cells, max_size=5)), dtype=dtype)


_ARROW = st.lists(st.none() | st.integers(-9, 9), max_size=4).map(pa.array) | st.lists(
    st.none() | st.text(max_size=3), max_size=4
).map(lambda items: pa.array(items, pa.string()).dictionary_encode())
_METADATA = st.none() | st.dictionaries(st.binary(max_size=3), st.binary(max_size=3), max_size=2)


@st.composite
def _tables(draw: Any) -> Any:
    array = draw(_ARROW)
    fields = [
        pa.field(name, array.type, metadata=draw(_METADATA)) for name in draw(st.lists(st.text(max_size=2), max_size=3))
    ]
    return pa.table([array] * len(fields), schema=pa.schema(fields, metadata=draw(_METADATA)))


@st.composite
def _images(draw: Any) -> Any:
    mode = draw(st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK", "I", "F", "LA"]))
    image = Image.new(mode, (draw(st.integers(1, 5)), draw(st.integers(1, 5))))
    image.info = draw(st.dictionaries(st.text(max_size=2), st.integers() | st.binary(max_size=3), max_size=2))
    return image


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(_turned(), _masked_arrays(), _frames_of_pandas(), _series_of_polars(), _tables(), _images()),
    st.sampled_from([lambda one: one, lambda one: {"a": [one, one]}]),
)
def test_every_round_trip_keeps_fingerprint_and_type(value: Any, around: Callable[[Any], Any]) -> None:
    whole = around(value)
    copy = back(whole)
    one = copy if whole is value else copy["a"][1]
    assert fingerprint(copy) == fingerprint(whole)
    assert repr(seen(one)) == repr(seen(value))


_LATE = {
    "128 bits of polars": (
        lambda: pl.Series("n", [1, 2**100, None], dtype=pl.Int128),
        lambda: pl.Series("n", [1, 2**100 + 1, None], dtype=pl.Int128),
    ),
    "the masked constant": (lambda: np.ma.masked, lambda: np.ma.array(0.0, mask=True)),
}
if hasattr(pa, "uuid"):
    _LATE |= {
        "uuids of Arrow": (lambda: pa.array([b"a" * 16], pa.uuid()), lambda: pa.array([b"b" * 16], pa.uuid())),
        "a table of uuids": (
            lambda: pa.table({"u": pa.array([b"a" * 16], pa.uuid())}),
            lambda: pa.table({"u": [b"a" * 16]}),
        ),
    }


@pytest.mark.parametrize("name", _LATE)
def test_what_packages_bring_besides_counts_and_comes_back(name: str) -> None:
    make, other = _LATE[name]
    before = fingerprint(make())
    assert fingerprint(make()) == before != fingerprint(other())
    encoded = encode([make()])
    (back,) = decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True)
    assert fingerprint(back) == before
    assert back is make() if make() is np.ma.masked else seen(back) == seen(make())
