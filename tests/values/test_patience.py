"""Looks at values end in time."""

from __future__ import annotations

import pytest

from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.values.patience import TooLong, at_once, patience

HUGE = {
    "a set of texts": lambda: frozenset(map(str, range(200_000))),
    "a set of tuples": lambda: frozenset((number, "a") for number in range(20_000)),
    "a set of sets": lambda: frozenset(frozenset({number, "a"}) for number in range(2_000)),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_look_at_a_huge_set_ends_when_its_time_is_over(what: str) -> None:
    value = HUGE[what]()  # of its own: one that was looked at before is known
    with patience(0.0), pytest.raises((Uncacheable, TooLong), match="too long"):
        fingerprint(value)


def test_what_took_too_long_once_is_given_up_at_once() -> None:
    value = set(map(str, range(200_000)))
    with patience(0.0), pytest.raises(TooLong), at_once(value):
        fingerprint(value)
    with pytest.raises(TooLong), at_once(value):
        raise AssertionError("it is looked at again")
    value.pop()
    with at_once(value):
        assert fingerprint(value), "another size: it may be quick now"


def test_what_fails_in_time_fails_as_itself() -> None:
    value = [(number for number in ())]
    for _ in range(2):
        with patience(60.0), pytest.raises(Uncacheable, match="generator"), at_once(value):
            fingerprint(value)
