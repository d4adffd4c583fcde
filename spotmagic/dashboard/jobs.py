"""The jobs of a spot for its panel: how far they are, why one failed, and how one is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from spotmagic.dashboard.wire import Params, Result
from spotmagic.errors import SpotError
from spotmagic.jobs import Job
from spotmagic.jobs.job import JobProgress
from spotmagic.values.secrets import masked
from spotmagic.values.written import mask
from spotmagic.words import duration, money

if TYPE_CHECKING:
    from spotmagic.spot import Spot

MOST = 50
_LONGEST = 20_000  # characters of a traceback, the last ones: they say where it broke


def job_rows(spot: Spot, _: Params) -> Result:
    """How the latest jobs stand or ended: those of this process, and the detached ones of any."""
    now = spot.clock.now()
    return {"rows": [_row(job, now) for job in spot.jobs()[:MOST]]}


def cancel_job(spot: Spot, params: Params) -> Result:
    """Ask a job to stop where it tells its progress, or stop it wherever it is."""
    wanted = params.text("id")
    job = next((one for one in spot.jobs() if _id(one, one.metadata) == wanted), None)
    if job is None:
        raise SpotError("this job is not there any more")
    if not job.cancel(force=params.flag("force")):
        raise SpotError("this job cannot be stopped from here", "it is over, or runs on another machine")
    return {"id": wanted}


def _row(job: Job, now: float) -> Result:
    status, about, far = job.status, job.metadata, _far(job.progress)
    failed = status == "FAILED"
    return {
        "id": _id(job, about),
        "name": job.name,
        "status": status.lower(),
        "done": far.done if far else None,
        "total": far.total if far else None,
        "submitted": about.get("submitted") or 0.0,
        "text": " · ".join(_said(status, about, far, now)),
        "error": masked(about.get("error", "")) if failed else "",
        # In two ways: by what credentials look like, and by the names that the source lines in it give them.
        "traceback": masked(mask(job.traceback))[-_LONGEST:] if failed else "",
        "stoppable": status in ("PENDING", "RUNNING"),
    }


def _id(job: Job, about: Mapping[str, Any]) -> str:
    """One call may be a job in a thread and a detached one."""
    return f"{about.get('where')} {job.key}"


def _far(told: JobProgress | None) -> JobProgress | None:
    """How far a job says it is, where that can be drawn: users tell anything."""
    if told is None:
        return None
    try:
        done, total = float(told.done), float(told.total or 0)
    except (TypeError, ValueError):
        return None
    if not isfinite(done) or not isfinite(total):
        return None
    return JobProgress(done, total if total > 0 else None, str(told.note))


def _said(status: str, about: Mapping[str, Any], far: JobProgress | None, now: float) -> list[str]:
    said = []
    if far is not None:
        said.append(f"{_count(far.done)} of {_count(far.total)}" if far.total else f"{_count(far.done)} done")
        said += [far.note] if far.note else []
    started, ended = about.get("started"), about.get("ended")
    if status == "PENDING":
        said.append("not begun yet")
    elif started is not None and (ended is not None or status == "RUNNING"):
        took = duration(max(0.0, (now if ended is None else ended) - started))
        said.append(f"for {took}" if ended is None else f"in {took}")
    if about.get("verdict") == "hit":
        said.append("kept before")
    elif about.get("price"):
        said.append(f"{money(about['price'])} paid")
    return [*said, "in a process of its own"] if about.get("where") == "detached" else said


def _count(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"
