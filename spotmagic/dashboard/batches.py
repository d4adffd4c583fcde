"""The batches of a spot for its panel: how they stand, what failed, and what may be asked of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spotmagic.batch.folder import give_word, is_alive, read_failed, run_folders
from spotmagic.batch.past import here, standing
from spotmagic.batch.progress import phrases
from spotmagic.dashboard.wire import Params, Result
from spotmagic.errors import SpotError, unknown

if TYPE_CHECKING:
    from spotmagic.spot import Spot

MOST = 50
MOST_FAILED = 100
_WORDS = ("pause", "resume", "stop", "retry")


def has_batches(spot: Spot) -> bool:
    """Whether there is any."""
    return bool(run_folders(spot.folder))


def batch_rows(spot: Spot, _: Params) -> Result:
    """How the latest batches stand or ended, of all kernels."""
    rows = []
    for run in run_folders(spot.folder)[:MOST]:
        now = standing(run)
        if now is not None:
            words = [] if run not in here and not is_alive(run) else _words(now.status, run in here, now.failed)
            rows.append({"id": run.name, **now.said(), "text": " · ".join(phrases(now)), "words": words})
    return {"rows": rows}


def batch_failed(spot: Spot, params: Params) -> Result:
    """The first failed inputs of a batch, with their tracebacks."""
    run = _folder(spot, params)
    batch = here.get(run)
    failed = read_failed(run) if batch is None else batch.failed
    names = ("index", "shown", "kind", "message", "attempts", "traceback", "at")
    return {
        "rows": [{name: getattr(one, name) for name in names} for one in failed[:MOST_FAILED]],
        "total": len(failed),
    }


def ask_batch(spot: Spot, params: Params) -> Result:
    """Pause, resume or stop a batch of any kernel, or retry what failed of one of this kernel."""
    run, word = _folder(spot, params), params.text("word")
    if word not in _WORDS:
        raise unknown("word", word, _WORDS)
    batch = here.get(run)
    if batch is None:
        if word == "retry" or not is_alive(run):
            raise SpotError("this batch is of another kernel, or has ended", todo="Run it again there: spot.map(...)")
        give_word(run, word)
    elif word == "retry":
        batch.retry_failed(background=True)
    else:
        {"pause": batch.pause, "resume": batch.resume, "stop": batch.stop}[word]()
    return {"id": run.name, "word": word}


def latest_change(folder: Path) -> object:
    """What changes when the latest batches go on."""
    seen = []
    for run in run_folders(folder)[:3]:  # the latest: a look every half second may cost no more
        try:
            seen.append((run.name, (run / "run.json").stat().st_mtime_ns))
        except OSError:
            continue
    return seen


def _words(status: str, is_here: bool, failed: int) -> list[str]:
    if status in ("running", "paused"):
        return ["resume" if status == "paused" else "pause", "stop"]
    return ["retry"] if is_here and failed and status != "stopping" else []


def _folder(spot: Spot, params: Params) -> Path:
    """The folder of the batch that is meant: one of those there are, whatever text is given."""
    wanted = params.text("id")
    run = next((one for one in run_folders(spot.folder) if one.name == wanted), None)
    if run is None:
        raise SpotError("this batch is not there any more")
    return run
