"""Marked functions of a notebook in workers, and edits of them accepted there: what only a real kernel shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from notebook_kernels import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

CELLS = [
    "import warnings; warnings.simplefilter('ignore')\nfrom spotmagic import Spot, last\nspot = Spot('work')",
    "PREFIX = 'a '\ndef helper(x):\n    return PREFIX * x",
    """
from dataclasses import dataclass
@dataclass
class Question:
    text: str
    def loud(self):
        return self.text.upper()
""",
    """
@spot.mark
def ask(x):
    return helper(x)

@spot.mark
def loud(question):
    return question.loud()

class Agent:
    def __init__(self, model):
        self.model = model
    @spot.mark
    def ask(self, x):
        return self.model * x

def probe(function, *args):
    value = function(*args)
    return value, last().verdict, last().stored
""",
]
CALLS = "[(ask, x), (loud, Question('q' * x)), (Agent('m').ask, x)]"


def test_workers_of_a_notebook_share_what_was_paid_for(start: Callable[..., Kernel]) -> None:
    """The cells' code travels with the functions, so that keys are the same: in loky, and back in the notebook."""
    kernel = start()
    for cell in CELLS:
        assert kernel.run(cell).status == "ok"
    kernel.run(f"here = [probe(*call) for x in (2,) for call in {CALLS}]")
    done = kernel.run(
        "from joblib import Parallel, delayed\n"
        f"there = Parallel(n_jobs=2)(delayed(probe)(*call) for x in (2, 3) for call in {CALLS})",
        timeout=120,
    )
    assert done.status == "ok", done.evalue
    assert kernel.value("{one[1:] for one in here}") == "{('ran', True)}"
    assert kernel.value("[one[1] for one in there]") == repr(["hit"] * 3 + ["ran"] * 3)
    assert kernel.value("all(one[2] for one in there)") == "True"
    kernel.run(f"again = [probe(*call) for x in (2, 3) for call in {CALLS}]")
    assert kernel.value("[one[1] for one in again]") == repr(["hit"] * 6)
    assert kernel.value("[one[0] for one in again] == [one[0] for one in there]") == "True"


def test_an_edit_accepted_in_a_notebook_pays_nothing_there_and_after_a_restart(start: Callable[..., Kernel]) -> None:
    kernel = start()
    for cell in CELLS:
        kernel.run(cell)
    kernel.run("[ask(x) for x in range(5)]")
    edited = CELLS[1].replace("PREFIX * x", "PREFIX * x + ''")
    kernel.run(edited)
    assert kernel.run("%spot accept ask").text.strip() == "accepted: ask"
    kernel.run("told = [probe(ask, x)[1] for x in range(5)] + list(last().drift)")
    assert kernel.value("told") == repr(["hit"] * 5 + ["code", "helper helper"])
    other = start()
    for cell in (CELLS[0], edited, *CELLS[2:]):
        other.run(cell)
    other.run("told = [probe(ask, x)[1] for x in range(6)]")
    assert other.value("told") == repr(["hit"] * 5 + ["ran"])
