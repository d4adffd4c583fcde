"""A cell that is run again where it ran before does not take what it made for what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_kernels import Kernel, environment

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("notebook")
    one = Kernel(folder, environment(folder / "home"))
    yield one
    one.close()


CELLS = {
    "a loop variable after its loop": ("docs = [1, 2]", "for d in docs:\n    last = d\nout = last"),
    "a branch": ("flag = True", "if flag:\n    mode = 1\nelif flag is None:\n    mode = 2\nshown = mode"),
    "a helper above what it uses": (
        "z = 1",
        "@staticmethod\ndef f():\n    return g()\ndef g():\n    return z\nr = f()",
    ),
    "a global of an earlier helper": ("def score(x):\n    return x * W", "W = 3\ns = score(2)"),
    "a with": ("import io", "with io.StringIO('a') as fh:\n    text = fh.read()\nsize = len(text)"),
    "a star import": ("q = 1", "from math import *\nroot = sqrt(q)"),
    "two loops that share a name": ("p = [1]", "for k in p:\n    u = k\nfor k in [*p, 5]:\n    v = k\nw = (k, u, v)"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_second_run_in_one_kernel_is_a_hit(kernel: Kernel, name: str) -> None:
    setup, cell = CELLS[name]
    assert kernel.run(setup).status == "ok"
    verdicts = [kernel.run(f"%%spot\n{cell}").verdict for _ in range(3)]
    assert verdicts == ["ran", "hit", "hit"]
