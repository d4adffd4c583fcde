"""What the catalog of a spot tells about its results, and what it holds on to."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

from spotmagic import Spot


def test_a_row_tells_the_version_it_was_made_with(spot: Spot) -> None:
    """Of each result its own; none where none was given."""
    for version in ("1", "2"):

        @spot.mark(version=version)
        def summed(numbers: list[int]) -> int:
            return sum(numbers)

        assert summed([1, 2]) == 3

    @spot.mark
    def plain() -> int:
        return 1

    plain()
    assert {row.version for row in spot.entries("*summed", status=None)} == {"1", "2"}
    assert [row.version for row in spot.entries("*plain")] == [""]
    assert spot.sql("SELECT count(*) FROM entries WHERE version = '2'").rows == [(1,)]


def test_the_last_spot_of_a_folder_gives_back_the_memory_of_the_catalog(tmp_path: Path) -> None:
    """Not before, as another still asks; and a closed spot that is asked again takes it again."""
    first, second = Spot("shared", root=tmp_path), Spot("shared", root=tmp_path)
    first.sql("SELECT 1")
    connection: Any = first.catalog._connection
    instance = weakref.ref(connection.instance)
    first.close()
    second.sql("SELECT 1")
    assert instance() is connection.instance
    second.close()
    gc.collect()
    assert instance() is None
    assert second.sql("SELECT count(*) FROM entries").rows == [(0,)]
    second.catalog.close()


def test_closing_a_spot_that_was_never_asked_makes_no_catalog(tmp_path: Path) -> None:
    """Only who asks pays for DuckDB."""
    spot = Spot("quiet", root=tmp_path)
    spot.mark(abs)(-1)
    spot.close()
    assert "catalog" not in spot._stack.__dict__
