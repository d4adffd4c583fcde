"""The tables are the same whether records come together or one by one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog, feed, fold, schema
from spotmagic.catalog.instance import Instance
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.record import Mark
from spotmagic.values.shown import THUMB

ODD = "a\x1d\x1e\x1fb\ud800 é, 'q'\n" + "x" * 3_000


def everything(seed: int) -> Ledger:
    """Every kind of record, most keys several times, and fields at the edge of what a column takes."""
    ledger, rng = Ledger(), random.Random(seed)
    names = "f", "pkg.g", ODD
    notes: tuple[dict[str, str], ...] = (
        {},
        {"version": "2", "arguments": "x\x031", THUMB: "t" * 1_900, "type": "list of 3 ints", "repr": ODD},
        {"model": "m", "tokens": "12", "usage": '["m", 5, 6, 0, 0, 0, "openai"]'},
        {"tokens": "twelve", "usage": "nonsense"},
    )
    for step in range(120):
        number = rng.randrange(25)
        name = names[number % 3]  # a key has one name
        file = f"{step % 3}.log"
        fields: dict[str, Any] = {
            "created": rng.choice([ledger.stamp / 1e9, -5.0, 1e300, float("nan")]),
            "seconds": rng.choice([2.0, 0.5, 0.0, float("inf")]),
            "expires": rng.choice([None, None, 1_900_000_000.25]),
            "inputs": {"x": bytes([number % 4]) * 16, **({ODD: b""} if number % 3 else {})},
            "notes": rng.choice(notes),
            "code": rng.choice([b"", b"c" * 16]),
            "content_type": rng.choice([None, "text/plain"]),
            "parts": rng.choice([(), (Part("value", ("plain",), b"\x93\x01\x02\x03"), Part(ODD, ("plain",), b"\xc1"))]),
            "trusted": rng.random() < 0.8,
        }
        what = step % 8
        if what == 0:
            ledger.put(number, name, file=file, **fields)
        elif what in (1, 2):
            entry = Entry(key(number), name, reason=rng.choice(["", "first run"]), waited=0.25, **fields)
            ledger.write("made", entry, key(number), file=file)
        elif what == 3:
            found = rng.choice(["corrupt", "foreign"])
            ledger.write(rng.choice(["put", "made"]), Bad(found, "because"), key(30 + number), file=file)
        elif what == 4:
            ledger.ran(number, name, error=rng.choice(["", ODD]), stored=rng.random() < 0.5)
        elif what == 5:
            ledger.hits(number, 3, file=file)
        elif what == 6:
            ledger.pin(number, rng.random() < 0.5, file=file)
        else:
            judged = rng.choice([one.stamp for one in ledger.files["0.log"] if one.kind in ("put", "made")])
            ledger.write("mark", Mark(judged, rng.choice(["", "torn"])), key(number), file=file)
        if step % 20 == 19:
            ledger.forget(number, file=file)
    return ledger


def tables(ledger: Ledger) -> dict[str, list[Any]]:
    """All rows of a catalog that has been brought up to date. Hits are summed over the keys they wait under."""
    instance = Instance()
    cursor = instance.cursor()
    cursor.execute("ATTACH ':memory:' AS tables").fetchall()
    schema.create(cursor, "tables")
    for batch in feed.batches(ledger.records({})):
        fold.apply(cursor, "tables", batch)
    found = {
        table: cursor.execute(f"SELECT * FROM tables.main.{table} ORDER BY ALL").fetchall()
        for table in schema.TABLES
        if table != "runs"
    }
    found["ran"] = cursor.execute("SELECT * FROM tables.main.runs WHERE verdict <> 'hit' ORDER BY ALL").fetchall()
    found["hits"] = cursor.execute(
        "SELECT name, sum(times), sum(seconds), sum(price), max(started) FROM tables.main.runs WHERE verdict = 'hit'"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    instance.close()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_the_same_in_one_go_and_in_many(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = everything(seed)
    at_once = tables(ledger)
    assert min(map(len, at_once.values())) > 0
    for chunk in (1, 7):
        monkeypatch.setattr(feed, "CHUNK", chunk)
        by_and_by = tables(ledger)
        for table, rows in at_once.items():
            assert by_and_by[table] == rows, (table, chunk)


def test_a_question_sees_the_newest_of_many_results_of_one_key(tmp_path: Path, ledger: Ledger) -> None:
    """All come in one transaction: each is a run, one is the entry."""
    for size in (3, 1, 2):
        ledger.write("made", Entry(key(1), "f", size=size, inputs={"x": b"1"}), key(1))
    ledger.write("made", Entry(key(1), "f", size=9), key(1), file="b.log", stamp=ledger.stamp - 1_500)
    catalog = Catalog(tmp_path, ledger)
    assert [row.size for row in catalog.entries(status=None)] == [2]
    assert catalog.stats().misses == 4
    catalog.close()
