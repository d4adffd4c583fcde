"""The global random generators: ``random``, numpy's legacy one, torch's."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from typing import Any


def states() -> dict[str, Any]:
    """The state of every global generator whose library is loaded, as plain values."""
    version, internal, gauss = random.getstate()
    found: dict[str, Any] = {"random": [version, list(internal), gauss]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        name, keys, *rest = numpy.random.get_state(legacy=True)
        found["numpy"] = [name, keys.tolist(), *rest]
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        found["torch"] = bytes(torch.get_rng_state().numpy().tobytes())
    return found


def drawn(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The after-states of the generators that were used in between."""
    return {name: state for name, state in after.items() if before.get(name) != state}


def restore(kept: Mapping[str, Any]) -> None:
    """Put generators into kept states, loading their libraries if need be."""
    for name, state in kept.items():
        if name == "random":
            version, internal, gauss = state
            random.setstate((version, tuple(internal), gauss))
        elif name == "numpy":
            import numpy as np

            kind, keys, *rest = state
            np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
        elif name == "torch":
            import torch

            torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
