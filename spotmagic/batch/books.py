"""The books of a batch: what came of each call, counted, kept and logged as it happens."""

from __future__ import annotations

import functools
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic.batch import listening
from spotmagic.batch.folder import RunFolder
from spotmagic.batch.gathered import Gathered
from spotmagic.batch.item import Failed, Item, Task, failure
from spotmagic.batch.progress import Pace, Progress
from spotmagic.engine.call import Done, Outcome

if TYPE_CHECKING:
    from spotmagic.batch.run import Pass
    from spotmagic.batch.target import BatchFunction
    from spotmagic.spot import Spot

_LEAN = 512
"""Bytes of an entry above which its parts are let go of where only its account is kept."""


class Plan(NamedTuple):
    """How a batch is to go: the options of ``spot.map``, checked."""

    concurrency: int = 8
    in_order: bool = True
    most_failures: int | None = None
    keep: bool = True
    name: str = ""
    samples: int = 1


class Books:
    """What came of the calls of a batch.

    Hits are entered by the one thread that looks up; the rest under a lock.

    Attributes:
        run: the pass that is under way, or the last one.
        ending: how it ends, if other than all done: ``stopped``, ``interrupted`` or ``failed``.
        error: what is to be raised at its end: of the inputs, the budget, or an exit.
        too_many: it was stopped by failures.
        prints: what calls print goes to the log.
        over: set when it has come to its end.
    """

    def __init__(self, spot: Spot, target: BatchFunction, total: int | None, plan: Plan) -> None:
        self.name, self.function = plan.name or target.name, target.name
        self.items = Gathered(keep=plan.keep)
        self.folder = RunFolder(spot.folder, self.name, spot.pickle)
        self.failures: list[Failed] = []
        self.pulled, self.total, self.failed = 0, total, 0
        self.run: Pass | None = None
        self.ending, self.reason = "", ""
        self.error: BaseException | None = None
        self.too_many = self.prints = False
        self.over = threading.Event()
        self._target, self._plan, self._clock = target, plan, spot.clock
        self._lock = threading.Lock()
        self._met = self._joined = self._ran = 0
        self._price = self._saved = 0.0
        self._broken: list[Task] = []
        self._started, self._pace = self._clock.now(), Pace()
        self._began = self._ended = self._clock.monotonic()

    def open(self, run: Pass) -> None:
        """A pass begins."""
        self.run, self.ending, self.reason, self.error, self.too_many = run, "", "", None, False
        self._pace = Pace()
        self._began = self._clock.monotonic() - (self._ended - self._began)
        self.over.clear()

    def close(self) -> None:
        """It has come to its end."""
        self._ended = self._clock.monotonic()
        self.over.set()
        self.items.ring()

    def is_flying(self) -> bool:
        """Whether calls are under way."""
        return self.run is not None and bool(self.run.flying)

    def forget_failed(self) -> list[Task]:
        """Take the calls that failed out, to be made again."""
        tasks, self._broken, self.failures, self.failed = self._broken, [], [], 0
        for task in tasks:
            task.attempts = 0
        self.pulled -= len(tasks)  # they are taken in once more
        self.items.drop_failed()
        return tasks

    def enter(self, task: Task) -> listening.CallLog:
        """What is logged in this context from now on is of this batch."""
        log = listening.CallLog(self.folder, self.prints, functools.partial(self._target.secrets, task))
        listening.here.set(log)
        return log

    def taken_in(self) -> None:
        """One more input was taken."""
        self.pulled += 1
        self.items.pull()

    def met(self, task: Task, value: Any, tell: Callable[[], Outcome]) -> None:
        """A plain hit; ``tell`` is the partial that makes its outcome of key and entry.

        Without the lock: hits are met by the one thread that looks up, and nobody else counts them.
        """
        self._met += 1
        entry = tell.args[1]  # type: ignore[attr-defined]
        self._saved += entry.price
        if self.items.holds:
            if entry.size > _LEAN:
                tell = _lean(tell)
            self.items.add(Item(task, value, None, tell, "hit", notes=entry.notes))

    def did(self, task: Task, done: Done, key: bytes) -> None:
        """A call that went through the engine and gave a value."""
        ran = done.verdict in ("ran", "bypassed")
        with self._lock:
            if ran:
                self._ran += 1
                self._price += done.price
            else:
                self._joined += 1
            if self.items.holds:
                self.items.add(Item(task, done.value, None, done.outcome, done.verdict, done.price, done.notes))
        if ran:
            now, name = self._clock.now(), key.hex()
            self.folder.log(
                f'{{"at": {now:.3f}, "index": {task.index}, "key": "{name}", "verdict": "{done.verdict}", '
                f'"attempts": {task.attempts}, "price": {done.price:g}}}'
            )

    def broke(self, task: Task, error: BaseException, key: bytes) -> None:
        """A call that raised. It is kept at once."""
        secrets = self._target.secrets(task)
        failed = failure(task, error, key, self._clock.now(), secrets.all)
        self.folder.fail(failed, secrets)
        with self._lock:
            self.failed += 1
            if self._plan.keep or not self.folder.usable:
                self.failures.append(failed)
            if self._plan.keep:
                self._broken.append(task)
            if self.items.holds:
                self.items.add(Item(task, None, error, None))
            most = self._plan.most_failures
            # under the lock, so that one of those that failed at once is the one too many
            full = most is not None and self.failed > most
        if full and not self.ending:
            self.too_many = True
            self.stop(f"{failed.shown} failed" if most == 0 else f"more than {most:,} failed")

    def stop(self, reason: str, ending: str = "stopped", error: BaseException | None = None) -> None:
        """Let no further call begin."""
        if not self.ending:  # whoever ends it first says why
            self.ending, self.reason, self.error = ending, reason, error
        # After that: who finds that nothing more begins has to find why.
        if self.run is not None:
            self.run.halt()

    def stop_at_end(self, error: BaseException) -> None:
        """The inputs raised: what was taken of them is asked to the end."""
        if not self.ending:
            self.ending, self.reason, self.error = "failed", f"its inputs raised {type(error).__name__}", error

    @property
    def status(self) -> str:
        """In one word."""
        over = self.over.is_set()
        if self.ending:
            return self.ending if over or self.ending == "interrupted" else "stopping"
        if over:
            return "done"
        return "paused" if self.run is not None and self.run.paused else "running"

    def progress(self) -> Progress:
        """How far it is, and what it waits for."""
        flying = () if self.run is None else self.run.snapshot()
        states = Counter(state for state, _ in flying)
        waiting = Counter(limit for state, limit in flying if state == "waiting" and limit)
        cached = self._met + self._joined
        done, over = cached + self._ran + self.failed, self.over.is_set()
        now = self._ended if over else self._clock.monotonic()
        rest = None if self.total is None or over else max(0, self.total - done)
        return Progress(
            name=self.name,
            function=self.function,
            status=self.status,
            total=self.total,
            done=done,
            cached=cached,
            failed=self.failed,
            running=states["running"],
            retrying=states["retrying"],
            waiting=dict(waiting),
            price=self._price,
            saved=self._saved,
            seconds=now - self._began,
            left=None if rest is None else self._pace.left(now, done, rest),
            reason=self.reason,
            started=self._started,
        )

    def log(self, **said: Any) -> None:
        """Add a line to the log."""
        self.folder.log(json.dumps({"at": self._clock.now(), **said}))


def _lean(tell: Any) -> Any:
    """The same account of a hit without the bytes of its value."""
    key, entry = tell.args
    return type(tell)(tell.func, key, entry._replace(parts=()))
