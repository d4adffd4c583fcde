"""Frames share axes with each other and memory with arrays: after hits as after a run, or the cell is refused."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from notebook_worlds import World

from spotmagic.errors import Uncacheable

SETUP = "import numpy as np, pandas as pd\na = np.arange(6.0).reshape(3, 2)\ns = pd.Series([1.0, 2.0, 3.0], index=list('abc'))"
CELLS: dict[str, tuple[list[str], str]] = {
    "an index held twice": (["i = s.index; j = s.index", "k = i; t = s * 2", "u = t + 1"], "i is s.index, j is i, k is i, t.index is i, u.index is i"),
    "all in one cell": (["d = pd.DataFrame({'x': [1, 2]}); c = d.columns; e = d[d.x > 0]; i = d.index; g = d * 2"], "c is d.columns, e.columns is c, i is d.index, g.index is i"),
    "a frame that is changed": (["d = pd.DataFrame({'x': [1.0, 2.0]}); i = d.index", "d['y'] = 5; j = d.index", "d.loc[0, 'y'] = 6"], "i is d.index, j is d.index, d.y.tolist()"),
    "a series over an array": (["b = a[:, 0].copy(); r = pd.Series(b, copy=False)", "v = r.values; w = v", "b[0] = 50"], "np.shares_memory(b, r.values), np.shares_memory(v, b), w is v, r.tolist(), v.flags.writeable"),
    "a frame over an array": (["d = pd.DataFrame(a, copy=False)", "x = d.values", "a[0, 0] = 9"], "d.iloc[0, 0], x[0, 0], np.shares_memory(a, x)"),
    "parts of a frame": (["d = pd.DataFrame(a.copy())", "x = d.values[:, :1]; y = d[1].values; z = d.values[::2]; one = d.values[1]", "m = pd.DataFrame({'p': [1.0, 2.0], 'q': [3, 4], 'r': ['x', 'y']}); n = m.q.values"], "[np.shares_memory(each, d.values) for each in (x, y, z, one)], x.tolist(), y.tolist(), z.tolist(), one.tolist(), n.tolist(), np.shares_memory(n, m.q.values)"),
    "nothing is shared": (["d = pd.DataFrame(a); x = d.values.copy(); y = d[[0]].values + 1"], "np.shares_memory(x, d.values), y.tolist(), x.tolist()"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_frames_share_after_hits_what_they_share_after_runs(name: str) -> None:
    cells, probe = CELLS[name]
    plain, first, second = World(), World(), World()
    for world in (plain, first, second):
        world.run(SETUP)
    for cell in cells:
        plain.run(cell)
        second.hit(cell, first.miss(cell))
    told = []
    for world in (plain, first, second):
        world.run(f"told = {probe}")
        told.append(repr(world["told"]))
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("cell", ["r = pd.Series(a[1:, 0], copy=False)", "d.iloc[0, 0] = 9.0"])
def test_what_could_not_be_tied_again_is_refused_by_name(cell: str) -> None:
    world = World()
    world.run(f"{SETUP}\nd = pd.DataFrame(a, copy=False); x = d.values")
    with pytest.raises(Uncacheable, match="shares memory with"):
        world.miss(cell)
