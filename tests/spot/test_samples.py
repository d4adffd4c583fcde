"""The n-th answer to one prompt is a result of its own, and stays the n-th in the next run."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError, RecordMissing
from spotmagic.keys import fingerprint

runs: list[Any] = []


def draw(prompt: str) -> float:
    runs.append(prompt)
    return random.random()


@pytest.fixture
def ask(spot: Spot) -> Any:
    runs.clear()
    return spot.mark(ignore="runs")(draw)


def test_thirty_samples_of_one_prompt_are_thirty_results_in_the_second_run_too(ask: Any, tmp_path: Path) -> None:
    first = [ask.sample(n)("hi") for n in range(30)]
    assert len(set(first)) == 30 == len(runs)
    assert [ask.sample(n)("hi") for n in range(30)] == first and len(runs) == 30
    with Spot("test", root=tmp_path) as again:
        anew = again.mark(ignore="runs")(draw)
        assert [anew.sample(n)("hi") for n in range(30)] == first and len(runs) == 30
        assert again.stats().entries == 30  # none supersedes another


def test_sample_0_has_the_key_of_a_function_without_samples(ask: Any, spot: Spot) -> None:
    assert ask.key("hi") == ask.sample(0).key("hi") == spot.mark(ignore="runs", sample=0)(draw).key("hi")
    assert ask.sample(3).key("hi") == spot.mark(ignore="runs", sample=3)(draw).key("hi")
    assert len({ask.sample(n).key("hi") for n in range(12)}) == 12
    assert ask.sample(3).sample(0).key("hi") == ask.key("hi")
    assert ask.using(version="1").sample(2).key("hi") != ask.using(version="1").key("hi")


def test_a_sample_is_the_same_function_otherwise(ask: Any, spot: Spot) -> None:
    third = ask.sample(3)
    assert third is ask.sample(3) and third.__name__ == "draw" and third.marked.name == ask.marked.name
    with pytest.raises(RecordMissing):
        third.peek("hi")
    value = third("hi")
    assert third.peek("hi") == value and spot.stats(ask.marked.name).entries == 1
    ask.sample(4)("hi")
    assert last().reason == "first call with this `sample=`"  # type: ignore[union-attr]
    assert third.forget("hi") and third("hi") != value
    assert spot.functions[ask.marked.name] is ask.marked


def test_methods_have_samples(spot: Spot) -> None:
    class Bot:
        def __init__(self, name: str) -> None:
            self.name = name

        @spot.mark(ignore="runs")
        def ask(self, prompt: str) -> float:
            runs.append(prompt)
            return random.random()

    one: Any = Bot("one")
    assert one.ask.sample(2)("hi") == one.ask.sample(2)("hi") == Bot("one").ask.sample(2)("hi")  # type: ignore[attr-defined]
    assert one.ask.sample(2)("hi") != one.ask("hi") and one.ask.sample(2).key("hi") != one.ask.key("hi")
    there = cloudpickle.loads(cloudpickle.dumps(one.ask.sample(2)))
    assert there.key("hi") == one.ask.sample(2).key("hi")


def test_a_sample_can_be_pickled(ask: Any, spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "draw", ask)  # as after ``@spot.mark``
    for tool in (pickle, cloudpickle):
        there = tool.loads(tool.dumps(ask.sample(3)))
        assert there.key("hi") == ask.sample(3).key("hi") and there.number == 3


def test_a_limit_that_comes_later_holds_for_samples_made_before(ask: Any, spot: Spot) -> None:
    assert ask.sample(1).marked.gate is None
    limited: Any = spot.limiter(rpm=60)(ask)
    assert limited.sample(1).marked.gate is ask.marked.gate is not None


def test_a_function_that_uses_another_sample_is_asked_anew(
    ask: Any, spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "answer", ask.sample(3))
    twice: Any = spot.mark(_twice)
    one, fingerprints = twice("hi"), {fingerprint(f) for f in (ask, ask.sample(3), ask.sample(4))}
    assert len(fingerprints) == 3 and fingerprint(ask.sample(3)) == fingerprint(ask.using(ttl=9).sample(3))
    monkeypatch.setitem(globals(), "answer", ask.sample(4))
    assert twice("hi") != one
    taking: Any = spot.mark(_taking)
    assert taking(ask.sample(3)) != taking(ask.sample(4))


answer: Any = None


def _twice(prompt: str) -> float:
    return 2 * float(answer(prompt))


def _taking(function: Any) -> float:
    return float(function("hi"))


def test_a_remarked_sample_stays_that_sample(ask: Any, spot: Spot) -> None:
    assert spot.mark(ignore="runs", ttl="1d")(ask.sample(3)).key("hi") == ask.sample(3).key("hi")  # type: ignore[attr-defined]


def test_an_edit_that_was_accepted_keeps_samples_apart(spot: Spot) -> None:
    def made(text: str) -> Any:
        space: dict[str, Any] = {"__name__": "__main__", "runs": runs, "random": random}
        import linecache

        name = f"<samples {text}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), space)
        return spot.mark(ignore="runs")(space["edited"])

    old = made("def edited(f, x):\n    runs.append(x)\n    return random.random()\n")
    kept = [old.sample(n)(len, "hi") for n in range(3)]
    new = made("def edited(f, x):\n    runs.append(x)\n    return 0 + random.random()\n")
    assert new.accept() == ["code"]
    count = len(runs)
    assert [new.sample(n)(len, "hi") for n in range(3)] == kept and len(runs) == count
    assert new.sample(3)(len, "hi") not in kept


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "x", None, "²"])
def test_what_is_no_number_of_a_sample_is_refused(ask: Any, spot: Spot, wrong: Any) -> None:
    with pytest.raises(OptionError, match="is not the number of a sample"):
        ask.sample(wrong)
    with pytest.raises(OptionError, match="is not the number of a sample"):
        spot.mark(sample=wrong)
