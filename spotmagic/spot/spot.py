"""A spot: a cache folder with its settings, and everything users do with it."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Self, TypeVar, cast, overload
from weakref import WeakValueDictionary

from spotmagic import options as words
from spotmagic.clock import SYSTEM, Clock
from spotmagic.code.wrapped import Bound, unwrapped
from spotmagic.engine.budget import Budget
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.explain import Explanation
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError, unknown
from spotmagic.keys import KeyGen
from spotmagic.limits import Limits
from spotmagic.options import MarkOptions, Mode, mark_options
from spotmagic.spot import session
from spotmagic.spot.accepted import Accepted
from spotmagic.spot.limiter import Rates, limited
from spotmagic.spot.mark import Marked, MarkedFunction
from spotmagic.spot.modes import Modes
from spotmagic.spot.stack import Stack, open_stack
from spotmagic.spot.travel import arrive, opening
from spotmagic.store.archive import Loaded, load_archive, write_archive
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring, ring, trust_of

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog, Row, Stats, Table
    from spotmagic.dashboard import Panel
    from spotmagic.store.blobs import Blobs
    from spotmagic.store.protocol import Store
    from spotmagic.store.upkeep import Swept, Verified

P = ParamSpec("P")
R = TypeVar("R")
Function = Callable[..., Any]


class Spot:
    """A cache folder with its settings.

    Args:
        name: the folder's name under ``root``; letters, digits, ``-``, ``_`` and ``.``.
        root: the folder of all spots; ``SPOTMAGIC_ROOT``, else ``.spotmagic`` in the working directory.
        blobs: where large parts lie: a folder or a URL (``"s3://bucket/prefix"``); the spot's folder by default.
        limits: what shares limits: ``"redis://host:port/0"`` between machines; a local file between kernels by default.
        rpm, tpm, concurrency: the limit of every ``@spot.limiter(...)`` that names no rates of its own; per minute.
        ttl: how long results hold, in seconds or as text ("7d"); for ever by default.
        mode: ``auto``, ``record``, ``replay`` or ``off``; ``SPOTMAGIC_MODE``, else ``auto``.
        blob_over: parts above this size are blobs (bytes, or text such as "32KB").
        budget: what all kernels of the spot may spend, in the unit of the prices; then ``BudgetSpent``.
        retry: a :class:`spotmagic.Retry`, or a number of attempts, for every marked function that has none.
        trust: what to take of other writers: ``"safe"`` what cannot run code, ``"mine"`` nothing; ``"all"``, together
            with ``unsafe_foreign_pickle=True``, lets whoever can write to the folder run code as you.
        pickle: ``"signed"`` keeps what has no codec of its own as sealed pickle, ``"never"`` refuses it.
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
        limits: str | Limits | None = None,
        rpm: float | str | None = None,
        tpm: float | str | None = None,
        concurrency: int | None = None,
        ttl: float | str | None = None,
        mode: str | Mode | None = None,
        blob_over: int | str = "32KB",
        budget: float | None = None,
        retry: Any = None,
        trust: str = "safe",
        unsafe_foreign_pickle: bool = False,
        pickle: Literal["signed", "never"] = "signed",
        clock: Clock = SYSTEM,
        store: Store | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._opening = opening(locals())
        if not re.fullmatch(r"[\w\-][\w\-.]{0,99}", name):
            raise OptionError(f"name={name!r} cannot name a folder", todo="Say letters, digits, '-', '_' and '.'")
        if pickle not in ("signed", "never"):
            raise unknown("value of pickle=", str(pickle), ("signed", "never"))
        level = trust_of(trust, unsafe_foreign_pickle)
        self.name = name
        self.ttl = None if ttl is None else words.parse_duration(ttl, "ttl")
        self.retry, self.clock = Retry.of(retry), clock
        self.pickle: Literal["signed", "never"] = pickle
        default = words.parse_mode(mode or words.setting("mode", "auto") or "auto")
        self.rates = Rates(rpm, tpm, concurrency)
        self.limits = limits if isinstance(limits, Limits) else Limits(limits, clock=clock)
        self.folder = (Path(root or words.setting("root", ".spotmagic") or ".spotmagic") / name).absolute()
        self._opening["root"] = str(self.folder.parent)
        if store is not None:
            self._stack = Stack(self.folder, store, clock, catalog)
        else:
            size = words.parse_size(blob_over, "blob_over")
            self._stack = open_stack(self.folder, ring=ring(), blobs=blobs, blob_over=size, trust=level, clock=clock)
        if budget is not None and not (isinstance(budget, int | float) and budget >= 0):
            raise OptionError(f"budget={budget!r} is not an amount", todo="Say a number from 0 on")
        self.budget = Budget(self.folder / "spent", budget, lambda: self.stats().price_paid)
        self._modes = Modes(self.folder / "modes.json", self.store, default)
        self.mode_of, self.give_mode, self.given_modes = self._modes.of, self._modes.give, self._modes.given
        self.accepted = Accepted(self.folder / "accepted.json", self.store)
        self.functions: WeakValueDictionary[str, Marked] = WeakValueDictionary()
        self._stack.use()
        self._closed = False
        if sys._getframe(1).f_globals.get("__name__") == "__main__":
            session.made_in_main(self)

    @classmethod
    @contextlib.contextmanager
    def temporary(cls, **settings: Any) -> Iterator[Spot]:
        """A spot in a folder of its own that is gone at the end of the block. Takes the settings of a spot."""
        folder = tempfile.mkdtemp(prefix="spotmagic-")
        try:
            with cls("temporary", root=folder, **settings) as spot:
                yield spot
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def ring(self) -> Ring:
        """The user's secret and those they trust."""
        return ring()

    @property
    def store(self) -> Store:
        """Where the entries live."""
        return self._stack.store

    @property
    def catalog(self) -> Catalog:
        """The table about the entries."""
        return self._stack.catalog

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

        Raises:
            OptionError: for an unknown option or a wrong value, before anything runs.
        """
        options = self._with_defaults(mark_options(given))
        if function is None:
            return lambda later: self._mark(later, options)
        return self._mark(function, options)

    def _mark(self, function: Any, options: MarkOptions) -> Any:
        if isinstance(function, staticmethod | classmethod):
            return type(function)(self._mark(function.__func__, options))
        if not callable(function):
            raise OptionError(
                f"mark was given {type(function).__name__}, which cannot be called", todo="Mark a function"
            )
        if words.is_off():
            return function
        outer = function.__func__ if isinstance(function, Bound) else function
        gate = outer.marked.gate if isinstance(outer, MarkedFunction) else getattr(outer, "gate", None)
        return MarkedFunction(Marked(self, unwrapped(function), options, gate))

    def _with_defaults(self, options: MarkOptions) -> MarkOptions:
        from dataclasses import replace

        return replace(
            options,
            ttl=self.ttl if options.ttl is None else options.ttl,
            retry=self.retry if options.retry is None else Retry.of(options.retry),
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
        if name is None and not (Rates(rpm, tpm, concurrency).said or self.rates.said):
            raise OptionError("a limiter without a rate", todo="Say rpm=, tpm= or concurrency=, here or at the Spot")
        seconds = None if timeout is None else words.parse_duration(timeout, "timeout")
        given = {"cost": cost, "name": name, "settle": settle, "timeout": seconds}
        given |= {"rpm": rpm, "tpm": tpm, "concurrency": concurrency}

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            return function if words.is_off() else cast("Callable[P, R]", limited(self, function, given))

        return decorate

    @contextlib.contextmanager
    def cached_run(self, *functions: Function, **given: Any) -> Iterator[Any]:
        """Marked wrappers of functions one does not own: one function gives one wrapper, more give a tuple."""
        if not functions:
            raise OptionError("cached_run was given no function", todo="Say with spot.cached_run(f) as f: ...")
        wrappers = tuple(self.mark(**given)(function) for function in functions)
        yield wrappers[0] if len(wrappers) == 1 else wrappers

    def drive(self, call: Call) -> Outcome:
        """What came of a call."""
        outcome: Outcome = self.engine.drive(call).outcome()
        return outcome

    async def adrive(self, call: Call) -> Outcome:
        """What came of a call whose ``run`` gives something to await."""
        outcome: Outcome = (await self.engine.adrive(call)).outcome()
        return outcome

    def set_mode(self, mode: str | Mode | None, target: str | None = None) -> None:
        """Set the mode of the spot, or of one name; ``None`` unsets it. Other kernels see it at their next call."""
        if mode is None:
            self._modes.clear(target or "")
        else:
            self._modes.set(mode, target or "")

    def modes(self) -> dict[str, Mode]:
        """The modes that were set, by name; the spot's own under the empty name."""
        return self._modes.all()

    def entries(self, like: str | None = None, **filters: Any) -> list[Row]:
        """Rows about entries: filters ``kind``, ``status`` ("live"), ``order`` ("-created"), ``limit`` (1000)."""
        return self.catalog.entries(like, **filters)

    def sql(self, query: str) -> Table:
        """The answer of the catalog to a query: it sees all that any kernel wrote before. Read-only."""
        return self.catalog.sql(query)

    def stats(self, name: str | None = None) -> Stats:
        """Counts, sizes, time and money of the spot, or of one name."""
        return self.catalog.stats(name)

    def forget(self, pattern: str) -> int:
        """Delete the live entries whose name matches a pattern ("summ*"), or of one key. Returns how many."""
        rows = self.catalog.entries(pattern, status=None, limit=None)
        return self.store.forget([bytes.fromhex(row.key) for row in rows])

    def pin(self, pattern: str, pinned: bool = True) -> int:
        """Keep entries from being collected, whatever the rules say. Returns how many."""
        keys = [bytes.fromhex(row.key) for row in self.catalog.entries(pattern, limit=None)]
        self.store.pin(keys, pinned)
        return len(keys)

    def drifted(self) -> dict[str, str]:
        """The names of results made by other code or inputs than this kernel last asked with, each with its key."""
        return self._stack.ledger.drifted()

    def accept(self, name: str | None = None) -> list[str]:
        """Say that edits do not matter: results stand for the code as it is now, and none is run again.

        Args:
            name: of a function marked in this process, or of a result that has drifted; all that have when not said.

        Returns:
            The names of those whose code had changed.
        """
        accepted = self._stack.ledger.accept(name)
        ends = [] if name is None else [one for one in list(self.functions) if f".{one}".endswith(f".{name}")]
        return accepted + [
            one for one in ends if self.functions[one].options.version is None and self.functions[one].accept()
        ]

    def explain(self, name: str) -> Explanation:
        """What differs between the last result of a name and the one before it."""
        return self._stack.ledger.recall.account_of(name)

    def explain_call(self, call: Call) -> Explanation:
        """What differs between a call and the nearest result of its name."""
        return self._stack.ledger.explain_call(call)

    def gc(self, rules: Mapping[str, float | str] | None = None, *, dry_run: bool = False) -> Swept:
        """Remove what has expired or is older than a rule allows. Nothing else ever is.

        Args:
            rules: how long results may be kept, by name pattern: ``{"draft_*": "7d"}``. Pinned ones stay.
            dry_run: only say what would go, and its size.
        """
        ages = {pattern: words.parse_duration(age, f"rules[{pattern!r}]") for pattern, age in (rules or {}).items()}
        return self._folder_store("gc").gc(ages, dry_run=dry_run)

    def verify(self, repair: bool = False) -> Verified:
        """Read everything and say what is damaged.

        Args:
            repair: remove what is damaged, so that it is run again.
        """
        return self._folder_store("verify").verify(repair=repair)

    def _folder_store(self, what: str) -> FolderStore:
        if not isinstance(self.store, FolderStore):
            raise OptionError(f"{what} needs a folder", why=f"the store is a {type(self.store).__name__}")
        return self.store

    def rebuild(self) -> None:
        """Make the catalog anew from the store."""
        self.catalog.rebuild()

    def export(self, path: str | Path, pattern: str | None = None) -> int:
        """Write the results of a name pattern, or all, to one archive, to be loaded elsewhere. Returns how many."""
        keys = [bytes.fromhex(row.key) for row in self.catalog.entries(pattern, status=None, limit=None)]
        return write_archive(Path(path).absolute(), self._folder_store("export").transfer, keys)

    def load(self, path: str | Path) -> Loaded:
        """Take the results of an archive that ``export`` wrote. Another user's stay under their seal (``trust``)."""
        return load_archive(Path(path), self._folder_store("load"))

    def panel(self) -> Panel:
        """The panel of this spot, to be shown in a notebook."""
        from spotmagic import panel

        return panel(self)

    def flush(self) -> bool:
        """Make everything that was kept last over a power cut. Whether that is so now."""
        return self.store.flush()

    def close(self) -> None:
        """Write what is in memory and let go of every file."""
        session.drop(self)
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
