"""Two people, two homes: what one has paid for the other gets, as far as it can be, and is told the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import enum, json, sys, warnings
from dataclasses import dataclass
from typing import NamedTuple
import attrs, pydantic
from spotmagic import Spot, last

warnings.simplefilter("ignore")

@dataclass
class Data:
    text: str
    size: int = SIZE

@dataclass(frozen=True, slots=True)
class Slots:
    text: str

class Model(pydantic.BaseModel):
    text: str
    tags: list[str] = []

@attrs.define
class Attrs:
    text: str

class Pair(NamedTuple):
    text: str
    number: int = 1

class Colour(enum.Enum):
    RED = "red"

class Plain:
    def __init__(self, text):
        self.text = text
    def __eq__(self, other):
        return type(self) is type(other) and self.text == other.text

paid = []

def data(x): paid.append("data"); return Data(x)
def slots(x): paid.append("slots"); return [Slots(x)]
def model(x): paid.append("model"); return {"a": Model(text=x)}
def attr(x): paid.append("attr"); return Attrs(x)
def pair(x): paid.append("pair"); return Pair(x)
def colour(x): paid.append("colour"); return Colour.RED
def text(x): paid.append("text"); return x.upper()
def pickled(x): paid.append("pickled"); return Plain(x)
def secret(x, api_key): paid.append("secret"); return x
def left_out(x, api_key): paid.append("left_out"); return x
def token(x): paid.append("token"); return x if TOKEN else ""

TOKEN = sys.argv[3]
spot = Spot("shared", root="spots")
told = str(spot.load(sys.argv[2])) if sys.argv[1] == "load" else ""
values, reasons = {}, {}
for f in (data, slots, model, attr, pair, colour, text, pickled, token):
    values[f.__name__] = repr(spot.mark(f)("x")) if f is not pickled else spot.mark(f)("x").text
    reasons[f.__name__] = last().reason
for f, ignore in ((secret, ()), (left_out, ("api_key",))):
    values[f.__name__] = spot.mark(ignore=ignore)(f)("x", api_key=TOKEN)
    reasons[f.__name__] = last().reason
exported = spot.export(sys.argv[2]) if sys.argv[1] == "export" else None
verified = spot.verify()
print(json.dumps({
    "paid": sorted(paid), "values": values, "reasons": reasons, "told": told,
    "exported": exported, "barred": exported.unusable.lines() if exported is not None else [],
    "unusable": verified.unusable.lines(),
}))
"""
ALL = ["attr", "colour", "data", "left_out", "model", "pair", "pickled", "secret", "slots", "text", "token"]


def session(home: Path, what: str, archive: Path, token: str, size: str = "3", **variables: str) -> dict[str, Any]:
    """What a person's run of the script tells."""
    home.mkdir(exist_ok=True)
    (home / "work.py").write_text(SCRIPT.replace("SIZE", size))
    own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), **variables}
    command = [sys.executable, "work.py", what, str(archive), token]
    done = subprocess.run(command, cwd=home, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("people")
    archive = folder / "results.zip"
    return session(folder / "ann", "export", archive, "sk-ann-0123456789"), archive


def test_classes_of_the_notebook_are_hits_where_they_have_the_same_code(
    ann: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    first, archive = ann
    assert first["paid"] == ALL and first["exported"] == len(ALL) and first["unusable"] == []
    ben = session(tmp_path / "ben", "load", archive, "sk-ben-9876543210")
    assert ben["values"] == first["values"]
    assert ben["paid"] == ["pickled", "secret", "token"]
    assert f"loaded {len(ALL)} results ({len(ALL)} of people you do not trust)" in ben["told"]
    assert "8 can be used here, 3 not:" in ben["told"]
    assert "  1: pickled, which loads where who signed them is trusted (`spotmagic trust add NAME " in ben["told"]
    assert "  1: keyed with a secret under its owner's mask (api_key): never found by you (secret)" in ben["told"]
    assert len(ben["unusable"]) == 2, "what it ran itself is its own by now"


def test_with_another_code_of_the_class_it_runs_and_says_so(ann: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    first, archive = ann
    cleo = session(tmp_path / "cleo", "load", archive, "sk-ann-0123456789", size="4")
    assert "`__main__:Data` has another code here (data)" in cleo["told"]
    assert "data" in cleo["paid"] and not {"model", "pair", "attr", "slots", "colour"} & set(cleo["paid"])
    assert "class `Data` was edited" in cleo["reasons"]["data"]


def test_a_secret_is_named_where_only_it_keeps_a_result_apart(ann: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    """To whom it is exported, and to whoever runs it again for it; with the way out."""
    first, archive = ann
    assert any("api_key): leave it out with ignore= (secret)" in line for line in first["barred"])
    assert any("TOKEN" in line and "(token)" in line for line in first["barred"])
    assert any(line.endswith("(pickled)") for line in first["barred"])
    ben = session(tmp_path / "ben", "load", archive, "sk-ben-9876543210")
    assert "ignore='api_key' leaves it out" in ben["reasons"]["secret"]
    assert "`TOKEN` changed" in ben["reasons"]["token"] and "ignore='TOKEN'" in ben["reasons"]["token"]


def test_a_team_with_a_secret_of_its_own_shares_those_and_pickles_too(tmp_path: Path) -> None:
    """Named first in ``SPOTMAGIC_KEYS`` of each; each keeps a secret of their own beside it."""
    team, archive = {"SPOTMAGIC_KEYS": "7e" * 32}, tmp_path / "results.zip"
    dora = session(tmp_path / "dora", "export", archive, "sk-team-012345678", **team)
    emil = session(tmp_path / "emil", "load", archive, "sk-team-012345678", **team)
    assert dora["paid"] == ALL and emil["paid"] == [] and emil["values"] == dora["values"]
    assert "people you do not trust" not in emil["told"]
    fay = session(tmp_path / "fay", "load", archive, "sk-team-012345678")
    assert fay["paid"] == ["pickled", "secret", "token"], "who is not of the team has a mask of their own"
    again = session(tmp_path / "dora", "none", archive, "sk-team-012345678")
    assert again["paid"] == ["secret", "token"], "her own pickles are hers with and without it"
