"""Whoever looks while much is being counted gets what is known, at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from catalog_ledger import Ledger

from spotmagic import Spot
from spotmagic.catalog import Catalog, fold
from spotmagic.catalog.connection import Connection
from spotmagic.catalog.glimpse import SOME, Counting, Glimpse, Lookout
from spotmagic.files import locked


def much(_: float, __: Mapping[str, int]) -> int:
    return 10**9


def little(_: float, __: Mapping[str, int]) -> int:
    return 1000


class Gate:
    """Stands in the way of the folding of a batch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        apply = fold.apply

        def slowly(*given: object) -> None:
            self.reached.set()
            assert self.open.wait(60)
            apply(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(fold, "apply", slowly)


def test_a_glimpse_takes_in_nothing_new(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f")
    assert catalog.count() == 1
    ledger.put(2, "f")
    assert Glimpse(catalog).count() == 1
    assert [row.name for row in Glimpse(catalog).entries()] == ["f"]
    assert catalog.count() == 2 == Glimpse(catalog).count()


def test_questions_together_open_the_file_once(
    catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.put(1, "f")
    opened: list[Connection] = []
    enter = Connection.enter
    monkeypatch.setattr(Connection, "enter", lambda self: opened.append(self) or enter(self))
    lookout = Lookout(lambda: catalog, little)
    asked = lookout.together(lambda: (lookout.catalog.count(), lookout.catalog.stats().entries, catalog.count()))
    assert (asked, len(opened)) == ((1, 1, 1), 2), "what asks the catalog itself goes its own way"
    with pytest.raises(ZeroDivisionError):
        lookout.together(lambda: 1 / 0)
    ledger.put(2, "f")
    assert lookout.catalog is catalog
    assert catalog.count() == 2


def test_it_answers_while_a_thread_folds(catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.put(1, "f")
    catalog.fold()
    gate = Gate(monkeypatch)
    ledger.put(2, "f")
    lookout = Lookout(lambda: catalog, much)
    try:
        lookout.look(0.01)
        assert gate.reached.wait(60)
        assert lookout.counting
        assert lookout.catalog.count() == 1
        lookout.look(0.01)
        assert lookout.counting
    finally:
        gate.open.set()
    assert lookout._thread is not None
    lookout._thread.join(60)
    assert lookout.catalog.count() == 2
    assert not lookout.counting


def test_what_was_never_counted_gives_an_empty_answer_and_says_so(
    catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    ledger.put(1, "f")
    lookout = Lookout(lambda: catalog, much)
    try:
        lookout.look(0.01)
        assert gate.reached.wait(60)
        assert (lookout.counting, lookout.catalog.count()) == (True, 0)
    finally:
        gate.open.set()


def test_little_that_is_new_is_there_in_the_same_look(catalog: Catalog, ledger: Ledger) -> None:
    lookout = Lookout(lambda: catalog, much)
    ledger.put(1, "f")
    lookout.look(60)
    assert not lookout.counting
    assert lookout.catalog is catalog


def test_little_that_is_new_is_taken_in_by_the_question_itself(catalog: Catalog, ledger: Ledger) -> None:
    lookout = Lookout(lambda: catalog, little)
    ledger.put(1, "f")
    lookout.look()
    assert lookout._thread is None
    assert lookout.catalog.count() == 1


def test_the_first_answer_is_of_the_tables_as_they_are_and_the_next_look_fills_them(
    catalog: Catalog, ledger: Ledger
) -> None:
    ledger.put(1, "f")
    catalog.fold()
    ledger.put(2, "f")
    lookout = Lookout(lambda: catalog, lambda *_: SOME + 1)
    assert lookout.at_once(lambda: (lookout.catalog.count(), lookout.counting)) == (1, True)
    assert lookout._thread is None, "nothing works beside the first answer"
    lookout.look()
    assert (lookout.catalog.count(), lookout.counting) == (2, False)


def test_the_first_answer_takes_in_what_is_little(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f")
    lookout = Lookout(lambda: catalog, little)
    assert lookout.at_once(lambda: (lookout.catalog.count(), lookout.counting)) == (1, False)


def test_what_was_read_of_a_journal_that_is_written_to_counts_no_more(tmp_path: Path) -> None:
    with Spot("test", root=tmp_path) as spot:
        answer = spot.mark(str)
        for number in range(20):
            answer(number)
        spot.store.flush()
        spot.catalog.fold()
        whole = spot.store.transfer.written_since(0.0, {})
        answer(20)
        spot.store.flush()
        _, read = spot.catalog.folded()
        assert 0 < spot.store.transfer.written_since(0.0, read) < whole / 5


def test_another_kernel_that_counts_is_not_waited_for(folder: Path, catalog: Catalog) -> None:
    catalog.fold()
    with locked(folder / "fold.lock"), pytest.raises(Counting, match="being counted"):
        Glimpse(catalog).count()


def test_a_catalog_that_cannot_be_counted_says_so_itself(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "fold", lambda _: 1 / 0)
    lookout = Lookout(lambda: catalog, much)
    lookout.look(60)
    assert (lookout.counting, lookout.catalog) == (False, catalog)


ENDS = """
import os, sys, threading, time
from spotmagic import Spot
spot = Spot("test", root=sys.argv[1])
spot.mark(str)(1)
inside = threading.Event()

def read(catalog):
    catalog.count()
    inside.set()
    time.sleep(0.3)  # by then the interpreter would be gone
    os.write(1, str(catalog.count()).encode())

threading.Thread(target=lambda: spot.catalog.together(read), daemon=True).start()
inside.wait()
"""


def test_the_end_of_the_process_waits_for_who_is_reading(tmp_path: Path) -> None:
    """A thread that is inside DuckDB as the interpreter ends aborts the process."""
    ended = subprocess.run([sys.executable, "-c", ENDS, str(tmp_path)], capture_output=True, timeout=60)
    assert (ended.stdout, ended.returncode, ended.stderr) == (b"1", 0, b"")
