"""What a spot holds, does and has saved, in all and by name: the answers that are no single result."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic import words
from spotmagic.catalog.glimpse import Lookout
from spotmagic.catalog.queries import STATUSES
from spotmagic.catalog.rows import FunctionUse, Unkept
from spotmagic.dashboard.batches import has_batches
from spotmagic.dashboard.health import Health
from spotmagic.dashboard.wire import Params, Result
from spotmagic.errors import SpotError, told, unknown
from spotmagic.jobs import how_many

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog
    from spotmagic.limits.status import LimitState
    from spotmagic.spot import Spot

HOUR, DAY = 3600.0, 86_400.0
QUIET = 0.3  # seconds; what runs for less is not shown as running
STEPS = 24  # of the chart of a name
_LIST = 300
_GRAIN = 3.0  # seconds between looks at limits, by which a gauge may be wrong
_ALL = ((2 * DAY, HOUR), (60 * DAY, DAY), (400 * DAY, 7 * DAY), (float("inf"), 30 * DAY))  # spans and their steps
_MEANT = ("took less than", "not worth keeping", "stopped after", "the other run")  # not kept, and rightly so


class Scale(NamedTuple):
    """How the time of a chart is divided, in seconds."""

    start: float
    step: float
    offset: float  # of the steps from those of UTC


class Overview:
    """Answers about a spot as a whole.

    Args:
        lookout: gives the catalog, also while much is being counted.
        loads: whether values can be loaded into variables.
    """

    def __init__(self, spot: Spot, lookout: Lookout, *, loads: bool) -> None:
        self._spot, self._lookout, self._loads = spot, lookout, loads
        self._health, self._meter = Health(spot), Meter()
        self.methods: dict[str, Callable[[Params], Result]] = {
            "totals": lambda _: self.totals(),
            "spending": self._spending,
            "functions": self._functions,
            "function": self._function,
            "set_mode": self._set_mode,
            "runs": self._runs,
            "running": lambda _: {"rows": self.running()},
            "limits": self._limits,
            "rebuild": self._rebuild,
            "health": lambda _: self._health.tell(self._facets()[1]),
            "check": self._check,
        }

    @property
    def _catalog(self) -> Catalog:
        return self._lookout.catalog

    def totals(self) -> Result:
        """What the spot holds, does and has saved in all."""
        catalog, now = self._catalog, self._spot.clock.now()
        stats = catalog.stats()
        kinds, statuses = self._facets()
        return {
            "spot": {"name": self._spot.name, "folder": self._folder()},
            "at": now,
            **{name: getattr(stats, name) for name in _TOTALS},
            "paid_today": catalog.paid_since(_midnight(now)),
            "spending": self._spent("day"),
            "running": self.running(),
            "unkept": [told for one in catalog.unkept() if not (told := _complaint(one))["why"].startswith(_MEANT)],
            "counting": self._lookout.counting,
            "mode": self._spot.mode_of(""),
            "loads": self._loads,
            "kinds": kinds,
            "statuses": list(statuses),
            "views": ["entries", "runs", "functions", *self._more_views()],
            "health": self._health.tell(statuses),
        }

    def running(self) -> list[Result]:
        """The calls that run now, in every kernel, and have for a while."""
        since = self._spot.clock.now() - QUIET
        return [one._asdict() for one in self._spot.running_now() if one.since <= since]

    def _spending(self, params: Params) -> Result:
        """What was paid and saved over time: of 24 hours, of 7 days, or of all time."""
        span = params.text("span", "day")
        if span not in _SPANS:
            raise unknown("span", span, _SPANS)
        return self._spent(span)

    def _spent(self, span: str) -> Result:
        scale = self._scale(span)
        start, step = scale.start, scale.step
        last = int((self._spot.clock.now() - start) // step)
        buckets = {at: {"at": start + at * step, **dict.fromkeys(_SUMS, 0)} for at in range(last + 1)}
        for one in self._catalog.series(*scale):
            bucket = buckets.get(round((one.start - start) / step))
            if bucket is not None:
                for name in _SUMS:
                    bucket[name] += getattr(one, name)
        return {"span": span, "step": step, "buckets": list(buckets.values())}

    def _scale(self, span: str) -> Scale:
        """How the time of a chart is divided: in whole hours, or in days that begin at the reader's midnight.

        In Berlin in summer (UTC+2) ``"week"`` begins at the midnight of six days ago, which is 22:00 UTC, with steps of
        a day and an offset of 7,200 s: ``start + offset`` is a multiple of the step.
        """
        now = self._spot.clock.now()
        offset = (datetime.datetime.fromtimestamp(now).astimezone().utcoffset() or datetime.timedelta()).total_seconds()
        if span == "all":
            began = self._catalog.began()
            length = now - min(now, began or now)
            step = next(step for most, step in _ALL if length <= most)
        else:
            step, length = (HOUR, DAY - HOUR) if span == "day" else (DAY, 6 * DAY)
        offset = offset % step if step == HOUR else offset
        return Scale((now - length + offset) // step * step - offset, step, offset)

    def _functions(self, _: Params) -> Result:
        """All names with their counts, and the hits and runs of each in equal steps since the first."""
        uses, now = self._catalog.functions(), self._spot.clock.now()
        start = self._scale("all").start
        step = max(60.0, (now - start) / STEPS)
        rates: dict[str, list[list[int]]] = {use.name: [[0, 0] for _ in range(STEPS)] for use in uses}
        for one in self._catalog.series(start, step):
            if one.name in rates:
                place = rates[one.name][min(STEPS - 1, max(0, int((one.start - start) // step)))]
                place[0] += one.hits
                place[1] += one.misses
        return {"rows": [self._use(use) | {"rate": rates[use.name]} for use in uses], "since": start, "step": step}

    def _function(self, params: Params) -> Result:
        """All about one name: how long it takes, what came of its calls, what each model cost, and its latest calls."""
        name = params.text("name")
        use = next((use for use in self._catalog.functions() if use.name == name), None)
        if use is None:
            raise SpotError(f"nothing is known of {name or 'a function without a name'}", todo="Call it once")
        latency = self._catalog.latency(name)
        runs = self._catalog.runs(name=name, limit=params.number("limit", 10, 1, 1000))
        return {
            "row": self._use(use),
            "latency": latency and dict(zip(("median", "slow", "most"), latency, strict=True)),
            "outcomes": self._catalog.outcomes(name),
            "models": [dict(zip(_MODEL, row, strict=True)) for row in self._catalog.spent("model", name)],
            "runs": runs,
        }

    def _use(self, use: FunctionUse) -> Result:
        known, given = self._spot.modes().get(use.name), self._spot.given_modes().get(use.name)
        return row_fields(use) | {"mode": self._spot.mode_of(use.name, given), "set": known or "", "given": given or ""}

    def _set_mode(self, params: Params) -> Result:
        """Set the mode of a name, or of the spot where none is given. An empty mode unsets it."""
        name = params.text("name")
        self._spot.set_mode(params.text("mode") or None, name or None)
        return {"name": name, "mode": self._spot.mode_of(name)}

    def _runs(self, params: Params) -> Result:
        limit = params.number("limit", _LIST, 1, 1000)
        return {"rows": self._catalog.runs(limit=limit)}

    def _limits(self, _: Params) -> Result:
        now = self._spot.clock.now()
        return {"rows": [gauges(state, *self._meter.used(state, now)) for state in self._states()]}

    def _states(self) -> list[LimitState]:
        return self._spot.limits.states(everywhere=True)

    def _more_views(self) -> list[str]:
        states, now = self._states(), self._spot.clock.now()
        for state in states:
            self._meter.used(state, now)  # so that the view, opened later, knows of the minute before
        has_limits = bool(states or len(self._spot.limits))
        there = {"batches": has_batches(self._spot), "jobs": any(how_many(self._spot.folder)), "limits": has_limits}
        return [view for view, is_there in there.items() if is_there]

    def _rebuild(self, _: Params) -> Result:
        """Make the table about the entries anew from the entries themselves."""
        self._spot.rebuild()
        why = told().get(f"catalog {self._spot.folder}")
        if why is not None:
            raise SpotError("the catalog was not rebuilt", why, "Set it right, then rebuild it")
        return {"entries": self._spot.stats().entries}

    def _check(self, params: Params) -> Result:
        """Begin to read all results, and to remove what is damaged if wanted. The health tells what is found."""
        self._health.checkup.start(partial(self._spot.verify, repair=params.flag("repair")), self._spot.clock)
        return self._health.tell(self._facets()[1])

    def _facets(self) -> tuple[list[str], dict[str, int]]:
        """The kinds that there are to filter by, and how many entries there are of each status."""
        rows = self._catalog.kinds()
        counts = {status: sum(n for _, one, n in rows if one == status) for status in STATUSES}
        return sorted({kind for kind, *_ in rows} - {""}), {status: n for status, n in counts.items() if n}

    def _folder(self) -> str:
        """The folder as short as it is clear: relative where it lies below the working directory."""
        folder = self._spot.folder
        try:
            return str(folder.relative_to(Path.cwd()))
        except (ValueError, OSError):
            return str(folder)


_TOTALS = ("entries", "bytes", "hits", "misses", "errors", "seconds_saved", "price_saved", "price_paid")
_SPANS = ("day", "week", "all")
_SUMS = ("hits", "misses", "paid", "saved", "seconds", "seconds_saved")
_MODEL = ("model", "runs", "hits", "input_tokens", "output_tokens", "paid", "saved")


def row_fields(row: Any) -> Result:
    """A row of the catalog by field."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _midnight(now: float) -> float:
    """The beginning of the reader's day."""
    day = datetime.datetime.fromtimestamp(now).astimezone()
    return day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


class Meter:
    """Counts the requests of the last minute by how far the numbers of bookings moved. Before its first look it knows
    of those alone that time has not paid for yet.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def used(self, state: LimitState, now: float) -> tuple[int, float]:
        """The requests that a limit let pass, or has booked, in the last seconds, and for how many of these."""
        seen = self._seen.setdefault((state.place, state.name), deque())
        seen.append((now, state.booked))
        while len(seen) > 1 and seen[1][0] <= now - 60.0:
            seen.popleft()
        # Nobody looked for long, and something passed meanwhile: how much of it in the last minute, nobody knows.
        if len(seen) > 1 and seen[0][0] < now - 60.0 - _GRAIN and seen[0][1] != seen[1][1]:
            seen.popleft()
        # Below zero where the state began anew; a hundredth of a request is what the clock has moved meanwhile.
        return max(state.booked - seen[0][1], ceil(state.owed[0] - 0.01), 0), min(60.0, now - seen[0][0])


def gauges(state: LimitState, used: int, watched: float) -> Result:
    """A limit: what of it is used, how many calls run, and what slows it.

    Args:
        used: requests of the last seconds.
        watched: for how many of these that is known.
    """
    shown = []
    if state.rpm:
        shown.append(_gauge("requests", used, state.rpm_now, words.used(used, state.rpm_now, watched)))
    for unit, taken, limit, what in (
        ("tokens", round(state.owed[1]), state.tpm_now if state.tpm else 0, "in use"),
        ("at once", state.running, state.concurrency, "running"),
    ):
        if limit:
            shown.append(_gauge(unit, taken, limit, f"{taken:,.0f} of {limit:,.0f} {what}"))
    rates = [("requests", state.rpm_now, state.rpm), ("tokens", state.tpm_now, state.tpm)]
    slowed = [f"{now:,.0f} of {said:,.0f} {unit} per minute" for unit, now, said in rates if said and now < said]
    return {
        "name": state.name,
        "slowed": ", ".join(slowed),
        "gauges": shown,
        "waiting": state.queue,
        "wait": state.wait,
        "paused": state.pause,
    }


def _gauge(unit: str, used: float, limit: float, text: str) -> Result:
    return {"unit": unit, "used": used, "limit": limit, "text": text}


def _complaint(one: Unkept) -> Result:
    """Why nothing of a name is kept, in words."""
    why = one.reason.partition("not stored: ")[2] or one.reason
    why = f"it changes {why.removeprefix('changed ')}" if why.startswith("changed ") else why
    return {"name": one.name, "kind": one.kind, "never": one.never, "why": why, "runs": one.runs, "paid": one.paid}
