"""Calls in the background, and calls in other processes and on other machines."""

from __future__ import annotations

from spotmagic.jobs.carrier import carrier
from spotmagic.jobs.job import Job
from spotmagic.jobs.register import how_many, job, jobs, submit, sweep

__all__ = ["Job", "carrier", "how_many", "job", "jobs", "submit", "sweep"]
