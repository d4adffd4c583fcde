"""The truth table of a call: every mode against everything a store can have."""

from __future__ import annotations

import pytest

from spotmagic.engine.decide import decide
from spotmagic.options import Mode
from spotmagic.store.entry import Bad, Entry

NOW = 1000.0
FRESH = Entry(
    key=b"k" * 16,
    name="f",
    kind="function",
    code=b"",
    inputs={},
    parts=(),
    created=0.0,
    expires=None,
    seconds=1.0,
    price=0.0,
)
FOUND = {
    "nothing": None,
    "fresh": FRESH,
    "holding": FRESH._replace(expires=NOW + 1),
    "expired": FRESH._replace(expires=NOW),
    "partial": FRESH._replace(status="partial"),
    "corrupt": Bad("corrupt", "bad seal"),
    "foreign": Bad("foreign", "unknown writer"),
    "unknown codec": Bad("unknown codec", "x"),
    "newer format": Bad("newer format", "9"),
}
TABLE = {
    #          nothing    fresh     holding   expired    partial    corrupt    foreign    unknown    newer
    "auto":   "run        return    return    run        run        run        run        run        run",
    "record": "run        run       run       run        run        run        run        run        run",
    "replay": "missing    return    return    missing    missing    missing    refused    refused    refused",
    "mock":   "missing    return    return    missing    missing    missing    refused    refused    refused",
    "off":    "bypass     bypass    bypass    bypass     bypass     bypass     bypass     bypass     bypass",
}  # fmt: skip
CASES = [
    (Mode(mode), found, action) for mode, row in TABLE.items() for found, action in zip(FOUND, row.split(), strict=True)
]


@pytest.mark.parametrize(("mode", "found", "action"), CASES)
def test_the_table(mode: Mode, found: str, action: str) -> None:
    decision = decide(mode, FOUND[found], NOW)
    assert decision.action == action
    if found not in ("nothing", "fresh", "holding"):
        assert decision.reason


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("found", FOUND)
def test_refresh_runs_again_where_the_mode_may_run(mode: Mode, found: str) -> None:
    decision = decide(mode, FOUND[found], NOW, fresh=True)
    if mode in (Mode.AUTO, Mode.RECORD):
        assert decision.action == "run"
    else:
        assert decision == decide(mode, FOUND[found], NOW)
