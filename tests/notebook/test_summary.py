"""A summary tells size, never content."""

from __future__ import annotations

import numpy
import pandas
import pytest

from spotmagic.notebook.summary import summary


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2, 3], "list, 3 items"),
        ({"a": 1}, "dict, 1 item"),
        ("hunter2", "str"),
        ("x" * 1000, "str, 1,000 characters"),
        (b"x" * 100, "bytes, 100 bytes"),
        (5, "int"),
        (None, "NoneType"),
        (numpy.zeros((2, 3)), "ndarray of float64, 2 x 3"),
        (numpy.float64(1), "float64 of float64"),
        (pandas.DataFrame({"a": [1, 2]}), "DataFrame, 2 x 1"),
        (pandas.Series([1], name="s"), "Series of int64, 1"),
    ],
)
def test_a_value_in_a_few_words(value, said):
    assert summary(value) == said


def test_a_value_with_a_mind_of_its_own_is_not_asked():
    class Sly:
        def __getattr__(self, name):
            raise AssertionError(name)

    assert summary(Sly()) == "Sly"
