"""Listing entries: which ones, in which order, and what each row says."""

from __future__ import annotations

import pytest
from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog
from spotmagic.errors import OptionError
from spotmagic.store.entry import Part
from spotmagic.testing import FakeClock


def names(catalog: Catalog, *args: object, **filters: object) -> list[str]:
    return [row.name for row in catalog.entries(*args, **filters)]


def test_a_row_says_what_the_entry_says(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(
        1, "pkg.f", kind="cell", created=1_800_000_000.25, expires=1_800_009_999.5, seconds=3.5, price=0.125, size=777,
        parts=(Part("df", ("arrow",), b""), Part("outputs", ("plain",), b"")), content_type="image/png",
        writer=bytes(range(8)), notes={"version": "v2", "source": "x = 1"},
    )  # fmt: skip
    ledger.pin(1)
    ledger.hits(1, 4)
    (row,) = catalog.entries()
    assert (row.key, row.name, row.kind, row.version, row.status) == (key(1).hex(), "pkg.f", "cell", "v2", "live")
    assert (row.created, row.expires, row.seconds, row.price, row.size) == (
        1_800_000_000.25,
        1_800_009_999.5,
        3.5,
        0.125,
        777,
    )
    assert (row.parts, row.content_type, row.writer) == (("df", "outputs"), "image/png", "0001020304050607")
    assert (row.pinned, row.hits) == (True, 4)
    assert catalog.entry(row.key.upper()) == row
    assert catalog.entry(key(2).hex()) is None


def test_the_newest_come_first_and_a_thousand_at_most(catalog: Catalog, ledger: Ledger) -> None:
    for number in range(1100):
        ledger.put(number, created=1_800_000_000.0 + number)
    rows = catalog.entries()
    assert len(rows) == 1000 and rows[0].key == key(1099).hex() and rows[-1].key == key(100).hex()
    assert len(catalog.entries(limit=None)) == 1100 == catalog.count()


def test_like_is_a_glob_over_whole_names_or_their_last_words(catalog: Catalog, ledger: Ledger) -> None:
    for number, name in enumerate(
        ["summarise", "pkg.mod.summary", "pkg.summit.height", "resume", "we[ird", "sum_mary"]
    ):
        ledger.put(number, name)
    assert sorted(names(catalog, "summ*")) == ["pkg.mod.summary", "pkg.summit.height", "summarise"]
    assert names(catalog, "summary") == ["pkg.mod.summary"]
    assert names(catalog, "pkg.*.summary") == ["pkg.mod.summary"]
    assert names(catalog, "su??ary") == ["pkg.mod.summary"]
    assert names(catalog, "we[[]ird") == ["we[ird"]
    assert names(catalog, "sum_m%") == [], "no wildcards of SQL"
    assert names(catalog, "'; drop table entries; --") == []
    assert catalog.count("*") == 6


def test_a_key_is_found_by_its_first_digits(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(0xABCDEF01)
    ledger.put(0xABCDEF02)
    assert catalog.count("abcdef01") == 1
    assert catalog.count("ABCDEF02abcdef02") == 1
    assert catalog.count("abcdef0") == 0, "too short to be meant as a key"


def test_search_finds_names_types_and_keys_in_any_case(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(0x77000000, "Alpha")
    ledger.put(2, "beta", content_type="text/HTML")
    ledger.put(3, "100%_sure")
    assert names(catalog, search="ALPH") == ["Alpha"]
    assert names(catalog, search="html") == ["beta"]
    assert names(catalog, search="77000000") == ["Alpha"]
    assert names(catalog, search="%_") == ["100%_sure"]


def test_filters_hold_before_the_limit(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "wanted", kind="cell", created=1_700_000_000.0)
    for number in range(2, 30):
        ledger.put(number, "other", created=1_800_000_000.0 + number)
    assert names(catalog, "wanted", limit=1) == ["wanted"]
    assert names(catalog, kind="cell", limit=1) == ["wanted"]
    assert names(catalog, search="want", limit=1) == ["wanted"]


def test_pages_cover_all_once_in_every_order(catalog: Catalog, ledger: Ledger) -> None:
    for number in range(40):
        ledger.put(number, f"f{number % 3}", created=1_800_000_000.0, size=number % 4, parts=(), content_type=None)
        ledger.hits(number, number % 5 + 1) if number % 2 else ledger.pin(number)
    every = {row.key for row in catalog.entries(limit=None)}
    for column in (
        "key name kind version status created expires seconds price size parts content_type writer pinned hits"
    ).split():
        for order in (column, f"-{column}"):
            pages = [
                row.key for start in range(0, 40, 15) for row in catalog.entries(order=order, limit=15, offset=start)
            ]
            assert len(pages) == 40 and set(pages) == every, order
    by_hits = [row.hits for row in catalog.entries(order="-hits")]
    assert by_hits == sorted(by_hits, reverse=True) and by_hits[0] == 5
    assert [row.size for row in catalog.entries(order="size", limit=11, offset=5)] == [0] * 5 + [1] * 6


@pytest.mark.parametrize("order", ["size; drop table entries", "stamp", "", "--size", "superseded", "(select 1)"])
def test_an_order_is_a_word_of_a_closed_list(catalog: Catalog, order: str) -> None:
    with pytest.raises(OptionError, match="unknown order"):
        catalog.entries(order=order)


def test_what_cannot_be_meant_is_said(catalog: Catalog) -> None:
    with pytest.raises(OptionError, match="Did you mean superseded"):
        catalog.entries(status="superceded")
    for wrong in ({"limit": -1}, {"offset": -1}):
        with pytest.raises(OptionError, match="not negative"):
            catalog.entries(**wrong)


def test_each_status_is_found(catalog: Catalog, ledger: Ledger, clock: FakeClock) -> None:
    ledger.put(1, "live", expires=clock.now() + 10)
    ledger.put(2, "expired", expires=clock.now())
    ledger.put(3, "partial", status="partial")
    ledger.put(4, "foreign, safe", trusted=False)
    ledger.put(5, "refused", trusted=False, parts=(Part("value", ("plain", "pickle"), b""),))
    ledger.put(6, "error", status="error")
    ledger.bad(7, "corrupt")
    ledger.bad(8, "foreign")
    assert sorted(names(catalog)) == ["error", "foreign, safe", "live"]
    assert names(catalog, status="expired") == ["expired"]
    assert names(catalog, status="partial") == ["partial"]
    assert sorted(names(catalog, status="refused")) == ["", "refused"]
    assert [row.key for row in catalog.entries(status="corrupt")] == [key(7).hex()]
    assert catalog.count(status=None) == 8
    clock.advance(11)
    assert sorted(names(catalog, status="expired")) == ["expired", "live"], "time passes without a fold"


def test_newer_code_supersedes_what_answered_the_same_question(catalog: Catalog, ledger: Ledger) -> None:
    asked = {"x": b"1" * 16}
    ledger.put(1, "f", code=b"old" * 4, inputs=asked)
    ledger.put(2, "f", code=b"old" * 4, inputs={"x": b"2" * 16})
    ledger.put(3, "g", code=b"old" * 4, inputs=asked)
    assert catalog.count() == 3
    ledger.put(4, "f", code=b"new" * 4, inputs=asked)
    assert [row.key for row in catalog.entries(status="superseded")] == [key(1).hex()]
    ledger.put(5, "f", code=b"new" * 4, inputs={**asked, "helper clean": b"9" * 16})
    assert {row.key for row in catalog.entries(status="superseded")} == {key(1).hex(), key(4).hex()}


def test_an_edit_taken_back_makes_the_old_result_the_current_one(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f", code=b"old" * 4, inputs={})
    ledger.put(2, "f", code=b"new" * 4, inputs={})
    assert [row.key for row in catalog.entries()] == [key(2).hex()]
    ledger.hits(1)
    assert [row.key for row in catalog.entries()] == [key(1).hex()]
    ledger.forget(1)
    assert [row.key for row in catalog.entries(status=None)] == [key(2).hex()]
    assert [row.status for row in catalog.entries(status=None)] == ["live"]


@pytest.mark.parametrize(
    "name", ["", "a\0b", "half \ud800 of a pair", "'\"`$1{main}--;/*", "名前", "x" * 5000, "\n\t\x1b[2J"]
)
def test_any_name_can_be_listed(catalog: Catalog, ledger: Ledger, name: str) -> None:
    ledger.put(1, name, inputs={name: b"1" * 16}, content_type=name, notes={"version": name})
    ledger.ran(1, name, reason=name, error=name)
    ledger.hits(1)
    (row,) = catalog.entries()
    assert row.name == name.replace("\ud800", "\ufffd")[:2000] or len(name) > 2000
    assert len(catalog.runs(key=row.key)) == 2 and len(catalog.inputs(row.key)) == 1


def test_a_pattern_with_half_a_character_fits_no_other_name(catalog: Catalog, ledger: Ledger) -> None:
    """As a terminal gives an "Ö" of another encoding: what is forgotten by such a pattern is what was meant."""
    ledger.put(1, "table")
    ledger.put(2, "\udcd6l")
    assert [row.name for row in catalog.entries("*\udcd6l*")] == ["\ufffdl"]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300, -1.0])
def test_odd_numbers_do_not_stop_the_fold(catalog: Catalog, ledger: Ledger, number: float) -> None:
    ledger.put(1, seconds=number, price=number, created=number, expires=number)
    ledger.ran(1, seconds=number, price=number, started=number)
    ledger.hits(1, 1, seconds=number, price=number)
    ledger.put(2)
    assert catalog.count(status=None) == 2
    assert catalog.stats().misses == 1
