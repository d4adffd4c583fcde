"""A cell that draws from a global generator: another seed is another result, and nothing wrong comes back."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spotmagic import Retry, Spot, last
from spotmagic.spot import choose
from spotmagic.testing import FakeClock


@pytest.fixture
def cell(shell: Any, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Runs a cell and gives its verdict, or why it was not stored."""
    shell.extension_manager.load_extension("spotmagic")
    spot = Spot("seeds", root=tmp_path)
    choose(spot)
    shell.run_cell("import random\nimport numpy as np").raise_error()

    def run(body: str, line: str = "") -> str:
        shell.user_ns.pop("y", None)
        shell.run_cell(f"%%spot {line}\n{body}", store_history=True).raise_error()
        outcome = last()
        assert outcome is not None
        return outcome.verdict if outcome.stored else outcome.reason

    yield run
    spot.close()


def seed(number: int) -> None:
    random.seed(number)
    np.random.seed(number)


DRAWS = {
    "random": "y = random.random()",
    "numpy": "y = float(np.random.rand())",
    "both": "y = [random.random(), float(np.random.rand())]",
    "a helper's": "def draw(): return random.choice(range(10**9))\ny = draw()",
    "a frame's": "import pandas as pd\ny = pd.DataFrame({'a': range(10**4)}).sample(2).a.tolist()",
}


@pytest.mark.parametrize("body", DRAWS.values(), ids=DRAWS)
def test_without_the_word_a_draw_is_not_kept_and_the_way_out_is_named(cell: Callable[..., str], body: str) -> None:
    seed(1)
    reason = cell(body)
    assert "not stored" in reason and "drew from" in reason and "write rng" in reason
    seed(2)
    assert "not stored" in cell(body)


@pytest.mark.parametrize("body", DRAWS.values(), ids=DRAWS)
def test_with_the_word_each_seed_has_its_own_result(cell: Callable[..., str], shell: Any, body: str) -> None:
    def made(number: int) -> tuple[str, Any, Any]:
        seed(number)
        verdict = cell(body, "rng")
        return verdict, shell.user_ns["y"], (random.random(), np.random.rand())

    one, two = made(1), made(2)
    assert (one[0], two[0]) == ("ran", "ran") and one[1] != two[1]
    assert made(1) == ("hit", *one[1:]) and made(2) == ("hit", *two[1:])


def test_a_chain_of_cells_hits_from_the_seed_on(cell: Callable[..., str], shell: Any) -> None:
    """A hit leaves the generators where the run left them, so the next cell finds the state it ran in."""

    def chain() -> tuple[list[str], list[Any]]:
        seed(3)
        verdicts, values = [], []
        for body in ("y = random.random()", "y = 1", "y = float(np.random.rand())", "y = random.random() * 2"):
            verdicts.append(cell(body, "rng"))
            values.append(shell.user_ns["y"])
        return verdicts, values

    first, again = chain(), chain()
    assert first[0] == ["ran"] * 4 and again[0] == ["hit"] * 4
    assert first[1] == again[1]


def test_a_run_under_another_seed_says_so(cell: Callable[..., str]) -> None:
    seed(1)
    cell("y = float(np.random.rand())", "rng")
    seed(2)
    cell("y = float(np.random.rand())", "rng")
    assert last().reason == "the state of `numpy.random` changed"


def test_only_the_generators_that_were_used_count(cell: Callable[..., str]) -> None:
    seed(1)
    cell("y = random.random()", "rng")
    random.seed(1)
    np.random.seed(5)
    assert cell("y = random.random()", "rng") == "hit"
    assert cell("y = 5", "rng") == "ran"
    seed(7)
    assert cell("y = 5", "rng") == "hit"


@pytest.mark.parametrize(
    "body",
    [
        "random.seed(5)\ny = random.random()",
        "import numpy as np\nnp.random.seed(5)\ny = float(np.random.rand())",
        "from numpy.random import seed\nSEED = 5\nseed(SEED)\ny = float(np.random.rand())",
    ],
)
def test_a_cell_that_seeds_first_is_kept_and_leaves_the_generator_as_the_run_did(
    cell: Callable[..., str], shell: Any, body: str
) -> None:
    seed(1)
    assert cell(body) == "ran"
    made, following = shell.user_ns["y"], (random.random(), np.random.rand())
    seed(1)
    assert cell(body) == "hit" and shell.user_ns["y"] == made
    assert (random.random(), np.random.rand()) == following


@pytest.mark.parametrize(
    "body", ["y = random.random()\nrandom.seed(5)", "z = [random.random()]\nrandom.seed(5)\ny = random.random()"]
)
def test_a_seed_after_a_draw_does_not_help(cell: Callable[..., str], body: str) -> None:
    assert "drew from `random`" in cell(body)


def test_a_name_given_to_the_result_holds_for_any_seed(cell: Callable[..., str], shell: Any) -> None:
    seed(1)
    assert cell("y = random.random()", "key=one") == "ran"
    made = shell.user_ns["y"]
    seed(2)
    assert cell("y = random.random()", "key=one") == "hit" and shell.user_ns["y"] == made


def session(folder: Path, *cells: str) -> list[str]:
    """What came of each cell in a process of its own, where no test has imported anything."""
    script = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "sys.path[:0] = ['.', 'site-packages']\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'spotmagic')\n"
        "assert 'numpy' not in sys.modules\n"
        f"for cell in {cells!r}:\n"
        "    shell.run_cell('%%spot\\n' + cell, store_history=True).raise_error()\n"
        "    told = sys.modules['spotmagic.spot'].last()\n"
        "    print('came:', told.verdict if told.stored else 'not stored')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("came: ") for line in done.stdout.splitlines() if line.startswith("came: ")]


ASK = "import jittery\ny = jittery.ask(1)"


@pytest.fixture
def jittery(tmp_path: Path) -> Path:
    """A folder with a client that draws the length of its pauses."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "jittery.py").write_text("import random\ndef ask(x):\n    random.random()\n    return x + 1\n")
    return tmp_path


def test_what_a_library_draws_for_itself_does_not_count_where_nobody_speaks_of_seeds(jittery: Path) -> None:
    """A paid result is kept all the same. Once something may have been seeded its state counts."""
    assert session(jittery, ASK, ASK, "seed_of = 1", ASK) == ["ran", "hit", "ran", "ran"]
    assert session(jittery, ASK) == ["hit"]


def test_a_seed_of_numpy_is_none_for_what_a_library_draws_from_another_generator(jittery: Path) -> None:
    """Importing scikit-learn draws from `random`: after `np.random.seed(42)` such cells ran in every kernel."""
    cells = "import numpy as np\nnp.random.seed(5)", ASK, ASK + "\nz = float(np.random.rand())", "w = np.random.rand(2)"
    assert session(jittery, *cells) == ["ran"] * 4
    assert session(jittery, *cells) == ["hit"] * 4


def test_an_argument_named_like_a_seed_seeds_nothing(tmp_path: Path) -> None:
    draw = "from pandas import Series\ny = int(Series(range(1000)).sample(1).iloc[0])"
    assert session(tmp_path, "def plot(x, rseed=0): return x", draw) == ["ran", "not stored"]
    assert session(tmp_path, "from numpy.random import seed\nseed(3)", draw) == ["ran", "ran"]


def test_a_module_of_the_user_may_have_seeded_what_a_library_draws(jittery: Path) -> None:
    (jittery / "setting_up.py").write_text("import random as r\nr.seed(3)\n")
    assert session(jittery, "import setting_up", ASK)[-1] == "not stored"
    assert session(jittery, ASK) == ["ran"]


def test_the_pauses_of_our_own_retries_leave_the_user_s_generator_alone(tmp_path: Path) -> None:
    with Spot("tries", root=tmp_path, clock=FakeClock()) as spot:
        tries: list[int] = []

        @spot.mark(retry=Retry(attempts=3, on=OSError))
        def flaky() -> int:
            tries.append(1)
            if len(tries) < 3:
                raise OSError("busy")
            return 1

        random.seed(1)
        before = random.getstate()
        assert flaky() == 1 and random.getstate() == before


@pytest.mark.parametrize(
    ("body", "came"),
    [
        ("import numpy as np\nnp.random.seed(5)\ny = float(np.random.rand())", ["ran", "hit"]),
        ("import numpy as np\ny = np.arange(3)", ["ran", "hit"]),
        ("import numpy as np\ny = float(np.random.rand())", ["not stored", "not stored"]),
        ("from pandas import Series\ny = int(Series(range(1000)).sample(1).iloc[0])", ["not stored", "not stored"]),
    ],
)
def test_a_cell_that_loads_the_library_itself_is_seen_through(body: str, came: list[str], tmp_path: Path) -> None:
    assert [*session(tmp_path, body), *session(tmp_path, body)] == came
