"""Interrupts at any step of wrapping and of taking it back: nothing is left wrapped by halves."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from interrupting import Interrupts

from spotmagic import Spot, wrap

WORDS = pytest.mark.parametrize("word", ["httpx", "requests"])
_FAR = 1 << 40


def places(word: str) -> list[tuple[Any, str]]:
    """What a target replaces: whose attributes, and which."""
    module = importlib.import_module(word)
    if word == "requests":
        return [(module.adapters.HTTPAdapter, "send"), (module.Session, "send")]
    transports = [(module.HTTPTransport, "handle_request"), (module.AsyncHTTPTransport, "handle_async_request")]
    return [*transports, (module.Client, "send"), (module.AsyncClient, "send")]


def steps(act: Callable[[], object]) -> list[int]:
    """Some steps of what is done, and all of the last, which put things in place."""
    with Interrupts(_FAR) as interrupts:
        act()
    count = _FAR - interrupts.left
    return sorted({*range(1, count, 1 + count // 20), *range(max(1, count - 60), count + 1)})


@WORDS
def test_wrapping_that_is_interrupted_is_whole_or_not_at_all(word: str, spot: Spot) -> None:
    true = [vars(owner)[name] for owner, name in places(word)]
    for _ in range(2):  # the first time it takes steps that no other does
        found = steps(lambda: spot.wrap(word))
        wrap.off()
    for place in found:
        with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
            spot.wrap(word)
        assert not interrupts.left
        same = [vars(owner)[name] is before for (owner, name), before in zip(places(word), true, strict=True)]
        assert all(same) if not wrap.names() else not any(same), place
        wrap.off()
        assert [vars(owner)[name] for owner, name in places(word)] == true


@WORDS
def test_taking_it_back_is_done_again_where_it_was_interrupted(word: str, spot: Spot) -> None:
    true = [vars(owner)[name] for owner, name in places(word)]
    spot.wrap(word)
    for place in steps(wrap.off):
        spot.wrap(word)
        with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
            wrap.off()
        assert not interrupts.left
        wrap.off()
        assert [vars(owner)[name] for owner, name in places(word)] == true, place
