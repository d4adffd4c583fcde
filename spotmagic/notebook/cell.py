"""A cell under the spot: what names it, how it runs, what is kept of it and how a hit brings that back."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from spotmagic.code.cell import CellCode, analyse
from spotmagic.codecs import Encoded, decode, encode
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.gate import Gate, Ticket
from spotmagic.errors import SpotError, Uncacheable, tell
from spotmagic.keys import digest
from spotmagic.limits import Cost
from spotmagic.notebook import events, executor, restore
from spotmagic.notebook.options import CellOptions
from spotmagic.notebook.recorder import Recorder
from spotmagic.notebook.replay import Replay
from spotmagic.options import MarkOptions, Mode
from spotmagic.spot import Spot
from spotmagic.store.entry import Entry, Part

_LITERAL = re.compile(r"""(['"])((?:sk|pk|gh[pousr]|xox[abp]|AKIA|AIza|eyJ)[\w\-.]{12,}|[A-Za-z0-9+/_\-]{32,}={0,2})\1""")


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of a cell made: its outputs, the values behind its results, and the cell's changes to the notebook."""

    log: tuple[events.Event, ...]
    results: tuple[Any, ...]
    main: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """What an entry holds of a cell."""

    variables: Any
    log: list[events.Event]
    results: list[Any]
    error: Exception | None = None


class Cell:
    """One execution of one cell.

    Attributes:
        name: the user's name or key, else the names the cell writes.
        began: wall time at the start.
    """

    def __init__(self, shell: Any, spot: Spot, options: CellOptions, text: str, replay: Replay) -> None:
        self._shell, self._spot, self._options, self._replay = shell, spot, options, replay
        self.body = executor.prepare(shell, text)
        self.code = analyse(self.body.source)
        self.name = options.name or options.key or _label(self.code)
        self.began = spot.clock.now()
        self.explanation: Any = None
        self._watch: restore.Watch | None = None
        self._error: Exception | None = None
        self.call = self._call()

    def drive(self) -> Outcome:
        """Run or restore the cell."""
        outcome = self._spot.drive(self.call)
        if self._came_back(outcome):
            return outcome
        return self._spot.drive(self._again())

    async def adrive(self) -> Outcome:
        """The same for a body that awaits."""
        outcome = await self._spot.adrive(self.call)
        if self._came_back(outcome):
            return outcome
        return await self._spot.adrive(self._again())

    # the call ----------------------------------------------------------------------------------------------------------

    def _call(self) -> Call:
        options = self._options
        code, trouble = digest("cell code", self.code.normal), ""
        try:
            self._watch = restore.watch(
                self._shell.user_ns, self.code, inputs=options.inputs, ignore=options.ignore, outputs=options.outputs, mask=self._spot.ring.mask
            )
        except Uncacheable as error:
            trouble = str(error)
        inputs = self._watch.inputs if self._watch else {}
        return Call(
            name=self.name,
            kind="cell",
            key=b"" if trouble else self._key(inputs),
            code=code,
            inputs=inputs,
            run=self._arun if self.body.awaits else self._run,
            encode=self._encode,
            decode=self._decode,
            options=self._mark_options(),
            mode=self._spot.mode_of(self.name, options.mode),
            trouble=trouble,
            pinned=bool(options.key or options.version),
            fresh=options.refresh,
            least_seconds=options.least_seconds,
            ticket=self._ticket(),
            notes={"source": _redacted(self.code.normal)},
        )

    def _key(self, inputs: dict[str, bytes]) -> bytes:
        options = self._options
        shape = [*sorted(options.outputs), "rng" if options.rng else ""]
        if options.key:
            return digest("cell key", options.key, *shape)
        pieces = [piece for name in sorted(inputs) for piece in (name, inputs[name])]
        identity = ["version", options.version] if options.version else ["code", self.code.normal]
        return digest("cell", *identity, *shape, *pieces)

    def _mark_options(self) -> MarkOptions:
        options = self._options
        price = options.price
        return MarkOptions(
            version=options.version,
            ttl=options.ttl if options.ttl is not None else self._spot.ttl,
            save_blob=True if options.blob else None,
            errors=(Exception,) if options.errors else (),
            price=(lambda made: price(made.main)) if callable(price) else price,
            retry=options.retry if options.retry is not None else self._spot.retry,
        )

    def _ticket(self) -> Ticket | None:
        options = self._options
        if options.rpm is None and options.tpm is None:
            return None
        cost = Cost(1 if options.cost is None else options.cost, self._run)
        limit = self._spot.limits.get(f"cell {self.name}", rpm=options.rpm, tpm=options.tpm)
        return Ticket(Gate(limit, cost), cost.estimate((), {}))

    # the run -----------------------------------------------------------------------------------------------------------

    def _run(self) -> Made:
        self._explain()
        with Recorder(self._shell) as recorder:
            executor.run(self._shell, self.body)
        return self._made(recorder)

    async def _arun(self) -> Made:
        self._explain()
        with Recorder(self._shell) as recorder:
            await executor.arun(self._shell, self.body)
        return self._made(recorder)

    def _explain(self) -> None:
        self.explanation = self._spot.explain_call(self.call)

    def _made(self, recorder: Recorder) -> Made:
        return Made(tuple(recorder.log), tuple(recorder.results), self._main(recorder.results))

    def _main(self, results: list[Any]) -> Any:
        """What counts as the result of the cell for ``price=``: the last one shown, else its only variable."""
        if results:
            return results[-1]
        names = self.code.writes - self.code.defined
        return self._shell.user_ns.get(next(iter(names))) if len(names) == 1 else None

    # what is kept ------------------------------------------------------------------------------------------------------

    def _encode(self, made: Any) -> tuple[Part, ...]:
        assert self._watch is not None
        packed = restore.pack(self._watch.changes())
        return (
            self._part("variables", packed),
            self._part("outputs", events.pack(events.fold(made.log))),
            *self._results(made.results),
        )

    def _results(self, results: tuple[Any, ...]) -> list[Part]:
        """The values behind results, where they can be kept: a result that cannot is shown again, but is no value."""
        parts = []
        for place, value in enumerate(results):
            try:
                parts.append(self._part(f"result {place}", value))
            except Uncacheable:
                continue
        return parts

    def _part(self, name: str, value: Any) -> Part:
        encoded: Encoded = encode(value, pickle=self._spot.pickle, path=name)
        return Part(name=name, codecs=encoded.codecs, head=encoded.head, buffers=encoded.buffers)

    def _decode(self, entry: Entry) -> Kept:
        values = {part.name: decode(part.codecs, part.head, part.buffers, trusted=entry.trusted) for part in entry.parts}
        log = events.unpack(values.get("outputs", []))
        results = {int(name[7:]): value for name, value in values.items() if name.startswith("result ")}
        return Kept(values.get("variables"), log if entry.trusted else events.plain(log), results)

    # the way back ------------------------------------------------------------------------------------------------------

    def _came_back(self, outcome: Outcome) -> bool:
        """Bring back what a hit found. False if it cannot be brought back, after telling so."""
        kept, outcome.value = outcome.value, None
        if not isinstance(kept, Kept):
            return True
        try:
            restore.restore(self._shell.user_ns, kept.variables, partial(executor.define, self._shell, self.body))
        except Exception as error:
            if self.call.mode in (Mode.REPLAY, Mode.MOCK):
                raise
            tell(f"the kept result of {self.name} could not be restored", f"{type(error).__name__}: {error}", "The cell runs again")
            return False
        self._replay.play(kept.log, kept.results)
        return True

    def _again(self) -> Call:
        return replace(self.call, fresh=True)


def _label(code: CellCode) -> str:
    """What a cell is called that was given no name: by what it writes, else by its first line."""
    names = sorted((n for n in code.writes - code.defined if not n.startswith("_")), key=lambda n: (code.normal.find(n), n))
    return ", ".join(names[:3]) or code.normal.partition("\n")[0][:40] or "cell"


def _redacted(source: str) -> str:
    """The source without literals that look like credentials."""
    return _LITERAL.sub(r"\1…\1", source)
