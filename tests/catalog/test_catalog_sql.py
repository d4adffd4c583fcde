"""Own queries: they see everything, change nothing and reach nothing else."""

from __future__ import annotations

import _thread
import datetime
import sys
import threading
import time
from pathlib import Path

import pytest
from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog
from spotmagic.errors import OptionError


def test_it_sees_what_was_written_just_before(catalog: Catalog, ledger: Ledger) -> None:
    for number in range(3):
        ledger.put(number)
        assert catalog.sql("SELECT count(*) FROM entries").rows == [(number + 1,)]


def test_people_see_what_people_ask_for(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f")
    ledger.put(2, "g", expires=1.0)
    ledger.hits(1, 2)
    ledger.pin(1)
    ledger.ran(1, "f")
    table = catalog.sql("SELECT name, status, hits, pinned, created FROM entries ORDER BY name")
    assert table.columns == ("name", "status", "hits", "pinned", "created")
    assert [row[:4] for row in table] == [("f", "live", 2, True), ("g", "expired", 0, False)]
    assert table.rows[0][4].replace(tzinfo=datetime.UTC).timestamp() == pytest.approx(1_800_000_000, abs=1)
    assert catalog.sql("SELECT key, seconds_saved FROM usage").rows == [(key(1).hex(), 4.0)]
    assert catalog.sql("SELECT verdict, sum(times) FROM runs GROUP BY 1 ORDER BY 1").rows == [("hit", 2), ("ran", 1)]
    assert catalog.sql("SELECT DISTINCT name FROM inputs").rows == [("x",)]
    assert "status" in {row[0] for row in catalog.sql("DESCRIBE entries")}
    assert len(catalog.sql("SUMMARIZE entries")) > 10


@pytest.mark.parametrize(
    ("query", "values", "rows"),
    [
        ("SELECT ? + ?", [1, 2], [(3,)]),
        ("SELECT $2, $1", ["a", "b"], [("b", "a")]),
        ("SELECT $word", {"word": "'; DROP TABLE entries"}, [("'; DROP TABLE entries",)]),
        ("WITH a AS (VALUES (1), (2)) SELECT sum(col0) FROM a -- a comment", (), [(3,)]),
        ("FROM range(3) LIMIT 1;", (), [(0,)]),
        ("SELECT 1 AS a, 2 AS a", (), [(1, 2)]),
    ],
)
def test_a_query_takes_values(catalog: Catalog, query: str, values: object, rows: list[object]) -> None:
    assert catalog.sql(query, values).rows == rows  # type: ignore[arg-type]


def test_times_with_zones_come_as_utc(catalog: Catalog) -> None:
    table = catalog.sql(
        "SELECT TIMESTAMPTZ '2026-11-20 12:00:00+02' AS t, [TIMESTAMPTZ '2026-11-20 12:00:00+02'] AS t, ? AS n; -- x",
        [5],
    )
    when = datetime.datetime(2026, 11, 20, 10)
    assert table.rows == [(when, [when], 5)] and table.columns == ("t", "t", "n")


LOCAL_VARIABLE = [1, 2, 3]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{secret}')",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{catalog}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM '{secret}.csv'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT (SELECT content FROM read_text('{secret}')) FROM entries",
        "WITH a AS MATERIALIZED (FROM read_text('{secret}')) SELECT (SELECT count(*) FROM a)",
        "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
        "SELECT * FROM 'https://127.0.0.1:1/x.parquet'",
        "SELECT * FROM read_json('http://127.0.0.1:1/x')",
        "SELECT * FROM sqlite_scan('{secret}', 't')",
        "SELECT * FROM LOCAL_VARIABLE",
        "SELECT * FROM local_frame",
        "SELECT * FROM arrow_scan(1, 2, 3)",
        "SELECT * FROM enable_logging()",
        "SELECT * FROM force_checkpoint('spot')",
        "SELECT * FROM checkpoint('spot')",
        "SELECT getenv('HOME')",
        "COPY entries TO '{folder}/out.csv'",
        "COPY (SELECT 1) TO '{catalog}'",
        "COPY entries FROM '{secret}'",
        "EXPORT DATABASE '{folder}/out'",
        "IMPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH spot",
        "USE memory",
        "INSERT INTO spot.main.positions VALUES ('x', 1)",
        "WITH a AS (INSERT INTO spot.main.positions VALUES ('x', 1) RETURNING *) SELECT * FROM a",
        "UPDATE spot.main.entries SET name = 'x'",
        "DELETE FROM spot.main.entries",
        "TRUNCATE spot.main.entries",
        "MERGE INTO spot.main.positions p USING (SELECT 1) s ON true WHEN NOT MATCHED THEN INSERT VALUES ('x', 1)",
        "DROP TABLE spot.main.entries",
        "DROP VIEW entries",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE MACRO m() AS 1",
        "SELECT 1 INTO mine",
        "PRAGMA database_list",
        "PRAGMA enable_external_access",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET VARIABLE x = 1",
        "RESET threads",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "CHECKPOINT",
        "FORCE CHECKPOINT spot",
        "VACUUM",
        "BEGIN TRANSACTION",
        "COMMIT",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "EXPLAIN ANALYZE COPY entries TO '{catalog}'",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE spot.main.entries",
        "",
        ";",
        "-- nothing",
        "SELEC 1",
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
    ],
)
def test_anything_but_one_select_over_the_catalog_is_refused(
    catalog: Catalog, ledger: Ledger, folder: Path, query: str
) -> None:
    local_frame = [1]
    assert local_frame and LOCAL_VARIABLE
    ledger.put(1)
    catalog.fold()
    secret = folder / "secret"
    secret.write_text("the secret of this user")
    names = {"secret": secret, "folder": folder, "catalog": folder / "spot.duckdb"}
    for name, path in names.items():
        query = query.replace(f"{{{name}}}", str(path).replace("'", "''"))
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(OptionError) as error:
        catalog.sql(query)
    assert "the secret of this user" not in str(error.value)
    assert {path.name for path in folder.iterdir()} == before
    assert catalog.count() == 1 and catalog.sql("SELECT count(*) FROM entries").rows == [(1,)]


def test_settings_cannot_be_changed_back(folder: Path) -> None:
    import duckdb

    from spotmagic.catalog.instance import Instance

    instance = Instance(folder / "spot.duckdb")
    cursor = instance.cursor()
    for setting in (
        "enable_external_access = true", "allowed_paths = ['/etc/passwd']", "allowed_directories = ['/']",
        "threads = 8", "autoinstall_known_extensions = true", "autoload_known_extensions = true",
        "allow_community_extensions = true", "python_enable_replacements = true",
        "lock_configuration = false", "memory_limit = '64GB'",
        "temp_directory = '/tmp'",
    ):  # fmt: skip
        with pytest.raises(duckdb.Error):
            cursor.execute(f"SET {setting}").fetchall()
    for statement in (
        f"ATTACH '{folder.parent}/other.duckdb' AS other",
        "SELECT * FROM read_text('/etc/hostname')",
        "LOAD httpfs",
    ):
        with pytest.raises(duckdb.Error):
            cursor.execute(statement.replace("it's", "it''s")).fetchall()
    assert cursor.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
    instance.close()


def test_an_answer_that_does_not_fit_says_so_and_the_next_one_comes(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1)
    with pytest.raises(OptionError, match="memory"):
        catalog.sql("SELECT list(repeat('x', 1000) || i) FROM range(2000000) r(i)")
    assert catalog.count() == 1


def test_an_interrupt_ends_a_query_and_lets_go_of_the_file(catalog: Catalog, ledger: Ledger, folder: Path) -> None:
    ledger.put(1)
    catalog.fold()
    threading.Timer(0.7, _thread.interrupt_main).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        catalog.sql("SELECT count(*) FROM range(100000) a(i), range(1000000) b(j) WHERE (a.i * b.j) % 7 = 3")
        time.sleep(5)
    assert time.monotonic() - started < 10
    assert catalog.count() == 1
    assert not Path(f"{folder}/spot.duckdb.wal").exists()
    assert "pytz" not in sys.modules or sys.modules["pytz"]
