"""The global random generators: whether a cell drew from ``random``, numpy's legacy one or torch's."""

from __future__ import annotations

import ast
import random
import re
import sys
import types
from collections.abc import Mapping
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.normal import parse
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.notebook.calls import names_random

NAMES: Mapping[str, str] = {"random": "random", "numpy": "numpy.random", "torch": "torch"}
SEEDS = {"random": "random.seed(0)", "numpy": "np.random.seed(0)", "torch": "torch.manual_seed(0)"}
_NUMPY = re.compile(r"^[ \t]*(?:import|from)[ \t]+numpy\b", re.MULTILINE)
FREE: Mapping[str, bytes] = {"generator random": b"free"}
"""Stands for a generator that nobody seeded: any numbers will do."""

_FRESH = 623  # the position of numpy's generator when it was just made


def load_library(source: str) -> None:
    """Import numpy if the cell is about to, so that its generator is seen before the cell draws from it."""
    if "numpy" not in sys.modules and _NUMPY.search(source):
        try:
            import numpy.random  # noqa: F401
        except Exception:  # the cell will see it itself
            return


def states() -> dict[str, Any]:
    """The state of every global generator whose library is loaded, as plain values."""
    version, internal, gauss = random.getstate()
    found: dict[str, Any] = {"random": [version, list(internal), gauss]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        state = numpy.random.get_state(legacy=False)
        inner = state["state"]
        if "key" in inner:
            found["numpy"] = [
                state["bit_generator"], inner["key"].tolist(), inner["pos"], state["has_gauss"], state["gauss"],
            ]  # fmt: skip
        else:
            found["numpy"] = state
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        found["torch"] = bytes(torch.get_rng_state().numpy().tobytes())
    return found


def drawn(
    before: Mapping[str, Any], ns: Mapping[str, Any], code: CellCode, *, pinned: bool = False, wanted: bool = False
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The states in which a run left the generators it used, as far as a hit must do that, and the inputs they are.

    Args:
        before: their states before it.
        pinned: no state counts.
        wanted: states of generators that nobody seeded count too.

    Raises:
        Uncacheable: the run drew from a generator that nobody seeded.
    """
    left = {
        name: state
        for name, state in states().items()
        if (before[name] != state if name in before else not _is_fresh(name, state))
    }
    own = seeded(code.source, ns) if left else frozenset()
    found = set(left) - own
    counts = wanted or not is_free(ns, before=True)
    inputs: dict[str, bytes] = {}
    if "random" in found and not (pinned or wanted) and is_free(ns, of="random") and not names_random(ns, code):
        inputs |= FREE  # libraries draw from it for themselves
        found.remove("random")
    if found and not pinned:
        if not counts or found - before.keys():
            name = min(found)
            todo = f"Seed it once in the notebook ({SEEDS[name]}), or write rng"
            told = " and ".join(f"`{NAMES[one]}`" for one in sorted(found))
            why = f"the cell drew from {told}, which nobody seeded"
            raise Uncacheable("its random numbers cannot be told apart", why, todo, path=name)
        inputs |= prints({name: before[name] for name in found})
    return {name: state for name, state in left.items() if name in own or (counts and name in found)}, inputs


def _is_fresh(name: str, state: Any) -> bool:
    if name == "torch":
        torch = sys.modules["torch"]
        return bool(state == torch.Generator().get_state().numpy().tobytes())
    return isinstance(state, list) and state[2:4] == [_FRESH, 0]


def seeded(source: str, ns: Mapping[str, Any]) -> frozenset[str]:
    """The generators that a cell puts into a state of its own before anything can be drawn from them.

    Args:
        source: the cell, whose first statements besides imports and constants count.
        ns: the notebook after the run.
    """
    found = set()
    for node in parse(source).body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()) | ast.Assign(value=ast.Constant()):
                continue
            case ast.Expr(ast.Call(func=func, args=[ast.Name() | ast.Constant(value=int() | str())], keywords=[])):
                name = _seeded_by(_resolved(func, ns))
                if name:
                    found.add(name)
                    continue
        break
    return frozenset(found)


def _resolved(node: ast.expr, ns: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return ns.get(node.id)
    owner = _resolved(node.value, ns) if isinstance(node, ast.Attribute) else None
    return vars(owner).get(node.attr) if isinstance(owner, types.ModuleType) else None  # type: ignore[attr-defined]


def _seeded_by(function: Any) -> str:
    if function is None:
        return ""
    if function == random.seed:
        return "random"
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and function is numpy.random.seed:
        return "numpy"
    return "torch" if torch is not None and function is torch.manual_seed else ""


# In a cell under a magic a line begins after the two characters of `\n`. `rseed=0` is an argument of somebody's.
_SEEDING = re.compile(r"(?:(?<![A-Za-z])|(?<=\\[nt]))seed|set_?state")
_SEEDING_NUMPY = re.compile(r"(np|numpy)\.random\.(seed|set_state|default_rng)\b")


def is_free(ns: Mapping[str, Any], *, before: bool = False, of: str = "") -> bool:
    """Whether nothing that ran in this notebook speaks of seeds.

    Args:
        before: leave out the cell that runs now.
        of: only what may be a seed of this generator.
    """
    ran = ns.get("In")
    ran = ran if isinstance(ran, list) else []
    others = of == "random" and all(ns.get(name, _numpy()) is _numpy() for name in ("np", "numpy"))
    texts = (_SEEDING_NUMPY.sub("", text) if others else text for text in (ran[:-1] if before else ran))
    return not any(map(_SEEDING.search, texts))


def _numpy() -> Any:
    return sys.modules.get("numpy")


def prints(states: Mapping[str, Any]) -> dict[str, bytes]:
    """Fingerprints of states as inputs, called ``generator numpy.random``."""
    return {f"generator {NAMES[name]}": fingerprint(state) for name, state in states.items()}


def restore(kept: Mapping[str, Any]) -> None:
    """Put generators into kept states, loading their libraries if need be."""
    for name, state in kept.items():
        if name == "random":
            version, internal, gauss = state
            random.setstate((version, tuple(internal), gauss))
        elif name == "numpy":
            import numpy as np

            if isinstance(state, list):
                kind, keys, *rest = state
                np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
            else:
                np.random.set_state(state)
        elif name == "torch":
            import torch

            torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
