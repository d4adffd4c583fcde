"""A miss says what changed, in words."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from spotmagic.engine.explain import Trace, account, explain

BASE = Trace(b"code", {"df": b"1", "helper clean": b"2", "global PROMPT": b"3"}, "x = 1\ny = 2")


def test_without_anything_before_it_is_the_first_run() -> None:
    assert explain("cell", BASE, []).reason == "first run"
    assert account("c", "cell", BASE, []).reason == "first run"


@pytest.mark.parametrize(
    ("change", "reason", "names"),
    [
        ({"df": b"9"}, "`df` changed", ("df",)),
        ({"helper clean": b"9"}, "helper `clean` was edited", ("helper clean",)),
        ({"global PROMPT": b"9"}, "`PROMPT` changed", ("global PROMPT",)),
        ({"df": b"9", "helper clean": b"9"}, "`df` changed, helper `clean` was edited", ("df", "helper clean")),
        ({"extra": b"9"}, "`extra` changed", ("extra",)),
    ],
)
def test_it_names_the_input_that_differs(change: dict[str, bytes], reason: str, names: tuple[str, ...]) -> None:
    why = explain("cell", Trace(BASE.code, {**BASE.inputs, **change}), [BASE])
    assert (why.reason, why.changed) == (reason, names)


def test_own_code_is_named_only_when_no_helper_tells_more() -> None:
    assert explain("cell", Trace(b"other", BASE.inputs), [BASE]).reason == "the code was edited"
    edited = Trace(b"other", {**BASE.inputs, "helper clean": b"9"})
    assert explain("cell", edited, [BASE]).reason == "helper `clean` was edited"


def test_the_nearest_result_is_compared_and_not_the_newest() -> None:
    newest = Trace(b"other", {"df": b"7", "helper clean": b"7", "global PROMPT": b"7"})
    assert explain("cell", Trace(BASE.code, {**BASE.inputs, "df": b"9"}), [newest, BASE]).reason == "`df` changed"


def test_a_function_called_with_other_arguments_has_not_changed() -> None:
    before, now = Trace(b"code", {"doc": b"1"}), Trace(b"code", {"doc": b"2"})
    assert explain("function", now, [before]).reason == "first call with this `doc`"


def test_the_account_has_before_and_now_and_a_diff() -> None:
    full = account("c", "cell", Trace(b"other", {**BASE.inputs, "df": b"9"}, "x = 1\ny = 3"), [BASE])
    assert [(c.name, c.before, c.now) for c in full.changes] == [
        ("code", b"code".hex(), b"other".hex()), ("df", b"1".hex(), b"9".hex()),
    ]  # fmt: skip
    assert "-y = 2" in full.diff and "+y = 3" in full.diff
    assert "df: 31 -> 39" in str(full)


def test_nothing_changed_is_said() -> None:
    assert account("c", "cell", BASE, [BASE]).reason == "nothing changed"


def test_other_threads_may_add_traces_meanwhile() -> None:
    """Of results that are stored while this one is explained: its own must not be lost for that."""
    before: deque[Trace] = deque([BASE], maxlen=8)

    class Busy(dict[str, bytes]):
        def items(self) -> Any:
            before.appendleft(BASE)
            return super().items()

    now = Trace(b"other", Busy(BASE.inputs))
    before.appendleft(BASE)
    assert explain("cell", now, before).reason == "the code was edited"
    assert len(before) > 2
