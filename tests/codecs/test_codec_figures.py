"""What matplotlib draws and gives back: kept with one look at the figure, however many pieces it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import pytest

from spotmagic.codecs import decode, encode
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.values.patience import patience

mpl.use("agg")
plt: Any = pytest.importorskip("matplotlib.pyplot")

DRAWINGS: dict[str, Callable[[], Any]] = {
    "bars": lambda: plt.bar(range(40), range(40)),
    "a histogram": lambda: plt.hist([1, 2, 2, 3], bins=30),
    "error bars": lambda: plt.errorbar([1, 2, 3], [1, 2, 3], yerr=[0.1, 0.1, 0.1]),
    "stems": lambda: plt.stem([1, 2, 3]),
    "a pie": lambda: plt.pie([1, 2, 3]),
    "boxes": lambda: plt.boxplot([[1, 2, 3], [2, 3, 4]]),
    "violins": lambda: plt.violinplot([[1, 2, 3], [2, 3, 4]]),
    "bars with names": lambda: plt.bar(["a", "b"], [1, 2]),
    "lines over texts": lambda: plt.plot(["a", "b", "a"], [1, 2, 3]),
    "a bar of colours": lambda: plt.colorbar(plt.scatter([1, 2], [3, 4], c=[5, 6])),
    "a grid of axes": lambda: plt.subplots(3, 3),
    "artists in a dict": lambda: {"a": plt.plot([1, 2]), "b": plt.scatter([1, 2], [3, 4])},
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("name", DRAWINGS)
def test_what_a_drawing_gives_back_is_kept_after_two_looks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture of the value and one of its copy: each bar of a thousand leads to the whole figure."""
    value = DRAWINGS[name]()
    drawn = []
    draw = mpl.figure.Figure.savefig
    monkeypatch.setattr(mpl.figure.Figure, "savefig", lambda *a, **k: (drawn.append(1), draw(*a, **k)))
    kept = encode(value)
    assert len(drawn) <= 2
    copy = decode(kept.codecs, kept.head, [bytearray(each) for each in kept.buffers], trusted=True)
    assert type(copy) is type(value)


def test_other_bars_are_other_pictures() -> None:
    one, other = plt.bar([1, 2], [3, 4]), None
    plt.figure()
    other = plt.bar([1, 2], [3, 5])
    assert fingerprint(one, as_copied=True) != fingerprint(other, as_copied=True)


def test_a_new_text_on_an_axis_gets_the_next_place() -> None:
    _, axes = plt.subplots()
    axes.plot(["a", "b"], [1, 2])
    kept = encode(axes)
    copy = decode(kept.codecs, kept.head, kept.buffers, trusted=True)
    for one in (axes, copy):
        one.plot(["c", "a"], [3, 4])
    assert [line.get_xdata(orig=False).tolist() for line in copy.lines] == [[0, 1], [2, 0]]
    assert [line.get_xdata(orig=False).tolist() for line in axes.lines] == [[0, 1], [2, 0]]


def test_a_figure_as_an_input_is_refused_with_what_to_do() -> None:
    with pytest.raises(Uncacheable, match="draw, change and show it in one cell"):
        fingerprint(plt.subplots()[0])


class Node:
    def __init__(self, other: Any) -> None:
        self.other = other


def test_a_look_that_takes_too_long_ends_by_name() -> None:
    chain: Any = [Node(None) for _ in range(3000)]
    with patience(0.0), pytest.raises(Uncacheable, match="takes too long"):
        fingerprint(chain, path="chain")
    assert fingerprint(chain)
