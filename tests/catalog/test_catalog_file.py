"""spot.duckdb on disk: private, ours, and thrown away when it is not what it should be."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest
from catalog_files import plain, put_aside, sql
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog
from spotmagic.catalog.connection import connection
from spotmagic.catalog.instance import Instance, Unavailable
from spotmagic.errors import SpotWarning
from spotmagic.testing import FakeClock


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
    wal = Path(f"{made}.wal")
    wal.write_bytes(b"left by a killed kernel")
    os.utime(wal, (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr("spotmagic.catalog.connection._PROBE", "import os; os.kill(os.getpid(), 6)")
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


def test_a_connection_that_cannot_be_had_keeps_nobody_out(
    made: Path, ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets none does not count as a user of the file, which is let go of."""
    true = Instance.cursor
    refused = [duckdb.OutOfMemoryException("no memory for one more")]

    def cursor(self: Instance) -> Any:
        if refused:
            raise refused.pop()
        return true(self)

    catalog = Catalog(made.parent, ledger, clock=clock)
    assert catalog.count() == 3
    monkeypatch.setattr(Instance, "cursor", cursor)
    with pytest.raises(Unavailable, match="no memory"):
        connection(made.parent).enter()
    with plain(made) as other:  # it is open nowhere
        assert other.execute("SELECT count(*) FROM entries").fetchall() == [(3,)]
    assert catalog.count() == 3
