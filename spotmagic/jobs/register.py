"""Which jobs there are: those of this process by folder and key, and the folders of the detached ones."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic import files
from spotmagic.errors import RecordMissing, Uncacheable
from spotmagic.jobs import detached
from spotmagic.jobs.job import Job, KeptJob, ThreadJob
from spotmagic.spot.given import awaits, refuse_streams

if TYPE_CHECKING:
    from spotmagic.spot.mark import MarkedFunction
    from spotmagic.spot.spot import Spot

KEPT_FOR = 7 * 86400.0
"""Seconds after its end that the folder of a detached job stays."""
_MOST = 1000  # jobs that are over and still listed

_jobs: dict[Path, dict[str, Job]] = {}
_lock = files.ForkLock()


def submit(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    """Begin a call in the background, or join the job of the same call that is under way."""
    function, args = _unbound(function, args)
    marked = function.marked
    refuse_streams(marked.function, "a job")
    call = marked.call(args, kwargs)
    key = call.key.hex() or secrets.token_hex(16)
    if marked.options.detached:
        job: Job = detached.start(function, args, kwargs, key)
        sweep(marked.spot)
        return job
    begun: ThreadJob | None = None
    try:
        with _lock:
            known = _jobs.setdefault(marked.spot.folder, {})
            under_way = known.get(key)
            if under_way is not None and not under_way.done():
                return under_way
            known.pop(key, None)
            begun = ThreadJob(marked, call, key)
            known[key] = begun
            over = [each for each, one in known.items() if one.done()]
            for each in over[:-_MOST]:
                del known[each]
        begun.start(awaits(marked.function))
        return begun
    except BaseException as error:  # an interrupt: who submits the same call again is not to wait for this one
        if begun is not None:
            begun.drop(error)
        raise


def job(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
    """The job of a call. Raises ``RecordMissing`` when there is none."""
    function, args = _unbound(function, args)
    marked: Any = function.marked
    refuse_streams(marked.function, "a job")
    try:
        key = marked.keys.key(args, kwargs).hex()
    except Uncacheable as error:
        raise RecordMissing(
            f"no job of {marked.name} for these arguments", str(error), "Keep what submit gave"
        ) from None
    spot = marked.spot
    known = _jobs.get(spot.folder, {}).get(key)
    if known is not None:
        return known
    if (spot.folder / "jobs" / key / detached.STATE).exists():
        return detached.DetachedJob(spot, spot.folder / "jobs" / key)
    kept = KeptJob(marked, args, kwargs, key)
    try:
        kept.result()
    except RecordMissing:
        raise RecordMissing(f"no job of {marked.name} for these arguments", todo="Submit it") from None
    return kept


def jobs(spot: Spot) -> list[Job]:
    """The jobs of a spot, the latest first."""
    found: list[Job] = list(_jobs.get(spot.folder, {}).values())
    found += [detached.DetachedJob(spot, state.parent) for state in spot.folder.glob(f"jobs/*/{detached.STATE}")]
    return sorted(found, key=lambda one: one.metadata.get("submitted", 0.0), reverse=True)


def how_many(folder: Path) -> tuple[int, int]:
    """How many jobs a folder has in this process, and how many detached ones. It costs no more than a listing."""
    try:
        detached_ones = sum(1 for _ in (folder / "jobs").iterdir())
    except OSError:
        detached_ones = 0
    return len(_jobs.get(folder, ())), detached_ones


def sweep(spot: Spot, age: float = KEPT_FOR) -> int:
    """Remove the folders of jobs that ended longer ago than so many seconds. Returns how many."""
    return detached.sweep(spot.folder, age, spot.clock.now())


def _unbound(function: Any, args: tuple[Any, ...]) -> tuple[MarkedFunction, tuple[Any, ...]]:
    """A marked function, and its arguments with the object of a method."""
    own = getattr(function, "__func__", None)
    return (function, args) if own is None else (own, (function.__self__, *args))
