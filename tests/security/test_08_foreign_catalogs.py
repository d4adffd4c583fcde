"""A catalog that somebody else wrote is never read; imports take entries, and make their own table of them."""

from __future__ import annotations

import os
import random
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from catalog_files import put_aside, sql
from catalog_ledger import Ledger

from spotmagic import Spot
from spotmagic.catalog import Catalog
from spotmagic.catalog.instance import quoted
from spotmagic.errors import SpotWarning
from spotmagic.testing import FakeClock


def test_an_import_takes_entries_and_no_catalog(tmp_path: Path) -> None:
    """Whatever lies beside them in the archive, or in the bucket."""
    with Spot("one", root=tmp_path) as one:
        one.mark(version="1")(len)("abc")
        one.export(tmp_path / "all.zip")
        one.sql("SELECT 1")
        with zipfile.ZipFile(tmp_path / "all.zip", "a") as archive:
            assert not [name for name in archive.namelist() if "duckdb" in name]
            archive.write(one.folder / "spot.duckdb", "spot.duckdb")
    with Spot("two", root=tmp_path) as two:
        loaded = two.load(tmp_path / "all.zip")
        assert (loaded.taken, [name for name, _ in loaded.refused]) == (1, ["spot.duckdb"])
        assert not (two.folder / "spot.duckdb").exists()
        assert [row.name for row in two.entries()] == ["builtins.len"]


def test_without_our_precautions_the_same_query_reads_the_file(tmp_path: Path) -> None:
    """The control of the test above."""

    (tmp_path / "secret").write_text("the secret of this user")
    found = duckdb.connect().execute(f"SELECT content FROM read_text('{tmp_path}/secret')").fetchall()
    assert found == [("the secret of this user",)]


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def shuffle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in random.Random(5).sample(range(len(data)), len(data) // 50):
        data[place] ^= 0xFF
    path.write_bytes(data)


def replaced_by_view(path: Path) -> None:
    secret = path.parent / "secret.txt"
    secret.write_text("the secret of this user")
    place = quoted(str(secret))
    sql(
        "ALTER TABLE entries RENAME TO real",
        f"CREATE VIEW entries AS SELECT * REPLACE ((SELECT content FROM read_text({place})) AS name) FROM real",
    )(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(os.urandom(20_000)),
    "text": lambda path: path.write_text("not a database"),
    "cut": truncate,
    "shuffled": shuffle,
    "newer": lambda path: path.write_bytes(path.read_bytes()[:12] + b"\xe7\x03" + path.read_bytes()[14:]),
    "view": replaced_by_view,
    "view beside": sql("CREATE VIEW more AS SELECT 1"),
    "table missing": sql("DROP TABLE runs"),
    "table beside": sql("CREATE TABLE more (x INTEGER)"),
    "table in a schema": sql("CREATE SCHEMA s", "CREATE TABLE s.more (x INTEGER)"),
    "column missing": sql("ALTER TABLE entries DROP COLUMN size"),
    "column beside": sql("ALTER TABLE entries ADD COLUMN more INTEGER"),
    "column of another type": sql("ALTER TABLE entries ALTER size TYPE VARCHAR"),
    "column with a default": sql("ALTER TABLE entries ALTER size SET DEFAULT 7"),
    "generated column": sql("ALTER TABLE usage DROP COLUMN hits", "CREATE TABLE u2 AS FROM usage", "DROP TABLE usage",
                            "CREATE TABLE usage (key VARCHAR, name VARCHAR, hits BIGINT AS (1), seconds DOUBLE,"
                            " price DOUBLE, last TIMESTAMP, pinned BOOLEAN, pinned_at BIGINT, forgotten_at BIGINT)",
                            "DROP TABLE u2"),
    "index": sql("CREATE INDEX i ON entries (key)"),
    "constraint": sql("DROP TABLE positions", "CREATE TABLE positions (file VARCHAR, position BIGINT CHECK (true))"),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_not_our_catalog_is_put_aside_and_made_anew(
    kind: str, made: Path, ledger: Ledger, clock: FakeClock
) -> None:
    DAMAGES[kind](made)
    catalog = Catalog(made.parent, ledger, clock=clock)
    with pytest.warns(SpotWarning, match="is made anew"):
        assert sorted(row.name for row in catalog.entries(limit=None)) == ["f"] * 3
        assert catalog.stats().hits == 3
    assert len(put_aside(made.parent)) == 1
    ledger.put(7)
    assert catalog.count() == 4 and len(put_aside(made.parent)) == 1
    assert stat.S_IMODE(made.lstat().st_mode) == 0o600


def test_functions_planted_in_it_are_never_called(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    sql(
        "CREATE MACRO epoch(x) AS 42",
        "CREATE MACRO count(x) AS 42",
        "CREATE MACRO make_timestamp(x) AS TIMESTAMP '2000-01-01'",
    )(made)
    catalog = Catalog(made.parent, ledger, clock=clock)
    assert (
        catalog.sql("SELECT DISTINCT epoch(created)::BIGINT, count(key) FROM entries GROUP BY created").rows
        == [(1_800_000_000, 1)] * 1
    )
    assert {int(row.created) for row in catalog.entries()} == {1_800_000_000}
    ledger.put(9)
    assert catalog.count() == 4 and put_aside(made.parent) == []
