"""A miss says what changed, in words."""

from __future__ import annotations

import pytest

from spotmagic.engine.explain import ASKED, DEFAULTS, Trace, account, explain, nearest

BASE = Trace(b"code", {"df": b"1", "helper clean": b"2", "global PROMPT": b"3"}, {"source": "x = 1\ny = 2"})


def test_without_anything_before_it_is_the_first_run() -> None:
    assert explain("cell", BASE, None).reason == "first run"
    assert account("c", "cell", BASE, None).reason == "first run"


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
    before = BASE._replace(inputs={**BASE.inputs, "file prices.csv": b"1", "env MODEL": b"1"})
    if "class Config" in change:
        before, reason = before._replace(inputs={**before.inputs, "class Config": b"1"}), "class `Config` was edited"
    why = explain("cell", Trace(BASE.code, {**before.inputs, **change}), before)
    assert (why.reason, why.changed) == (reason, names)


def test_own_code_is_named_only_when_no_helper_tells_more() -> None:
    assert explain("cell", Trace(b"other", BASE.inputs), BASE).reason == "the code was edited"
    edited = Trace(b"other", {**BASE.inputs, "helper clean": b"9"})
    assert explain("cell", edited, BASE).reason == "helper `clean` was edited"


def test_what_came_or_went_with_an_edit_is_not_named() -> None:
    """Code that was edited to call another helper, or to read another global: these did not change."""
    inputs = {"df": b"1", "helper scrub": b"5", "global TEMPLATE": b"3"}
    assert explain("function", Trace(b"other", inputs), BASE).reason == "the code was edited"


def test_the_nearest_has_the_same_arguments_whatever_its_code() -> None:
    newest = Trace(b"other", {"df": b"7", "helper clean": b"7", "global PROMPT": b"7"})
    now = Trace(BASE.code, {**BASE.inputs, "df": b"9"})
    assert nearest(now, [newest, BASE]) is BASE  # of the same code, where no arguments are the same
    same = Trace(b"other", {**BASE.inputs, "df": b"9"})
    assert nearest(now, [newest, BASE, same]) is same


def test_a_function_called_with_other_arguments_has_not_changed() -> None:
    before, now = Trace(b"code", {"doc": b"1"}), Trace(b"code", {"doc": b"2"})
    assert explain("function", now, before).reason == "first call with this `doc`"
    assert explain("function", now._replace(code=b"other"), before).reason == "first call with this `doc`"


def test_arguments_that_carry_edited_code_are_the_same_arguments() -> None:
    before = Trace(b"code", {"cfg": b"1", "class Config": b"1"}, {ASKED: "0a"})
    now = Trace(b"code", {"cfg": b"2", "class Config": b"2"}, {ASKED: "0a"})
    assert explain("function", now, before).reason == "class `Config` was edited"


def test_a_new_parameter_with_a_default_is_an_edit_and_a_new_default_is_told() -> None:
    before = Trace(b"code", {"doc": b"1"})
    assert explain("function", Trace(b"other", {"doc": b"1", "n": b"3"}, {DEFAULTS: "n"}), before).reason == (
        "the code was edited"
    )
    one, two = (Trace(b"code", {"doc": b"1", "n": number}, {DEFAULTS: "n"}) for number in (b"3", b"4"))
    assert explain("function", two, one).reason == "the default of `n` changed"


def test_the_account_has_before_and_now_and_a_diff() -> None:
    full = account("c", "cell", Trace(b"other", {**BASE.inputs, "df": b"9"}, {"source": "x = 1\ny = 3"}), BASE)
    assert [(c.name, c.before, c.now) for c in full.changes] == [
        ("code", b"code".hex(), b"other".hex()), ("df", b"1".hex(), b"9".hex()),
    ]  # fmt: skip
    assert "-y = 2" in full.diff and "+y = 3" in full.diff
    assert "df: 31 -> 39" in str(full)


def test_nothing_changed_is_said() -> None:
    assert account("c", "cell", BASE, BASE).reason == "nothing changed"


def test_the_account_names_handles_and_what_is_left_out() -> None:
    notes = {"handles": "openai.OpenAI (base_url=x)", "state": "log"}
    text = str(account("f", "function", BASE._replace(notes=notes), BASE))
    assert "counts by its settings: openai.OpenAI (base_url=x)" in text and "call only writes it: log" in text


def test_a_result_of_a_version_that_keyed_otherwise_is_no_edit() -> None:
    old = Trace(b"code of then", {"x": b"1", "global PROMPT": b"2", "made by 0.1.0": b""})
    why = explain("function", Trace(b"code of now", {"x": b"1", "global PROMPT": b"3"}), old)
    assert why.reason == "the kept result was made by 0.1.0, which keyed calls otherwise"
