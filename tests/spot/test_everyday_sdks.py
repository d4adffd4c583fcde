"""Everyday code under a mark gives what it gives without one: in a second kernel, after an edit, after undoing it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spot.everyday import CASES
from tests.spot.seven import sessions, verdicts

Said = dict[str, Any]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    folder = tmp_path_factory.mktemp("everyday")

    def begin(name: str) -> list[str]:
        how = "edited" if "edited" in name else "", "plain" if "plain" in name else "spot"
        return ["-m", "tests.spot.everyday", str(folder), *how]

    return sessions(begin, folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_everyday_code_gives_what_it_gives_without_a_mark(said: dict[str, Said], name: str) -> None:
    case = CASES[name]
    one = {session: each[name] for session, each in said.items()}
    values = {session: each["value"] for session, each in one.items()}
    found = verdicts(values, {session: each.get("verdict", "") for session, each in one.items()})
    assert values["plain"] != values["plain edited"] or case.refused, "the edit shows"
    if case.refused:
        assert set(found) == {"ran"}
        assert case.refused in one["second"]["reason"]
    else:
        assert found == ["ran", "hit", "ran", "hit", "hit"], one
