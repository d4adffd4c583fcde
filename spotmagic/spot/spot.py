"""A spot: a cache folder with its settings, and everything users do with it."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar, cast, overload
from weakref import WeakValueDictionary

from spotmagic import options as words
from spotmagic import rooms
from spotmagic.clock import SYSTEM, Clock
from spotmagic.code.wrapped import Bound, sample_of, unwrapped
from spotmagic.engine.budget import Budget
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError, unknown
from spotmagic.hooks import Hooks
from spotmagic.keys import KeyGen
from spotmagic.limits import Limits
from spotmagic.options import MarkOptions, Mode, mark_options
from spotmagic.spot import session
from spotmagic.spot.accepted import Accepted
from spotmagic.spot.background import Background
from spotmagic.spot.batches import Batches
from spotmagic.spot.edits import Edits
from spotmagic.spot.given import check_places, refuse_uncallable
from spotmagic.spot.limiter import GivenRates, limited
from spotmagic.spot.mark import Marked, MarkedFunction
from spotmagic.spot.modes import Modes
from spotmagic.spot.outcomes import OutcomeIndex
from spotmagic.spot.results import Results
from spotmagic.spot.stack import Stack, open_stack
from spotmagic.spot.streams import marked_function
from spotmagic.spot.travel import arrive, opening
from spotmagic.store.trust import Ring, ring, trust_of

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog
    from spotmagic.dashboard import Panel
    from spotmagic.store import Store
    from spotmagic.store.blobs import Blobs
    from spotmagic.wrap import WrappedTargets

P = ParamSpec("P")
R = TypeVar("R")
Function = Callable[..., Any]


class Spot(Results, Background, Batches):
    """A cache folder with its settings.

    Args:
        name: the folder's name under ``root``; letters, digits, ``-``, ``_`` and ``.``.
        root: the folder of all spots; ``SPOTMAGIC_ROOT``, else ``.spotmagic`` in the working directory.
        blobs: where large parts lie: a folder or a URL (``"s3://bucket/prefix"``); the spot's folder by default.
        remote: a bucket that a team shares (``"s3://bucket/team"``, any URL that obstore takes): what is not in the
            folder is looked up there, what is stored is sent there in the background.
        limits: what shares limits: ``"redis://host:port/0"`` between machines; a local file between kernels by default.
        rpm, tpm, concurrency: the limit of every ``@spot.limiter(...)`` that names no rates of its own; per minute.
        ttl: how long results hold, in seconds or as text ("7d"); for ever by default.
        mode: ``auto``, ``record``, ``replay`` or ``off``; ``SPOTMAGIC_MODE``, else ``auto``.
        blob_over: parts above this size are blobs (bytes, or text such as "32KB").
        budget: what all kernels of the spot may spend, in the unit of the prices; then ``BudgetSpent``.
        ask_over: when code was edited whose known results cost more than this, its first call raises ``EditCosts``.
        retry: a :class:`spotmagic.Retry`, or a number of attempts, for every marked function that has none.
        trust: what to take of other writers: ``"safe"`` what cannot run code, ``"mine"`` nothing; ``"all"``, together
            with ``unsafe_foreign_pickle=True``, lets whoever can write to the folder run code as you.
        pickle: ``"signed"`` keeps what has no codec of its own as sealed pickle, ``"never"`` refuses it.
        executor: where calls are made: ``"threads"``, ``"processes"`` (loky), any ``concurrent.futures.Executor``, or a
            client of dask; for every marked function that names none.
        never_twice: a call whose worker died is told as failed, and is not made again unless you do so.
        hooks: objects that are told of every call: ``spotmagic.hooks``, or any with a method such as ``on_success``.
        keep_inputs: keep the arguments of calls in short texts, never secrets, so that people find results by them.
        clock: tells the time and waits.
        store, catalog: anything with their protocols, in place of the folder's own.

    Raises:
        OptionError: for an option that cannot be used. A folder that cannot be used is a warning: then nothing is kept.
    """

    def __init__(
        self,
        name: str = "default",
        *,
        root: str | Path | None = None,
        blobs: str | Path | Blobs | None = None,
        remote: str | None = None,
        limits: str | Limits | None = None,
        rpm: float | str | None = None,
        tpm: float | str | None = None,
        concurrency: int | None = None,
        ttl: float | str | None = None,
        mode: str | Mode | None = None,
        blob_over: int | str = "32KB",
        budget: float | None = None,
        ask_over: float | None = None,
        retry: Any = None,
        executor: Any = None,
        never_twice: bool = False,
        hooks: Sequence[Any] = (),
        trust: str = "safe",
        unsafe_foreign_pickle: bool = False,
        pickle: Literal["signed", "never"] = "signed",
        keep_inputs: bool = True,
        clock: Clock = SYSTEM,
        store: Store | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._opening = opening(locals())  # first of all: what is bound below is no setting
        if not isinstance(name, str) or not re.fullmatch(r"[\w\-][\w\-.]{0,99}", name):
            raise OptionError(f"name={name!r} cannot name a folder", todo="Say letters, digits, '-', '_' and '.'")
        if pickle not in ("signed", "never"):
            raise unknown("value of pickle=", str(pickle), ("signed", "never"))
        for option, switch in (("never_twice", never_twice), ("keep_inputs", keep_inputs)):
            words.check_switch(switch, option)
        check_places(blobs, remote)
        level = trust_of(trust, unsafe_foreign_pickle)
        self.name = name
        self.ttl = None if ttl is None else words.parse_duration(ttl, "ttl")
        self.retry, self.clock = Retry.of(retry), clock
        self.executor, self.never_twice = executor, never_twice
        if executor is not None:
            from spotmagic import jobs

            jobs.carrier(executor, never_twice)
        self.hooks = Hooks(hooks, clock) if hooks else None
        self.pickle: Literal["signed", "never"] = pickle
        self.keep_inputs = keep_inputs
        default = words.parse_mode(mode or words.setting("mode", "auto") or "auto")
        self.rates = GivenRates(rpm, tpm, concurrency).checked()
        remote = remote or words.setting("remote")
        self.limits = limits if isinstance(limits, Limits) else Limits(limits, clock=clock)
        self.folder = (Path(root or words.setting("root", ".spotmagic") or ".spotmagic") / name).absolute()
        self._opening["root"] = str(self.folder.parent)
        if store is not None:
            self._stack = Stack(self.folder, store, clock, catalog)
        else:
            size = words.parse_size(blob_over, "blob_over")
            given: dict[str, Any] = {
                "blobs": blobs,
                "remote": remote,
                "blob_over": size,
                "trust": level,
                "clock": clock,
            }
            self._stack = open_stack(self.folder, ring=ring(), **given)
        total = None if budget is None else words.parse_amount(budget, "budget")
        self._budget = Budget(self.folder / "spent", total, lambda: self.stats().price_paid)
        self._modes = Modes(self.folder / "modes.json", self.store, default)
        # Bound once: a hit looks them up each time.
        self.mode_of, self.give_mode, self.given_modes = self._modes.of, self._modes.give, self._modes.given
        self.tune, self.tuned, self.slow = self._modes.tune, self._modes.tuned, self._modes.slow
        self.outcome_index = OutcomeIndex(self.store)
        self.accepted = Accepted(self.folder / "accepted.json", self.store)
        self.edits = self._budget.edits = Edits(self.folder / "ask.json", self.store, self.accepted, ask_over)
        self.functions: WeakValueDictionary[str, Marked] = WeakValueDictionary()
        self._stack.use()  # after all that may raise: a spot that was not made holds nothing open
        self._closed = False
        if sys._getframe(1).f_globals.get("__name__") == "__main__":  # who calls this, so nothing may stand between
            session.made_in_main(self)

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, **settings: Any) -> Iterator[Spot]:
        """A spot in a folder of its own that is gone at the end of the block, and its detached jobs with it.

        Takes the settings of a spot.
        """
        folder = tempfile.mkdtemp(prefix="spotmagic-")  # which others of the machine cannot look into
        try:
            with cls("temporary", root=folder, **settings) as spot:
                try:
                    yield spot
                finally:
                    for job in spot.jobs() if (spot.folder / "jobs").exists() else ():
                        job.cancel(force=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def ring(self) -> Ring:
        """The user's secret and those they trust."""
        return ring()

    @property
    def budget(self) -> Budget:
        """What may be spent and what was: ``spot.budget.spent()``. ``spot.budget = 5.00`` allows another amount."""
        return self._budget

    @budget.setter
    def budget(self, total: float | None) -> None:
        self._budget.total = None if total is None else words.parse_amount(total, "budget")

    @property
    def engine(self) -> Any:
        """What drives calls."""
        return self._stack.engine

    @overload
    def mark(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def mark(
        self,
        *,
        version: str | None = None,
        ttl: float | str | None = None,
        key: KeyGen | Function | None = None,
        ignore: str | Sequence[str] = (),
        files: str | Sequence[str] = (),
        save_blob: bool | None = None,
        content_type: str | None = None,
        mode: str | Mode | None = None,
        errors: type[Exception] | tuple[type[Exception], ...] = (),
        price: float | Function | None = None,
        retry: Any = None,
        keep_if: Function | None = None,
        keep_inputs: bool | None = None,
        sample: int = 0,
        executor: Any = None,
        never_twice: bool | None = None,
        detached: bool = False,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def mark(self, function: Any = None, **given: Any) -> Any:
        """The function with its results kept: a call with equal code and arguments costs a look-up.

        Args:
            version: stands for the code in the key; then you own invalidation, and other code is shown as drift.
            ttl: how long a result holds, in seconds or as text ("7d").
            key: ``KeyGen.map(...)``, ``KeyGen.ignore(...)`` or a function of the arguments that gives what counts.
            ignore: arguments, globals, attributes (``"self.calls"``), patterns of files ("*.log") that do not count.
            files: files that count, whether it is seen to read them or not.
            save_blob: always (``True``) or never (``False``) write a blob; by size when not said.
            content_type: what the value is, for previews ("text/markdown").
            mode: the mode of this function.
            errors: types of exceptions to keep and raise again on a hit.
            price: what a run costs: a number, or a function of the result.
            retry: a :class:`spotmagic.Retry`, or a number of attempts.
            keep_if: says of a result whether it is worth keeping; one that is not is returned, and not stored.
            executor, never_twice: where calls are made, as for the spot.
            detached: ``submit`` starts a process of its own, which outlives the kernel.
            keep_inputs: whether the arguments are kept in short texts; as the spot says when not said.
            sample: which answer to the same arguments this is: the n-th is a result of its own, as is the 0-th.

        Raises:
            OptionError: for an unknown option or a wrong value, before anything runs.
        """
        options = self.filled(mark_options(given))
        if function is None:
            return lambda later: self._mark(later, options)
        return self._mark(function, options)

    def _mark(self, function: Any, options: MarkOptions) -> Any:
        if isinstance(function, staticmethod | classmethod):
            return type(function)(self._mark(function.__func__, options))
        refuse_uncallable(function, "mark", "Mark a function")
        return function if words.is_off() else self.kept(function, options)

    def kept(self, function: Any, options: MarkOptions) -> Any:
        """The function with its calls under this spot, whatever the environment says."""
        outer = function.__func__ if isinstance(function, Bound) else function
        gate = outer.marked.gate if isinstance(outer, MarkedFunction) else getattr(outer, "gate", None)
        options = replace(options, sample=options.sample or sample_of(function))
        return marked_function(Marked(self, unwrapped(function), options, gate))

    def filled(self, options: MarkOptions) -> MarkOptions:
        """The options of a mark, what it does not say as the spot says."""
        return replace(
            options,
            ttl=self.ttl if options.ttl is None else options.ttl,
            retry=self.retry if options.retry is None else Retry.of(options.retry),
            executor=self.executor if options.executor is None else options.executor,
            never_twice=self.never_twice if options.never_twice is None else options.never_twice,
            keep_inputs=self.keep_inputs if options.keep_inputs is None else options.keep_inputs,
        )

    def limiter(
        self,
        cost: float | Function | str = 1,
        name: str | None = None,
        *,
        rpm: float | str | None = None,
        tpm: float | str | None = None,
        concurrency: int | None = None,
        settle: Function | None = None,
        timeout: float | str | None = None,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """A decorator that lets calls pass at a rate. Before or after ``mark`` alike: hits are free.

        Args:
            cost: tokens (where there is a ``tpm``) or requests of a call: a number, a function of the arguments,
                or ``"mean"``.
            name: limits of one name are one limit, in all kernels of the machine; the function's name by default.
            rpm, tpm, concurrency: requests and tokens per minute, calls at a time; the spot's when none is said.
            settle: what a call did cost, as a function of its result.
            timeout: wait at most this long, then raise ``LimitTimeout``.

        Raises:
            OptionError: for rates that are none, or when neither this nor the spot names one.
        """
        if settle is not None and not callable(settle):
            raise OptionError(f"settle={settle!r} cannot be asked", todo="Say a function of the result")
        if name is None and not (GivenRates(rpm, tpm, concurrency).checked().said or self.rates.said):
            raise OptionError("a limiter without a rate", todo="Say rpm=, tpm= or concurrency=, here or at the Spot")
        seconds = None if timeout is None else words.parse_duration(timeout, "timeout")
        given = {"cost": cost, "name": name, "settle": settle, "timeout": seconds}
        given |= {"rpm": rpm, "tpm": tpm, "concurrency": concurrency}

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            return function if words.is_off() else cast("Callable[P, R]", limited(self, function, given))

        return decorate

    def wrap(self, *targets: str, **options: Any) -> WrappedTargets:
        """Put what the program already uses under the spot, without touching its code.

        Args:
            targets: ``"module:function"``, ``"module:Class.method"``, ``"httpx"`` or ``"requests"``, which the SDKs of
                paid APIs send their requests with, or what an installed package adds.
            options: those of ``mark`` and ``limiter``; ``match="api.openai.com/*"`` and ``ignore="user"`` for requests.

        Returns:
            What :meth:`~spotmagic.wrap.WrappedTargets.off` puts every original back with; it is a context manager too.

        Raises:
            OptionError: for a target or an option that cannot be used. Nothing is wrapped then.
        """
        from spotmagic import wrap

        return wrap.on(self, targets, options)

    @contextlib.contextmanager
    def cached_run(self, *functions: Function, **given: Any) -> Iterator[Any]:
        """Marked wrappers of functions one does not own: one function gives one wrapper, more give a tuple."""
        if not functions:
            raise OptionError("cached_run was given no function", todo="Say with spot.cached_run(f) as f: ...")
        wrappers = tuple(self.mark(**given)(function) for function in functions)
        yield wrappers[0] if len(wrappers) == 1 else wrappers

    def drive(self, call: Call) -> Outcome:
        """What came of a call."""
        call.hooks = self.hooks
        outcome: Outcome = self.engine.drive(call).outcome()
        return outcome

    async def adrive(self, call: Call) -> Outcome:
        """What came of a call whose ``run`` gives something to await."""
        call.hooks = self.hooks
        outcome: Outcome = (await self.engine.adrive(call)).outcome()
        return outcome

    def set_mode(self, mode: str | Mode | None, target: str | None = None) -> None:
        """Set the mode of the spot, or of one name; ``None`` unsets it. Other kernels see it at their next call."""
        name = self.name_of(target)
        if mode is None:
            self._modes.clear(name)
        else:
            self._modes.set(mode, name)

    def modes(self) -> dict[str, Mode]:
        """The modes that were set, by name; the spot's own under the empty name."""
        return self._modes.all()

    def panel(self) -> Panel:
        """The panel of this spot, to be shown in a notebook."""
        shown: Panel = rooms.public("panel")(self)
        return shown

    def close(self) -> None:
        """Write what is in memory and let go of every file, and of what is wrapped."""
        session.drop(self)  # first: whoever asks for the current spot from now on gets an open one
        if (wrap := sys.modules.get("spotmagic.wrap")) is not None:
            wrap.off(spot=self)
        if not self._closed:
            self._closed = True
            self._stack.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        return arrive, (self._opening,)

    def __repr__(self) -> str:
        return f"Spot({self.name!r}) in {self.folder}"
