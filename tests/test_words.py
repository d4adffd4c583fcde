"""The panel and its twin say numbers alike: both are held to one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spotmagic import words

TABLE = json.loads((Path(__file__).parents[1] / "js" / "tests" / "words.json").read_text())


@pytest.mark.parametrize(
    ("function", "case"), [(function, case) for function, cases in TABLE.items() for case in cases]
)
def test_numbers_are_said_as_in_the_panel(function: str, case: list[Any]) -> None:
    *given, said = case
    assert getattr(words, function)(*given) == said
