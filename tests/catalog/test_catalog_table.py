"""Tables show themselves as text, HTML, data frames and Arrow tables."""

from __future__ import annotations

import datetime
import subprocess
import sys

from spotmagic.catalog import Table

EVIL = "<script>alert(1)</script>"


def test_text_lines_up_and_cuts_what_is_long() -> None:
    table = Table(("name", "n"), [("a", 1), ("b" * 100, 22), (None, None), ("two\nlines\x1b[2J", 3)])
    lines = repr(table).splitlines()
    assert len(lines) == 5 and lines[0].startswith("name")
    assert "b" * 59 + "…" in lines[2] and "\x1b" not in repr(table)
    assert lines[1].endswith(" 1") and lines[2].endswith("22")


def test_html_is_escaped_everywhere() -> None:
    shown = Table((EVIL, "&"), [(EVIL, "a & b")])._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "a &amp; b" in shown


def test_long_and_empty_tables_say_so() -> None:
    assert "… and 960 more rows" in repr(Table(("n",), [(n,) for n in range(1000)]))
    assert repr(Table(("n",), [])).splitlines()[-1] == "no rows" and "no rows" in Table(("n",), [])._repr_html_()


def test_it_is_a_sequence_of_rows() -> None:
    table = Table(("n",), [(1,), (2,)])
    assert len(table) == 2 and list(table) == [(1,), (2,)]


def test_a_data_frame_has_the_columns_even_without_rows() -> None:
    frame = Table(("a", "b"), [(1, "x"), (2, "y")]).df()
    assert list(frame.columns) == ["a", "b"] and frame["a"].sum() == 3
    assert list(Table(("a", "b"), []).df().columns) == ["a", "b"]


def test_arrow_keeps_types_of_empty_and_repeated_columns() -> None:
    empty = Table(("a", "a"), [], ("BIGINT", "VARCHAR")).arrow()
    assert empty.column_names == ["a", "a"] and [str(kind) for kind in empty.schema.types] == ["int64", "string"]
    when = datetime.datetime(2026, 11, 20)
    assert Table(("t", "l"), [(when, ["x"])], ("TIMESTAMP", "VARCHAR[]")).arrow().to_pylist() == [
        {"t": when, "l": ["x"]}
    ]


def test_showing_loads_neither_pandas_nor_pyarrow() -> None:
    code = (
        "import sys; from spotmagic.catalog import Table; t = Table(('a',), [(1,)]); repr(t); t._repr_html_();"
        "print([m for m in ('pandas', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
