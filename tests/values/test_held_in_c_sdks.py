"""Values of packages whose content is held in C or Rust, where no attribute tells of it."""

from __future__ import annotations

import copyreg
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from multidict import CIMultiDict, CIMultiDictProxy, istr
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError, PydanticKnownError
from sqlalchemy.util import OrderedSet, immutabledict

from spotmagic import Spot, last
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint


class Answer(BaseModel):
    grade: int
    text: str = Field(min_length=1)


def wrong(**fields: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Answer(**fields)
    return caught.value


def row(text: str) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    try:
        connection.row_factory = sqlite3.Row
        return connection.execute(text).fetchone()  # type: ignore[no-any-return]
    finally:
        connection.close()


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


PAIRS: dict[str, tuple[Any, ...]] = {
    "an error of pydantic": (wrong, {"grade": "x", "text": "a"}, {"grade": 1, "text": ""}),
    "what an error was given": (wrong, {"grade": "x", "text": "a"}, {"grade": "y", "text": "a"}),
    "an error of a validator": (PydanticCustomError, ("kind", "no {x}", {"x": 1}), ("kind", "no {x}", {"x": 2})),
    "an ordered set": (OrderedSet, ([1, 2],), ([2, 1],)),
    "a dict that cannot change": (immutabledict, ({"a": 1},), ({"a": 2},)),
    "a row": (row, ("SELECT 1 AS a",), ("SELECT 2 AS a",)),
    "the names of a row": (row, ("SELECT 1 AS a",), ("SELECT 1 AS b",)),
    "headers": (headers, (("a", "1"),), (("a", "2"),)),
    "the order of headers": (headers, (("a", "1"), ("b", "2")), (("b", "2"), ("a", "1"))),
    "a name of a header": (istr, ("a",), ("b",)),
    "text of numpy": (np.str_, ("a",), ("b",)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_they_count_by_their_content(name: str) -> None:
    make, *given = PAIRS[name]
    one, again, other = (
        fingerprint(make(**some) if isinstance(some, dict) else make(*some)) for some in (given[0], given[0], given[1])
    )
    assert one == again != other


def test_an_error_that_says_nothing_of_what_it_holds_is_refused() -> None:
    with pytest.raises(Uncacheable, match="PydanticKnownError, whose state cannot be read"):
        fingerprint(PydanticKnownError("int_parsing"))


def test_a_python_function_in_an_expression_of_polars_is_refused() -> None:
    """polars writes the name of one in a module, so that an edit of it was not seen: a hit gave the old answer."""
    frame = pl.DataFrame({"a": [1, 2]})
    for expression in (pl.col("a").map_elements(row, return_dtype=pl.Int64), 1 + pl.col("a").map_batches(abs)):
        with pytest.raises(Uncacheable, match="holds a Python function, which polars shows to nobody. Make it where"):
            fingerprint(expression)
    assert fingerprint(pl.col("a") + 1) == fingerprint(pl.col("a") + 1) != fingerprint(pl.col("a") + 2)
    with pytest.raises(Uncacheable, match=r"LazyFrame, a plan .*\. Give its collect\(\)"):
        fingerprint(frame.lazy())


def explain(error: ValidationError) -> str:
    return str(error.errors()[0]["type"])


def first_error(**fields: Any) -> ValidationError:
    return wrong(**fields)


def with_traceback(error: ValidationError) -> tuple[Any, ...]:
    return reraised, (error.title, error.__traceback__)


def reraised(title: str, trace: Any) -> ValidationError:
    return ValidationError.from_exception_data(title, []).with_traceback(trace)


def test_an_error_is_kept_where_a_package_pickles_tracebacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, ValidationError, with_traceback)
    with Spot("s", root=tmp_path) as spot:
        f = spot.mark(first_error)
        assert f(grade="x", text="a").errors() == f(grade="x", text="a").errors()
        assert last().verdict == "hit"


def test_a_call_with_another_error_runs_and_an_error_is_kept(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path) as spot:
        f, g = spot.mark(explain), spot.mark(first_error)
        assert [f(wrong(grade="x", text="a")), f(wrong(grade=1, text=""))] == ["int_parsing", "string_too_short"]
        assert f(wrong(grade="x", text="a")) == "int_parsing" and last().verdict == "hit"
        made = g(grade="x", text="a")
        again = g(grade="x", text="a")
        assert last().verdict == "hit" and again is not made
        assert again.errors() == made.errors() and str(again) == str(made)
        assert fingerprint(again) == fingerprint(made)
