"""Whoever pays for a call again and again is told once, with the option that ends it; and it does end it."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError, SpotWarning

paid: list[Any] = []
rows: list[int] = []
names = {"n": 0}


@pytest.fixture(autouse=True)
def anew() -> None:
    paid.clear()
    rows.clear()
    names["n"] = 0


class Model:
    def __init__(self, name: str) -> None:
        self.name, self._serialized, self.calls = name, None, 0

    def text(self) -> str:
        self._serialized = self.name.upper()
        return self._serialized


def by_model(llm: Model, x: int) -> str:
    return (llm.text() + str(llm._serialized))[:1] * x


def by_row(line: list[int]) -> int:
    line.append(1)
    return line[0]


def by_global(x: int) -> int:
    rows.append(len(rows))
    return rows[0] + x


def by_helper(x: int) -> int:
    return by_global(x) + names["n"]


def by_dict(x: int) -> int:
    names["n"] += 1
    return x + (names["n"] > 0)


def by_iterator(x: int, source: Any) -> int:
    return x


def hidden(x: int) -> int:
    return x if globals() else 0


class Agent:
    def __init__(self, model: str) -> None:
        self.model, self.calls = model, 0

    def ask(self, x: int) -> str:
        self.calls += 1
        return self.model * x * min(self.calls, 1)


def told(call: Any, times: int = 3) -> list[str]:
    """What repeated calls warn of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # (each of them, also of one line)
        for _ in range(times):
            call()
    found = [one for one in caught if issubclass(one.category, SpotWarning)]
    assert all(one.filename == __file__ for one in found)  # where the user called
    return [str(one.message) for one in found]


def ends(spot: Spot, text: str, function: Any, *args: Any) -> bool:
    """Whether a mark with each option that a warning names stores the call."""
    options = re.findall(r"(ignore|version)='([^']*)'", text)
    assert options, text
    for option, value in options:
        f = spot.mark(**{option: value})(function)
        f(*args)
        assert (outcome := last()) is not None and outcome.stored, (option, value, outcome.reason)
    return True


@pytest.mark.parametrize(
    ("function", "args", "words"),
    [
        (by_model, lambda: (Model("m"), 2), "it changes `llm` (`_serialized`). Leave it out with ignore='llm'"),
        (by_row, lambda: ([1],), "it changes `line`. Leave it out with ignore='line'"),
        (by_global, lambda: (1,), "it changes `rows`. Leave it out with ignore='rows'"),
        (by_helper, lambda: (2,), "it changes `rows`. Leave it out with ignore='rows'"),
        (by_dict, lambda: (3,), "it changes `names`. Leave it out with ignore='names'"),
        (Agent.ask, lambda: (Agent("a"), 2), "it changes `self` (`calls`). Leave it out with ignore='self.calls'"),
    ],
)
def test_what_a_call_changes_is_told_at_its_second_run(spot: Spot, function: Any, args: Any, words: str) -> None:
    f = spot.mark(function)
    assert told(lambda: f(*args()), 1) == []  # it may be fine at the next call
    texts = told(lambda: f(*args()))
    assert len(texts) == 1 and f"{f.marked.name} is paid at every call: {words}" in texts[0], texts
    assert told(lambda: spot.mark(function)(*args())) == []  # once in a process
    assert ends(spot, texts[0], function, *args())


def test_an_argument_without_a_fingerprint_is_told_at_once(spot: Spot) -> None:
    f = spot.mark(by_iterator)
    texts = told(lambda: f(1, iter([1])))
    assert len(texts) == 1 and "by_iterator runs uncached and is paid at every call: `source`" in texts[0], texts
    assert ends(spot, texts[0], by_iterator, 1, iter([1]))


def by_lines(source: Any) -> str:
    return "".join(source)


def by_file(source: Any) -> str:
    return str(source.read())


def test_what_is_used_up_is_asked_for_as_it_can_be_kept(spot: Spot, tmp_path: Path) -> None:
    """Left out, calls with other lines and with other files would be one call."""
    (tmp_path / "a").write_text("text")
    texts = told(lambda f=spot.mark(by_lines): f(one for one in "ab"))
    assert len(texts) == 1 and "Give it a list, or leave it out with ignore='source'" in texts[0], texts

    def opened(f: Any) -> None:
        with (tmp_path / "a").open() as source:
            f(source)

    texts = told(lambda f=spot.mark(by_file): opened(f))
    assert len(texts) == 1 and "it changes `source`. Give it the path, or what the file holds" in texts[0], texts


def test_code_that_cannot_be_read_is_told_at_once(spot: Spot) -> None:
    f = spot.mark(hidden)
    texts = told(lambda: f(1))
    assert len(texts) == 1 and "hidden is paid at every call: `hidden` calls globals()" in texts[0], texts
    assert ends(spot, texts[0], hidden, 1)
    space: dict[str, Any] = {}
    exec("def made(x): return x", space)
    texts = told(lambda g=spot.mark(space["made"]): g(1))
    assert len(texts) == 1 and "`made` has no source" in texts[0], texts
    assert ends(spot, texts[0], space["made"], 1)


def test_a_result_that_cannot_be_kept_is_told_once_by_its_name(spot: Spot) -> None:
    f = spot.mark(lambda x: (one for one in [x]))
    texts = told(lambda: list(f(1)))
    assert len(texts) == 1 and "<lambda>" in texts[0], texts


def test_calls_that_are_fine_after_the_first_are_not_told(spot: Spot) -> None:
    """A client that is made when it is first needed."""

    class Lazy:
        def __init__(self) -> None:
            self._client: Any = None

        def ask(self, x: int) -> int:
            if self._client is None:
                self._client = {"made": True}
            return x + len(self._client)

    one, f = Lazy(), spot.mark(Lazy.ask)
    assert told(lambda: f(one, 1)) == [] and (outcome := last()) is not None and outcome.verdict == "hit"


def test_attributes_are_left_out_by_their_name(spot: Spot) -> None:
    by_path, by_name = spot.mark(ignore="self.calls")(Agent.ask), spot.mark(ignore="calls")(Agent.ask)
    for f in (by_path, by_name):
        assert f(Agent("a"), 2) == "aa" and f(Agent("b"), 2) == "bb"
        used = Agent("a")
        used.calls = 7
        assert f(used, 2) == "aa" and (outcome := last()) is not None and outcome.verdict == "hit"
    for wrong in ("self.cals", "cals"):
        if "." not in wrong:
            with pytest.raises(OptionError):
                spot.mark(ignore=wrong)(Agent.ask)
