"""Somebody's tests: recorded once, offline after that."""

import os

import pytest
from titles import careful_title_of, title_of


@pytest.mark.spot("httpx", match="127.0.0.1/*")
def test_a_title_is_short():
    assert len(title_of("The tide turns twice a day.")) < 60


@pytest.mark.spot("httpx", match="127.0.0.1/*")
@pytest.mark.parametrize("text", ["Bread rests.", "Clocks run."])
def test_a_title_is_not_empty(text):
    assert title_of(text)


def test_marked_functions_are_recorded_too(spot):
    ran = []

    @spot.mark(ignore="ran")
    def count(text):
        ran.append(text)
        return len(text.split())

    assert count("one two") == count("one two") == 2
    assert len(ran) <= 1


if os.environ.get("WITH_NEW_CALLS"):

    @pytest.mark.spot("httpx", match="127.0.0.1/*")
    def test_new():
        assert title_of("A text that nobody recorded.")

    @pytest.mark.spot("httpx", match="127.0.0.1/*")
    def test_new_and_swallowed():
        assert careful_title_of("Another such text.")
