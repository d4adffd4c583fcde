"""spot.duckdb on disk: private, ours, and thrown away when it is not what it should be."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog
from spotmagic.catalog.connection import connection
from spotmagic.catalog.instance import quoted
from spotmagic.errors import SpotWarning
from spotmagic.testing import FakeClock


def plain(path: Path) -> duckdb.DuckDBPyConnection:
    """Somebody's own connection to a file, without our precautions."""
    return duckdb.connect(str(path))


def put_aside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".bad-" in path.name and not path.name.endswith(".wal"))


@pytest.fixture
def made(folder: Path, ledger: Ledger, clock: FakeClock) -> Path:
    """A good catalog of three entries, let go of."""
    for number in range(3):
        ledger.put(number)
        ledger.hits(number)
    catalog = Catalog(folder, ledger, clock=clock)
    assert catalog.count() == 3
    catalog.close()
    return folder / "spot.duckdb"


def test_files_are_private_whatever_the_umask(folder: Path, ledger: Ledger) -> None:
    before = os.umask(0)
    try:
        catalog = Catalog(folder, ledger)
        ledger.put(1)
        seen: dict[str, int] = {}

        def look(positions: object) -> object:
            yield from Ledger.records(ledger, positions)
            for path in folder.iterdir():
                seen[path.name] = stat.S_IMODE(path.lstat().st_mode)

        ledger.records = look  # type: ignore[method-assign]
        for number in range(3):
            ledger.put(number)
            catalog.fold()
            look({})
            seen |= {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert "spot.duckdb" in seen and set(seen.values()) == {0o600}, seen
    catalog.close()


def test_the_log_of_a_fold_is_private_too(
    made: Path, ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spotmagic.catalog import fold

    modes = []
    applied = fold.apply

    def apply(*given: object) -> None:
        applied(*given)
        modes.extend(stat.S_IMODE(path.lstat().st_mode) for path in made.parent.glob("spot.duckdb*"))

    monkeypatch.setattr(fold, "apply", apply)
    before = os.umask(0)
    try:
        ledger.put(9)
        Catalog(made.parent, ledger, clock=clock).fold()
    finally:
        os.umask(before)
    assert len(modes) >= 2 and set(modes) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    made.chmod(0o644)
    assert Catalog(made.parent, ledger, clock=clock).count() == 3
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_it_is_readable_by_the_oldest_duckdb_we_take(made: Path) -> None:
    with plain(made) as connection:
        (tags,) = connection.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'spot'").fetchall()
    assert "v1.2.0" in str(tags) or "v1.2.0+" in str(tags)


def test_it_holds_four_tables_and_the_positions(made: Path) -> None:
    with plain(made) as connection:
        tables = connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables ORDER BY 1"
        ).fetchall()
        (number,) = connection.execute(
            "SELECT (SELECT count(*) FROM duckdb_indexes()) + (SELECT count(*) FROM duckdb_constraints())"
        ).fetchall()[0]
    assert tables == [(name, "BASE TABLE") for name in ("entries", "inputs", "positions", "runs", "usage")]
    assert number == 0


def test_nothing_is_open_between_questions(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    catalog.fold()
    other = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('select count(*) from entries').fetchall())"
    assert (
        subprocess.run([sys.executable, "-c", other, str(made)], capture_output=True, text=True, check=True).stdout
        == "[(3,)]\n"
    )
    assert not Path(f"{made}.wal").exists()


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def shuffle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in random.Random(5).sample(range(len(data)), len(data) // 50):
        data[place] ^= 0xFF
    path.write_bytes(data)


def sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with plain(path) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


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


def test_damage_that_shows_only_when_a_block_is_read_is_found_on_the_way(folder: Path, clock: FakeClock) -> None:
    ledger = Ledger()
    for number in range(20_000):
        ledger.put(number, content_type=str(random.Random(number).random()))
    catalog = Catalog(folder, ledger, clock=clock)
    catalog.fold()
    catalog.close()
    path = folder / "spot.duckdb"
    data = bytearray(path.read_bytes())
    for place in range(3 * 4096 + 600, len(data), 4096):
        data[place] ^= 0x55
    path.write_bytes(data)
    with pytest.warns(SpotWarning, match="is made anew"):
        assert len(catalog.entries(limit=None)) == 20_000
    assert len(put_aside(folder)) == 1


@pytest.mark.parametrize("suffix", ["", ".wal"])
def test_a_symbolic_link_is_never_followed(
    suffix: str, made: Path, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(made.read_bytes())
    before = target.read_bytes()
    link = Path(f"{made}{suffix}")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    catalog = Catalog(made.parent, ledger, clock=clock)
    with pytest.warns(SpotWarning, match="symbolic link"):
        assert catalog.count() == 3
    assert target.read_bytes() == before
    assert not link.is_symlink()


def test_a_linked_folder_is_the_users_choice(folder: Path, ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    ledger.put(1)
    assert Catalog(tmp_path / "link", ledger).count() == 1
    assert (folder / "spot.duckdb").exists()


def test_of_many_damaged_files_the_newest_three_are_kept(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpotWarning)
        for _ in range(5):
            catalog.fold()
            made.write_bytes(b"damage")
            assert catalog.count() == 3
    assert len(put_aside(made.parent)) == 3


def test_damage_while_a_kernel_runs_is_told_once(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            catalog.fold()
            made.write_bytes(b"damage")
            assert catalog.count() == 3
    assert len([1 for warning in told if issubclass(warning.category, SpotWarning)]) == 1


def test_a_file_that_another_kernel_has_made_anew_is_not_put_aside_again(
    made: Path, ledger: Ledger, clock: FakeClock
) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    assert catalog.count() == 3
    connection(made.parent).condemn("a block of it is damaged")
    fresh = made.with_name("fresh")
    fresh.write_bytes(made.read_bytes())
    fresh.replace(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert catalog.count() == 3
    assert put_aside(made.parent) == []


def test_a_thrown_away_file_is_made_anew_without_a_word(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    assert catalog.count() == 3
    made.unlink()
    assert catalog.count() == 3 and made.exists()


def test_rebuild_gives_the_same_tables(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    before = catalog.entries(), catalog.stats(), catalog.functions()
    sql("UPDATE usage SET hits = 1000", "DELETE FROM entries")(made)
    assert catalog.stats().hits == 3000 and catalog.count() == 0
    catalog.rebuild()
    assert (catalog.entries(), catalog.stats(), catalog.functions()) == before
    assert put_aside(made.parent) == []


def test_a_folder_deleted_under_it_does_not_stop_it(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    catalog = Catalog(made.parent, ledger, clock=clock)
    assert catalog.count() == 3
    for path in made.parent.iterdir():
        path.unlink()
    made.parent.rmdir()
    ledger.put(9)
    assert catalog.count() == 4
    made.parent.mkdir()
    assert catalog.count() == 4 and made.exists()


FULL_DISK = """
import resource, signal, sys, warnings
sys.path[:0] = {path!r}
from pathlib import Path
from catalog_ledger import Ledger
from spotmagic.catalog import Catalog
from spotmagic.catalog.connection import connection
from spotmagic.catalog.instance import quoted
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger()
for number in range(4000):
    ledger.put(number, content_type=str(number) * 50)
catalog = Catalog(Path({folder!r}), ledger)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert catalog.count() == 4000
    assert len(catalog.entries(limit=None)) == 4000
print([str(warning.message) for warning in told])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert catalog.count() == 4000
ledger.put(9999)
assert catalog.count() == 4001
assert (Path({folder!r}) / "spot.duckdb").stat().st_size > {limit}
"""


@pytest.mark.parametrize("limit", [0, 4096, 20_000, 300_000])
def test_a_full_disk_costs_a_warning_and_it_resumes(limit: int, folder: Path) -> None:
    path = [str(Path(__file__).parent), *[place for place in sys.path if place]]
    code = FULL_DISK.format(path=path, folder=str(folder), limit=limit)
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be used" in ended.stdout


def test_a_log_that_would_end_the_process_ends_another(
    made: Path, ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spotmagic.catalog import files

    wal = Path(f"{made}.wal")
    wal.write_bytes(b"left by a killed kernel")
    os.utime(wal, (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr(files, "_PROBE", "import os; os.kill(os.getpid(), 6)")
    with pytest.warns(SpotWarning, match="ended a process with signal 6"):
        assert Catalog(made.parent, ledger, clock=clock).count() == 3
    assert len(put_aside(made.parent)) == 1


def test_a_log_of_garbage_does_no_harm(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    wal = Path(f"{made}.wal")
    wal.write_bytes(os.urandom(5000))
    os.utime(wal, (1_000_000_000, 1_000_000_000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpotWarning)
        assert Catalog(made.parent, ledger, clock=clock).count() == 3


def test_a_mistake_in_a_query_is_not_taken_for_damage(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    from spotmagic.errors import OptionError

    catalog = Catalog(made.parent, ledger, clock=clock)
    inode = made.stat().st_ino
    for query in (
        "SELECT nothing FROM entries",
        "SELECT 'a'::INTEGER",
        "SELECT error('Corrupt database file: computed checksum')",
    ):
        with pytest.raises(OptionError):
            catalog.sql(query)
    assert catalog.count() == 3 and put_aside(made.parent) == []
    assert made.stat().st_ino == inode
