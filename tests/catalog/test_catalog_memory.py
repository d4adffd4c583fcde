"""Answers from memory, for when the file of a catalog cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog, snapshot
from spotmagic.errors import SpotError

ENTRIES = 3_000


def test_without_a_folder_the_catalog_is_in_memory(tmp_path: Path, ledger: Ledger) -> None:
    catalog = Catalog(tmp_path / "not there", ledger)
    ledger.put(1)
    assert catalog.count() == 1
    ledger.put(2)
    assert catalog.count() == 2 and catalog.sql("SELECT count(*) FROM entries").rows == [(2,)]
    catalog.rebuild()
    assert catalog.count() == 2
    assert not (tmp_path / "not there").exists()
    catalog.close()


def test_what_memory_cannot_hold_is_said_in_words(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by an error of DuckDB; and nothing is left of the attempt that would stop a later one."""
    for number in range(ENTRIES):
        ledger.put(number, name=f"a very long name of a function {number} " * 40)
    catalog = Catalog(tmp_path / "not there", ledger)
    with monkeypatch.context() as small:
        small.setattr(snapshot, "WHOLE", "4MB")
        for _ in range(2):
            with pytest.raises(SpotError, match="cannot be asked now.*not there.*not enough of it"):
                catalog.count()
    assert catalog.count() == ENTRIES
    catalog.close()
