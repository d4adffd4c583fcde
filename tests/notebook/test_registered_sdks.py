"""In a notebook what a library was handed counts, as cells that ran say it, and in the order in which they ran."""

from __future__ import annotations

from collections.abc import Callable

from notebook_kernels import Kernel

SETUP = """
import yaml
from spotmagic import Spot, last
spot = Spot("mine")
"""
MAKE = "def make(loader, node):\n    return '{}' + node.value"
HAND = 'yaml.SafeLoader.add_constructor("!x", make)'
ASK = "@spot.mark\ndef read(text):\n    return yaml.safe_load(text)"
CALL = "print(read('!x 1'), last().verdict)"


def ran(kernel: Kernel, *cells: str) -> str:
    """What the last of these cells printed."""
    for cell in cells:
        told = kernel.run(cell)
        assert told.status == "ok", told.evalue
    return told.text.splitlines()[0]


def test_a_constructor_counts_by_what_the_library_holds(start: Callable[..., Kernel]) -> None:
    kernel = start()
    assert ran(kernel, SETUP, MAKE.format("one"), HAND, ASK, CALL) == "one1 ran"
    assert ran(kernel, CALL) == "one1 hit"
    # Defined anew and not handed over: the library holds the old one, which is told and not kept.
    assert ran(kernel, MAKE.format("two"), CALL) == "one1 ran"
    assert "after it was handed to `yaml`" in kernel.value("last().reason")
    assert ran(kernel, CALL) == "one1 ran"
    assert ran(kernel, HAND, CALL) == "two1 ran"
    assert ran(kernel, CALL) == "two1 hit"
    assert ran(kernel, MAKE.format("one"), HAND, CALL) == "one1 hit"
    assert ran(kernel, MAKE.format("one"), CALL) == "one1 hit"
    assert ran(kernel, "def apart():\n    return 1", CALL) == "one1 hit"


def test_it_counts_the_same_in_the_next_kernel(start: Callable[..., Kernel]) -> None:
    """In one cell, under the spot too, and edited between two kernels."""
    together = f"{MAKE}\n{HAND}"
    for cell in (together, f"%%spot\n{together}"):
        first, second, third = start(), start(), start()
        fresh = "import uuid" if cell is together else "import uuid, os"
        assert ran(first, fresh, SETUP, cell.format("one"), ASK, CALL) in ("one1 ran", "one1 hit")
        assert ran(second, fresh, SETUP, cell.format("one"), ASK, CALL) == "one1 hit"
        assert ran(third, fresh, SETUP, cell.format("two"), ASK, CALL) in ("two1 ran", "two1 hit")
        assert ran(third, cell.format("one"), CALL) == "one1 hit"


def test_a_function_that_a_cell_gives_to_a_solver_is_registered_nowhere(start: Callable[..., Kernel]) -> None:
    kernel = start()
    setup = f"{SETUP}\nfrom scipy import optimize\n@spot.mark\ndef cost(x):\n    return float(optimize.rosen([x, 1]))"
    solve = "optimize.golden(cost, brack=(0, 1))"
    assert ran(kernel, setup, solve, "print(last().verdict)") == "ran"
    assert ran(kernel, solve, "print(last().verdict)") == "hit"
    assert ran(kernel, "import uuid", f"answer = {solve}", "print(last().verdict)") == "hit"
