"""Several kernels, threads and forks on one catalog; kernels that die; programs that keep the file."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest
from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog, ask
from spotmagic.errors import SpotWarning
from spotmagic.files import locked
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Run
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing import FakeClock

RING = Ring.of(b"s" * 32)
HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parent), *[place for place in sys.path if place]])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_a_file_that_another_program_keeps_is_told_with_its_pid(catalog: Catalog, ledger: Ledger, folder: Path) -> None:
    ledger.put(1)
    ledger.hits(1, 2)
    assert catalog.count() == 1
    with run(HOLD, str(folder / "spot.duckdb")) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        ledger.put(2)
        with pytest.warns(SpotWarning, match=rf"cannot be used.*\(PID {holder.pid}\)"):
            assert catalog.count() == 2
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ledger.put(3)
            ledger.hits(1, 3)
            assert catalog.count() == 3 and catalog.stats().hits == 5
            assert catalog.sql("SELECT sum(hits) FROM usage").rows == [(5,)]
        holder.communicate("")
    ledger.put(4)
    assert catalog.count() == 4 and catalog.stats().hits == 5
    with duckdb.connect(str(folder / "spot.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchall() == [(4,)], "the file is in use again"


def test_who_keeps_the_file_is_waited_for_once_and_for_a_second(folder: Path, ledger: Ledger) -> None:
    clock = FakeClock()
    catalog = Catalog(folder, ledger, clock=clock)
    ledger.put(1)
    catalog.fold()
    with run(HOLD, str(folder / "spot.duckdb")) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.warns(SpotWarning, match="PID"):
            catalog.fold()
        assert 0.9 < sum(clock.slept) < 1.3 and clock.slept[0] < 0.01 < clock.slept[-1]
        clock.slept.clear()
        catalog.fold()
        assert clock.slept == []
        holder.communicate("")
    catalog.fold()
    with run(HOLD, str(folder / "spot.duckdb")) as holder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert holder.stdout and holder.stdout.readline() == "held\n"
        catalog.fold()
        assert clock.slept, "after it was free, it is waited for again"
        holder.communicate("")


def test_a_user_who_opened_it_in_this_process_is_told_so(catalog: Catalog, ledger: Ledger, folder: Path) -> None:
    ledger.put(1)
    catalog.fold()
    with duckdb.connect(str(folder / "spot.duckdb")):
        ledger.put(2)
        with pytest.warns(SpotWarning, match=rf"PID {os.getpid()}"):
            assert catalog.count() == 2
    assert catalog.count() == 2
    assert not [path for path in folder.iterdir() if ".bad-" in path.name]


def test_a_fold_lock_that_is_kept_does_not_stop_answers(folder: Path, ledger: Ledger) -> None:
    catalog = Catalog(folder, ledger, clock=FakeClock())
    ledger.put(1)
    with locked(folder / "fold.lock"), pytest.warns(SpotWarning, match="another kernel"):
        assert catalog.count() == 1
    assert catalog.count() == 1


def test_threads_ask_at_the_same_time(catalog: Catalog, ledger: Ledger) -> None:
    for number in range(50):
        ledger.put(number, f"f{number % 5}")
    errors: list[BaseException] = []

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(12):
                choice = rng.randrange(4)
                if choice == 0:
                    assert catalog.count("f1") >= 10
                elif choice == 1:
                    assert catalog.sql("SELECT count(*) FROM entries").rows[0][0] >= 50
                elif choice == 2:
                    ledger.hits(1)
                else:
                    assert len(catalog.entries(limit=20)) == 20
        except BaseException as error:
            errors.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(ask, range(6)))
    assert errors == []
    assert catalog.stats().hits == len([1 for record in ledger.files["a.log"] if record.kind == "stat"])


def test_two_spots_of_one_process_see_only_their_own(tmp_path: Path) -> None:
    ledgers = [Ledger(), Ledger()]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = (Catalog(folder, ledger) for folder, ledger in zip(folders, ledgers, strict=True))
    ledgers[0].put(1, "secret of one")
    assert one.count() == 1 and two.count() == 0
    slow = threading.Thread(target=one.sql, args=("SELECT count(*) FROM range(3000) a, range(3000) b, entries",))
    slow.start()
    everything = "SELECT path FROM duckdb_databases() WHERE path LIKE '%/one/%'"
    assert two.sql("SELECT * FROM entries").rows == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ask, "_FUNCTIONS", frozenset({"duckdb_databases", "range"}))
        assert two.sql(everything).rows == []
    slow.join()
    one.close()
    two.close()


def test_two_catalogs_of_one_folder_share_the_file(folder: Path, ledger: Ledger) -> None:
    one, two = Catalog(folder, ledger), Catalog(folder / ".." / folder.name, ledger)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(5):
            ledger.put(number)
            assert one.count() == two.count() == number + 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_asks_for_itself(catalog: Catalog, ledger: Ledger, folder: Path) -> None:
    ledger.put(1)
    catalog.fold()
    inside, go_on = threading.Event(), threading.Event()
    records = ledger.records

    def slow(positions: object) -> object:
        inside.set()
        go_on.wait(20)
        yield from records(positions)  # type: ignore[arg-type]

    ledger.records = slow  # type: ignore[method-assign]
    ledger.put(2)
    busy = threading.Thread(target=catalog.fold)
    busy.start()
    assert inside.wait(20), "the parent has the file attached now"
    child = os.fork()
    if not child:
        try:
            warnings.simplefilter("ignore")
            ledger.records = records  # type: ignore[method-assign]
            os._exit(0 if catalog.count() == 2 else 1)
        except BaseException:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    go_on.set()
    busy.join()
    ledger.records = records  # type: ignore[method-assign]
    assert os.waitstatus_to_exitcode(status) == 0
    ledger.put(3)
    assert catalog.count() == 3
    with duckdb.connect(str(folder / "spot.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchall() == [(3,)]


WRITE = """
import random, sys, time
from pathlib import Path
from spotmagic.catalog import Catalog, ask
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Run
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
folder, seed, folds = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "fold"
store = FolderStore(folder, ring=Ring.of(b"s" * 32))
catalog = Catalog(folder, store)
rng = random.Random(seed)
print("going", flush=True)
for _ in range(int(sys.argv[4])):
    for _ in range(rng.randrange(1, 20)):
        key = rng.randrange(300).to_bytes(16, "big")
        what = rng.randrange(8)
        if what < 4:
            parts = (Part("value", ("plain",), b"v"),)
            store.put(Entry(key, "f", inputs={"x": key}, parts=parts, created=time.time(), seconds=1.0, price=0.5))
            store.ran(Run(key, "f", started=time.time(), seconds=1.0, price=0.5))
        elif what < 6:
            store.hit(key, 1.0, 0.5)
        elif what == 6:
            store.forget([key])
        else:
            store.pin([key], bool(rng.randrange(2)))
    if folds:
        catalog.fold()
store.close()
"""


def compare(folder: Path) -> tuple[int, int]:
    """Hold the tables against the records of the store. Returns how many entries and hits there are."""
    store = FolderStore(folder, ring=RING)
    catalog = Catalog(folder, store)
    puts: dict[bytes, int] = {}
    gone: Counter[bytes] = Counter()
    hits: Counter[str] = Counter()
    runs = 0
    rows = catalog.entries(status=None, limit=None)
    for record in store.records({}):
        if record.kind == "put":
            puts[record.key] = max(record.stamp, puts.get(record.key, 0))
        elif record.kind == "delete":
            gone[record.key] = max(record.stamp, gone[record.key])
        elif record.kind == "stat":
            for stat in record.what:  # type: ignore[union-attr]
                hits[stat.key.hex()] += stat.hits
        elif record.kind == "run":
            runs += 1
    assert {row.key for row in rows} == {of.hex() for of, stamp in puts.items() if stamp > gone[of]}
    assert dict(catalog.sql("SELECT key, hits FROM usage").rows) == dict(hits)
    assert catalog.stats().misses == runs and catalog.stats().price_paid == 0.5 * runs
    for row in rows:
        assert isinstance(store.get(bytes.fromhex(row.key)), Entry)
    assert catalog.sql("SELECT count(*) - count(DISTINCT key) FROM entries").rows == [(0,)]
    store.close()
    catalog.close()
    return len(rows), sum(hits.values())


def test_two_kernels_that_fold_all_the_time_count_each_record_once(folder: Path) -> None:
    writers = [run(WRITE, str(folder), str(seed), "fold", "12") for seed in range(2)]
    for writer in writers:
        writer.communicate(timeout=100)
        assert writer.returncode == 0
    entries, hits = compare(folder)
    assert entries > 20 and hits > 5


@pytest.mark.slow
def test_kernels_killed_while_folding_leave_the_tables_right(folder: Path) -> None:
    rng = random.Random(7)
    for trial in range(20):
        writers = [run(WRITE, str(folder), str(1000 * trial + seed), "fold", "100000") for seed in range(2)]
        for writer in writers:
            assert writer.stdout and writer.stdout.readline() == "going\n"
        time.sleep(rng.uniform(0.02, 0.5))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
        if trial % 4 == 3:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                compare(folder)
    assert not [path for path in folder.iterdir() if ".bad-" in path.name]


def test_the_real_store_and_the_catalog_agree(folder: Path) -> None:
    store = FolderStore(folder, ring=RING)
    catalog = Catalog(folder, store)
    big = memoryview(bytes(100_000))
    store.put(
        Entry(
            key(1),
            "pkg.f",
            code=b"c" * 16,
            inputs={"x": b"1" * 16},
            parts=(Part("value", ("plain",), b"v", (big,)),),
            created=5.0,
        )
    )
    store.put(
        Entry(key(2), "pkg.g", kind="cell", parts=(Part("df", ("plain",), b"v"),), created=6.0, notes={"version": "v2"})
    )
    store.ran(Run(key(1), "pkg.f", seconds=2.0, price=0.25, started=4.0))
    store.hit(key(1), 2.0, 0.25)
    g, f = catalog.entries()
    assert (g.name, g.kind, g.parts, g.version) == ("pkg.g", "cell", ("df",), "v2")
    assert f.size > 100_000 and f.hits == 1 and re.fullmatch("[0-9a-f]{16}", f.writer)
    assert catalog.stats().hits == 1, "hits that are counted in memory are seen too"
    store.forget([key(1)])
    store.pin([key(2)], True)
    assert [(row.name, row.pinned) for row in catalog.entries()] == [("pkg.g", True)]
    store.close()


def test_threads_wait_for_the_one_that_brings_it_up_to_date(
    folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: to do the same work beside it would take longer for both."""
    catalog = Catalog(folder, ledger, clock=FakeClock())
    ledger.put(1)
    reading, go_on = threading.Event(), threading.Event()
    records, looks, answers = ledger.records, [], []

    def slowly(positions: dict[str, int]) -> Any:
        looks.append(dict(positions))
        reading.set()
        assert go_on.wait(20)
        return records(positions)

    monkeypatch.setattr(ledger, "records", slowly)
    threads = [threading.Thread(target=lambda: answers.append(catalog.count())) for _ in range(3)]
    threads[0].start()
    assert reading.wait(20)
    for thread in threads[1:]:
        thread.start()
    threads[1].join(0.2)
    assert len(looks) == 1 and not answers
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert answers == [1, 1, 1]
    assert looks == [{}, {"a.log": 100}, {"a.log": 100}]
    catalog.close()


def test_a_kernel_that_gets_on_with_a_long_fold_is_waited_for(folder: Path, ledger: Ledger) -> None:
    """As long as it writes now and then."""

    class Clock(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if sum(self.slept) > 5.0:
                other.close()
            elif len(self.slept) % 20 == 0:  # every half second
                os.utime(folder / "spot.duckdb", ns=(0, len(self.slept)))

    clock, other = Clock(), ExitStack()
    catalog = Catalog(folder, ledger, clock=clock)
    ledger.put(1)
    assert catalog.count() == 1
    other.enter_context(locked(folder / "fold.lock"))
    ledger.put(2)
    assert catalog.count() == 2
    assert sum(clock.slept) > 5.0
    catalog.close()
