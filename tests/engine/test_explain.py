"""A miss says what changed, in words."""

from __future__ import annotations

import random

import pytest

from spotmagic.engine.explain import DEFAULTS, Near, Trace, Why, account
from spotmagic.engine.explain import explain as against
from spotmagic.engine.postings import Postings

BASE = Trace(b"code", {"df": b"1", "helper clean": b"2", "global PROMPT": b"3"}, {"source": "x = 1\ny = 2"})
CELL = BASE._replace(kind="cell")


def explain(now: Trace, before: Trace | None) -> Why:
    """Why a call ran, where one result is all that is there."""
    if before is None:
        return against(now, None)
    known = Postings()
    known.add(b"only", before.asked, before.code, before.arguments)
    unseen = None if next(known.alike(now.asked), None) else known.unseen(now.arguments, 1)
    return against(now, Near(before, unseen))


def test_without_anything_before_it_is_the_first_run() -> None:
    assert explain(CELL, None).reason == "first run"
    assert account("c", CELL, None).reason == "first run"


@pytest.mark.parametrize(
    ("change", "reason", "names"),
    [
        ({"df": b"9"}, "`df` changed", ("df",)),
        ({"helper clean": b"9"}, "helper `clean` was edited", ("helper clean",)),
        ({"class Config": b"9"}, "`Config` changed", ("class Config",)),
        ({"global PROMPT": b"9"}, "`PROMPT` changed", ("global PROMPT",)),
        ({"df": b"9", "helper clean": b"9"}, "`df` changed, helper `clean` was edited", ("df", "helper clean")),
        ({"extra": b"9"}, "`extra` changed", ("extra",)),
        ({"file prices.csv": b"9"}, "file `prices.csv` changed", ("file prices.csv",)),
        ({"env MODEL": b"9"}, "env `MODEL` changed", ("env MODEL",)),
    ],
)
def test_it_names_the_input_that_differs(change: dict[str, bytes], reason: str, names: tuple[str, ...]) -> None:
    before = CELL._replace(inputs={**BASE.inputs, "file prices.csv": b"1", "env MODEL": b"1"})
    if "class Config" in change:
        before, reason = before._replace(inputs={**before.inputs, "class Config": b"1"}), "class `Config` was edited"
    why = explain(CELL._replace(inputs={**before.inputs, **change}), before)
    assert (why.reason, why.changed) == (reason, names)


def test_own_code_is_named_only_when_no_helper_tells_more() -> None:
    assert explain(CELL._replace(code=b"other"), CELL).reason == "the code was edited"
    edited = CELL._replace(code=b"other", inputs={**BASE.inputs, "helper clean": b"9"})
    assert explain(edited, CELL).reason == "helper `clean` was edited"


def test_what_came_or_went_with_an_edit_is_not_named() -> None:
    """Code that was edited to call another helper, or to read another global: these did not change."""
    inputs = {"df": b"1", "helper scrub": b"5", "global TEMPLATE": b"3"}
    assert explain(Trace(b"other", inputs), BASE).reason == "the code was edited"


def test_the_nearest_shares_most_arguments_and_of_these_the_code() -> None:
    known = Postings()
    for key, code, a, b, c in [
        (b"1", b"old", b"1", b"1", b"1"), (b"2", b"new", b"2", b"2", b"2"), (b"3", b"old", b"2", b"2", b"1"),
        (b"4", b"old", b"9", b"9", b"9"),
    ]:  # fmt: skip
        known.add(key, a + b + c, code, [("a", a), ("b", b), ("c", c)])
    now = [("a", b"2"), ("b", b"2"), ("c", b"3")]
    assert list(known.nearest(b"new", now, 4)) == [b"2", b"3", b"4", b"1"]
    assert list(known.nearest(b"other", now, 4)) == [b"3", b"2", b"4", b"1"]  # the newest
    assert list(known.nearest(b"new", now, 1)) == [b"1"]  # and nothing that came later
    assert known.unseen(now, 4) == ("c",) and known.unseen(now, 1) == ("a", "b", "c")
    known.remove([b"2", b"4"])
    assert list(known.nearest(b"new", now, 4)) == [b"3", b"1"]


def test_the_nearest_is_found_as_by_looking_at_each() -> None:
    numbers = random.Random(7)
    known, made = Postings(), []
    for number in range(300):
        arguments = [(name, bytes([numbers.randrange(4)])) for name in "abcdefg"]
        code = bytes([numbers.randrange(2)])
        made.append((code, arguments))
        known.add(str(number).encode(), b"".join(one for _, one in arguments), code, arguments)
    for _ in range(50):
        code, now = b"\1", [(name, bytes([numbers.randrange(4)])) for name in "abcdefg"]
        found = int(next(known.nearest(code, now, 200)))
        shares = [
            (len({*arguments} & {*now}), own == code, number) for number, (own, arguments) in enumerate(made[:200])
        ]
        assert max(shares)[2] == found


def test_a_function_called_with_other_arguments_has_not_changed() -> None:
    before, now = Trace(b"code", {"doc": b"1"}), Trace(b"code", {"doc": b"2"})
    assert explain(now, before).reason == "first call with this `doc`"
    edited = explain(now._replace(code=b"other"), before)
    assert edited.reason == "first call with this `doc`, the code was edited" and edited.changed == ("doc", "code")


def test_a_new_parameter_with_a_default_is_an_edit_and_a_new_default_is_told() -> None:
    before = Trace(b"code", {"doc": b"1"})
    assert explain(Trace(b"other", {"doc": b"1", "n": b"3"}, {DEFAULTS: "n"}), before).reason == ("the code was edited")
    one, two = (Trace(b"code", {"doc": b"1", "n": number}, {DEFAULTS: "n"}) for number in (b"3", b"4"))
    assert explain(two, one).reason == "the default of `n` changed"


def test_the_account_has_before_and_now_and_a_diff() -> None:
    full = account("c", Trace(b"other", {**BASE.inputs, "df": b"9"}, {"source": "x = 1\ny = 3"}), Near(BASE))
    assert [(c.name, c.before, c.now) for c in full.changes] == [
        ("code", b"code".hex(), b"other".hex()), ("df", b"1".hex(), b"9".hex()),
    ]  # fmt: skip
    assert "-y = 2" in full.diff and "+y = 3" in full.diff
    assert "df: 31 -> 39" in str(full)


def test_nothing_changed_is_said() -> None:
    assert account("c", BASE, Near(BASE)).reason == "nothing changed"


def test_the_account_names_handles_and_what_is_left_out() -> None:
    notes = {"handles": "openai.OpenAI (base_url=x)", "state": "log"}
    text = str(account("f", BASE._replace(notes=notes), Near(BASE)))
    assert "counts by its settings: openai.OpenAI (base_url=x)" in text and "call only writes it: log" in text


def test_a_result_of_a_version_that_keyed_otherwise_is_no_edit() -> None:
    old = Trace(b"code of then", {"x": b"1", "global PROMPT": b"2", "made by 0.1.0": b""})
    why = explain(Trace(b"code of now", {"x": b"1", "global PROMPT": b"3"}), old)
    assert why.reason == "the kept result was made by 0.1.0, which keyed calls otherwise"


def test_another_version_is_told_and_not_what_it_stands_for() -> None:
    one = Trace(b"code", {"x": b"1", "helper clean": b"2", "closure n": b"1"}, {"version": "1"})
    two = one._replace(code=b"other", inputs={**one.inputs, "helper clean": b"3"}, notes={"version": "2"})
    assert explain(two, one) == ("version= changed", ("version=",))
    assert explain(two._replace(notes={}), one).reason == "version= changed"
    assert explain(two._replace(notes=one.notes, inputs={**two.inputs, "x": b"5"}), one).reason == (
        "first call with this `x`"
    )
    assert explain(one._replace(inputs={**one.inputs, "closure n": b"5"}), one).reason == "`n` changed"


def test_whether_an_argument_counts_is_told() -> None:
    """An option of the mark, such as ignore=, which is no code."""
    both, one = Trace(b"code", {"x": b"1", "lang": b"2"}), Trace(b"code", {"x": b"1"})
    assert explain(one, both).reason == "whether `lang` counts was changed"
    assert explain(both, one).reason == "first call with this `lang`"
