"""Batches of a spot, those of earlier kernels included, and the inputs that still have failed."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from spotmagic.batch.folder import read_failed, read_state, run_folders
from spotmagic.batch.item import Failed
from spotmagic.batch.progress import ENDED, Progress

if TYPE_CHECKING:
    from spotmagic.batch.batch import Batch
    from spotmagic.spot import Spot

here: WeakValueDictionary[Path, Batch] = WeakValueDictionary()
"""The batches of this process, by folder."""
_FIELDS = {one.name for one in fields(Progress)}


def batches(spot: Spot) -> list[Progress]:
    """How each batch of a spot stands or ended, newest first, of all kernels."""
    found = []
    for run in run_folders(spot.folder):
        state = standing(run)
        if state is not None:
            found.append(state)
    return found


def standing(run: Path) -> Progress | None:
    """How the batch of a folder stands; ``lost`` where its process died. ``None`` where nothing says so."""
    batch = here.get(run)
    if batch is not None:
        return batch.progress
    state = read_state(run)
    if state is None:
        return None
    alive = state.pop("alive")
    try:
        known = Progress(**{name: value for name, value in state.items() if name in _FIELDS})
    except TypeError:  # damaged
        return None
    if known.status not in ENDED and not alive:
        return replace(known, status="lost", reason="its process ended", running=0, retrying=0, waiting={})
    return known


def failed(spot: Spot, name: Any) -> list[Failed]:
    """The inputs of a batch or function that failed and have no result since, each call once, newest first.

    Args:
        name: of the batch or of the function, or the function itself.
    """
    wanted = str(getattr(name, "__qualname__", name))
    seen: set[str] = set()
    found: list[Failed] = []
    unkeyed = True
    for run in run_folders(spot.folder):
        state = read_state(run)
        if state is None or not (_is(state.get("name"), wanted) or _is(state.get("function"), wanted)):
            continue
        of_run = read_failed(run)
        for one in of_run:
            # Without a key nothing says whether an input has a result by now: only the newest run with failures tells.
            if one.key in seen or (not one.key and not unkeyed):
                continue
            if one.key:
                seen.add(one.key)
                if spot.store.has(bytes.fromhex(one.key)):  # asked again since, and done
                    continue
            found.append(one)
        unkeyed = unkeyed and not of_run
    return found


def _is(known: object, wanted: str) -> bool:
    return f".{known}".endswith(f".{wanted}")
