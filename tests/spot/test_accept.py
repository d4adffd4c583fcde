"""An edit that does not matter: all results of the code before stand for the code now, and nothing runs."""

from __future__ import annotations

import asyncio
import linecache
import textwrap
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import RecordMissing

paid: list[Any] = []
counter = iter(range(10**6))


@pytest.fixture(autouse=True)
def nothing_paid() -> None:
    paid.clear()


def module(spot: Spot, text: str, name: str = "work") -> dict[str, Any]:
    """What a cell defines, run under a name that has its source, as a notebook does."""
    text = textwrap.dedent(text)
    file = f"<ipython-input-{next(counter)}-{abs(hash(text)):x}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    space: dict[str, Any] = {"spot": spot, "paid": paid, "__name__": "__main__"}
    exec(compile(text, file, "exec"), space)
    return space


BASE = """
PROMPT = "be kind"

def clean(text):
    return text.strip()

class Config:
    def __init__(self, model):
        self.model = model
    def shout(self):
        return self.model.upper()

class Agent:
    def __init__(self, model):
        self.model = model
    @spot.mark(ignore="paid")
    def ask(self, x):
        paid.append(x)
        return clean(f"{self.model} {x}")
    @classmethod
    @spot.mark(ignore="paid")
    def made(cls, x):
        paid.append(x)
        return f"{cls.__name__} {x}"

@spot.mark(ignore="paid")
def ask(x):
    paid.append(x)
    return clean(f"{PROMPT} {x}")

@spot.mark(ignore="paid")
async def later(x):
    paid.append(x)
    return clean(f"{PROMPT} {x}")

@spot.mark(ignore="paid")
def configured(cfg, x=1):
    paid.append(x)
    return cfg.shout() * x
"""
ROOT = ('clean(f"{PROMPT} {x}")', "clean(f\"{PROMPT} {x}\") + ''")
HELPER = ("return text.strip()", "return text.strip().strip()")


def edited(spot: Spot, *edits: tuple[str, str]) -> dict[str, Any]:
    text = BASE
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    return module(spot, text)


@pytest.mark.parametrize("edit", [ROOT, HELPER])
def test_nothing_runs_after_an_accepted_edit(spot: Spot, edit: tuple[str, str]) -> None:
    """All results at once, told as drift; what was never asked runs."""
    old = edited(spot)["ask"]
    assert [old(x) for x in range(12)] == [f"be kind {x}" for x in range(12)]
    paid.clear()
    new = edited(spot, edit)["ask"]
    names = new.accept()
    assert "code" in names
    assert [new(x) for x in range(12)] == [f"be kind {x}" for x in range(12)] and paid == []
    for _ in range(2):  # also when it is asked again
        outcome = last()
        assert outcome is not None and outcome.verdict == "hit" and set(outcome.drift) == set(names)
        new(11)
    assert new(99) == "be kind 99" and paid == [99]
    assert new.accept() == []


def test_without_accepting_an_edit_runs(spot: Spot) -> None:
    edited(spot)["ask"](1)
    new = edited(spot, ROOT)["ask"]
    assert new(1) == "be kind 1" and paid == [1, 1]
    new.accept()  # what was paid again in between stays, and older results stand for it
    assert new(1) and paid == [1, 1]


def test_the_next_edit_asks_again_and_acceptances_chain(spot: Spot) -> None:
    edited(spot)["ask"](1)
    paid.clear()
    second = edited(spot, ROOT)["ask"]
    second.accept()
    third = edited(spot, ROOT, HELPER)["ask"]
    assert third(1) and paid == [1]  # a new edit
    spot.store.forget([bytes.fromhex(third.key(1))])
    third.accept()
    assert third(1) and paid == [1]
    back = edited(spot)["ask"]
    assert back(1) and paid == [1]


def test_an_edit_that_mattered_stays_one(spot: Spot) -> None:
    """Accepting the last edit does not accept the one before it."""
    edited(spot)["ask"](1)
    matters = ("return text.strip()", "return text.strip() + '!'")
    edited(spot, matters)["ask"](2)
    paid.clear()
    now = edited(spot, matters, ROOT)["ask"]
    now.accept()
    assert now(2) == "be kind 2!" and paid == []
    assert now(1) == "be kind 1!" and paid == [1]


@pytest.mark.parametrize("edit", [("be kind", "be brief"), ('PROMPT = "be kind"', 'PROMPT = ["be kind"]')])
def test_globals_still_count(spot: Spot, edit: tuple[str, str]) -> None:
    edited(spot)["ask"](1)
    paid.clear()
    new = edited(spot, ROOT, edit)["ask"]
    new.accept()
    assert new(1) and paid == [1]


def test_a_global_that_came_with_the_edit_counts_from_then_on(spot: Spot) -> None:
    edited(spot)["ask"](1)
    paid.clear()
    came = ('clean(f"{PROMPT} {x}")', 'clean(f"{PROMPT} {x}")[:LIMIT]')
    text = [came, ('PROMPT = "be kind"', 'PROMPT = "be kind"\nLIMIT = 100')]
    new = edited(spot, *text)["ask"]
    new.accept()
    assert new(1) == "be kind 1" and paid == []
    other = edited(spot, came, ('PROMPT = "be kind"', 'PROMPT = "be kind"\nLIMIT = 4'))["ask"]
    assert other(1) == "be k" and paid == [1]


def test_methods_and_class_methods(spot: Spot) -> None:
    """The object carries the code of its class: the edit of a method, or of another one, is accepted with it."""
    old = edited(spot)
    assert old["Agent"]("m").ask(1) == "m 1" and old["Agent"].made(1) == "Agent 1"
    paid.clear()
    edits = [("return clean(f\"{self.model} {x}\")", "return clean(f\"{self.model} {x}\") + ''"),
             ("self.model = model\n    @spot", "self.model = str(model)\n    @spot"), HELPER]  # fmt: skip
    new = edited(spot, *edits)["Agent"]
    assert new("m").ask.accept() and new.made.accept()
    assert new("m").ask(1) == "m 1" and new.made(1) == "Agent 1" and paid == []
    assert new("other").ask(1) == "other 1" and paid == [1]


def test_classes_of_arguments_and_new_parameters(spot: Spot) -> None:
    old = edited(spot)
    assert old["configured"](old["Config"]("m")) == "M"
    paid.clear()
    edits = [("return self.model.upper()", "return self.model.upper().upper()"),
             ("cfg, x=1", "cfg, x=1, quiet=False")]  # fmt: skip
    new = edited(spot, *edits)
    new["configured"].accept()
    assert new["configured"](new["Config"]("m")) == "M" and paid == []
    assert new["configured"](new["Config"]("n")) == "N" and paid == [1]
    assert new["configured"](new["Config"]("m"), quiet=True) == "M" and paid == [1, 1]


def test_asynchronous_functions_and_the_word_of_the_spot(spot: Spot) -> None:
    asyncio.run(edited(spot)["later"](1))
    paid.clear()
    new = edited(spot, ROOT, HELPER)
    assert spot.accept("later") == ["later"] and spot.accept("nobody") == []
    assert asyncio.run(new["later"](1)) == "be kind 1" and paid == []


def test_it_is_kept_in_the_folder_and_holds_in_replay(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path) as spot:
        edited(spot)["ask"](1)
        edited(spot, ROOT)["ask"].accept()
    paid.clear()
    with Spot("s", root=tmp_path, mode="replay") as again:
        ask = edited(again, ROOT)["ask"]
        assert ask(1) == "be kind 1" and paid == []
        with pytest.raises(RecordMissing):
            ask(2)
        with pytest.raises(RecordMissing):
            edited(again, ROOT, HELPER)["ask"](1)


def test_another_kernel_sees_it_at_its_next_call(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path) as one, Spot("s", root=tmp_path, blob_over=1000) as two:
        edited(one)["ask"](1)
        ask = edited(two, ROOT)["ask"]
        assert ask(2) and paid == [1, 2]
        edited(one, ROOT)["ask"].accept()
        assert ask(1) and paid == [1, 2]


def test_expired_and_refreshed_results_run(tmp_path: Path) -> None:
    from spotmagic.testing import FakeClock

    clock = FakeClock()
    with Spot("s", root=tmp_path, ttl="1h", clock=clock) as spot:
        edited(spot)["ask"](1)
        new = edited(spot, ROOT)["ask"]
        new.accept()
        assert new.refresh(1) and paid == [1, 1]
        clock.sleep(7200)
        assert new(1) and paid == [1, 1, 1]


def test_a_pinned_function_is_accepted_by_its_drift(spot: Spot) -> None:
    with spot.cached_run(lambda x: paid.append(x) or x, version="v1") as f:
        f(1)
    g = spot.mark(version="v1")(lambda x: paid.append(x) or x + 0)
    assert g(1) == 1 and (outcome := last()) is not None and outcome.drift
    assert g.accept() and g(1) == 1 and (outcome := last()) is not None and not outcome.drift


def test_functions_that_arguments_bring_are_not_accepted_for_each_other(spot: Spot) -> None:
    """However often an edit is accepted: other lambdas, and what they close over, are other arguments."""
    text = """
    @spot.mark(ignore="paid")
    def apply(call, x):
        paid.append(x)
        return call(x)
    one, two = lambda x: x + 1, lambda x: x + 2
    def adder(k):
        return lambda x: x + k
    """
    bodies = ["call(x)", "call(x) + 0", "call(x) + 0 + 0", "call(x) - 0", "0 + call(x)"]
    for number, body in enumerate(bodies):
        space = module(spot, text.replace("return call(x)", f"return {body}"))
        apply = space["apply"]
        apply.accept()
        assert apply(space["one"], 1) == 2 and apply(space["adder"](10), 1) == 11
        if number % 2:
            assert apply(space["two"], 1) == 3 and apply(space["adder"](20), 1) == 21
        apply.accept()
    assert [apply(space[name], 1) for name in ("one", "two")] == [2, 3]
    assert [apply(space["adder"](k), 1) for k in (10, 20, 30)] == [11, 21, 31]


def test_two_things_of_one_name_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spot: Spot) -> None:
    """What two modules call PROMPT is one thing in the account of a call, and a change of either is a change."""
    text = "PROMPT = 'a'\nclass Part{0}:\n    def text(self):\n        return PROMPT\n"
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("first", "second"):
        (tmp_path / f"parts_{name}.py").write_text(text.format(name.title()))
    import parts_first  # type: ignore[import-not-found]
    import parts_second  # type: ignore[import-not-found]

    body = """
    @spot.mark(ignore="paid")
    def both(one, two):
        paid.append(1)
        return one.text() + two.text()
    """
    args = parts_first.PartFirst(), parts_second.PartSecond()
    assert module(spot, body)["both"](*args) == "aa"
    new = module(spot, body.replace("two.text()", "two.text() + ''"))["both"]
    new.accept()
    assert new(*args) == "aa" and paid == [1]
    new = module(spot, body.replace("two.text()", "two.text() + '' + ''"))["both"]
    new.accept()
    parts_first.PROMPT = "b"
    assert new(*args) == "ba"
    parts_first.PROMPT, parts_second.PROMPT = "a", "b"
    assert new(*args) == "ab"
