"""A cell under the spot: what names it, how it runs, what is kept of it and how a hit brings that back."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from spotmagic.code.cell import analyse
from spotmagic.codecs import Undecodable, decode, encode, is_safe
from spotmagic.engine.around import Around
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.explain import ACCEPTED
from spotmagic.engine.gate import Ticket
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError, Uncacheable, unknown
from spotmagic.keys import digest
from spotmagic.notebook import events, executor, restore, secrets
from spotmagic.notebook.leads import leads_to_marked
from spotmagic.notebook.options import CellOptions
from spotmagic.notebook.recorder import Recorder, Silence
from spotmagic.notebook.replay import NOT_KEPT, Replay, is_drawn
from spotmagic.notebook.summary import label, summary
from spotmagic.notebook.watch import LOOK
from spotmagic.options import MarkOptions
from spotmagic.spot import Spot, last
from spotmagic.store.editions import is_pattern
from spotmagic.store.entry import Entry, Part
from spotmagic.values.patience import TooLong, patience

OUTPUTS = "outputs"


_analysed = lru_cache(maxsize=128)(analyse)  # a cell that is run again is read once


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of a cell made: what it put out, and its result in the sense of ``price=``."""

    recorder: Recorder
    main: Any


@dataclass(frozen=True, slots=True)
class Kept:
    """What an entry holds of a cell; values are decoded when the definitions of the cell are there."""

    entry: Entry
    log: list[events.Event]
    results: list[list[str]]
    pinned: bool

    def load(self, part: str) -> Any:
        """The value of a part. Raises ``LookupError`` if there is none, ``Undecodable`` if it gives no value."""
        for kept in self.entry.parts:
            if kept.name == part:
                edited = self.pinned or ACCEPTED in self.entry.notes
                return decode(kept.codecs, kept.head, kept.buffers, trusted=self.entry.trusted, edited=edited)
        raise LookupError(f"no part {part!r}")


class Cell:
    """One execution of one cell.

    Attributes:
        name: the user's name or key, else the names the cell writes.
        body: the compiled cell.
        call: the call it makes.
        explanation: why it ran, if it ran.
    """

    def __init__(self, shell: Any, spot: Spot, options: CellOptions, text: str, replay: Replay) -> None:
        self._shell, self._spot, self._options, self._replay = shell, spot, options, replay
        self._began, self._before = spot.clock.now(), last()
        self.body = executor.prepare(shell, text, 0 if options.unasked else 1)
        self._code = _analysed(self.body.source)
        self._check_names()
        self.name = options.name or options.key or label(self._code)
        self.explanation: Any = None
        self._watch: restore.Watch | None = None
        self._recorder = Recorder(shell)
        self._around = self._lent()
        self.call = self._call()

    def drive(self) -> Outcome:
        """Run or restore the cell. An error that was kept is raised after its outputs came back."""
        return self._shared(self._spot.drive(self.call))

    async def adrive(self) -> Outcome:
        """The same for a body that awaits."""
        return self._shared(await self._spot.adrive(self.call))

    def release(self) -> None:
        """Let go of the values of the notebook: a traceback may hold this cell for long."""
        self._watch, self._recorder = None, Recorder(self._shell)

    def outcome(self) -> Outcome | None:
        """What came of this execution, if anything was told of it."""
        told = last()
        return told if told and told is not self._before and (told.kind, told.name) == ("cell", self.name) else None

    def elapsed(self) -> float:
        """Seconds since the cell began."""
        return max(0.0, self._spot.clock.now() - self._began)

    def kept_inside(self) -> int:
        """How many results of calls inside the cell were kept."""
        return self._around.kept

    def _check_names(self) -> None:
        """Raise :class:`OptionError` for a name in the options that is nobody's: a typing error would go unseen."""
        namespace, code = self._shell.user_ns, self._code
        if code.opaque or code.star_imports:
            return
        for names, known in (
            (self._options.inputs, namespace.keys()),
            (self._ignored(), namespace.keys() | code.reads | code.writes),
            (self._options.outputs, namespace.keys() | code.writes),
        ):
            for name in names:
                if name not in known:
                    raise unknown("variable", name, (each for each in known if not each.startswith("_")))

    def _ignored(self) -> tuple[str, ...]:
        return tuple(name for name in self._options.ignore if not is_pattern(name))

    # the call --------------------------------------------------------------------------------------------------------

    def _call(self) -> Call:
        options, trouble = self._options, ""
        try:
            self._watch = self._watched(self._ignored())
        except Uncacheable as error:
            trouble = str(error)
        inputs = self._watch.inputs if self._watch else {}
        self._spot.give_mode(self.name, options.mode)
        return Call(
            name=self.name,
            kind="cell",
            key=b"" if trouble or self._watch is None else self._kept_key(self._watch),
            code=digest("cell code", self._code.normal),
            inputs=self._watch.told() if self._watch else {},
            run=self._arun if self.body.awaits else self._run,
            encode=self._encode,
            decode=self._decode,
            options=self._mark_options(),
            mode=self._spot.mode_of(self.name, options.mode),
            trouble=trouble,
            pinned=bool(options.key or options.version),
            drifts=bool(options.key),
            fresh=options.refresh,
            accepts=(lambda _: ()) if options.accept else None,
            least_seconds=options.least_seconds,
            ticket=self._ticket(),
            budget=self._spot.budget,
            notes=self._notes(inputs),
        )

    def _notes(self, inputs: Mapping[str, bytes]) -> dict[str, str]:
        """What `%spot explain` tells later: the source, and what each input was in a few words."""
        namespace = self._shell.user_ns
        told = {f"input {name}": summary(namespace[name]) for name in inputs if name in namespace}
        return {"source": secrets.mask(self._code.normal), **told}

    def _watched(self, ignore: tuple[str, ...]) -> restore.Watch:
        """The inputs of the cell. Under ``key=`` one without a fingerprint is left out: it could only show drift."""
        options = self._options
        try:
            with patience(LOOK):
                return restore.watch(
                    self._shell.user_ns,
                    self._code,
                    inputs=options.inputs,
                    ignore=ignore,
                    outputs=options.outputs,
                    mask=self._spot.ring.mask,
                    pinned=bool(options.key),
                    rng=options.rng,
                )
        except Uncacheable as error:
            name = re.split(r"\W", error.path, maxsplit=1)[0]
            if not options.key or not name or name in ignore:
                raise
            return self._watched((*ignore, name))

    def _kept_key(self, watch: restore.Watch) -> bytes:
        """The key under which a result is kept that holds here, else the key of all inputs.

        Which inputs counted for a run is known when it has ended; the newest results tell.
        """
        every = self._key(watch.inputs)
        if self._options.key:
            return every
        sets = {entry.notes.get("counted", "") for entry in self._spot.store.recent(self.name)} - {""}
        for names in sorted(sets):
            chosen = watch.choose(json.loads(names))
            key = every if chosen is None else self._key(chosen)
            if key != every and isinstance(self._spot.store.get(key), Entry):
                return key
        return every

    def _key(self, inputs: dict[str, bytes]) -> bytes:
        options = self._options
        shape = [*sorted(options.outputs), "rng" if options.rng else ""]
        if options.key:
            return digest("cell key", options.key, *shape)
        identity = ["version", options.version] if options.version else ["code", self._code.normal]
        return digest("cell", *identity, *shape, *(piece for name in sorted(inputs) for piece in (name, inputs[name])))

    def _mark_options(self) -> MarkOptions:
        options, price, retry = self._options, self._options.price, self._options.retry
        return MarkOptions(
            version=options.version,
            ignore=options.ignore,
            files=options.files,
            ttl=self._spot.ttl if options.ttl is None else options.ttl,
            save_blob=True if options.blob else None,
            errors=(Exception,) if options.errors else (),
            price=(lambda made: price(made.main)) if callable(price) else price,
            retry=self._spot.retry if retry is None else Retry(attempts=retry) if isinstance(retry, int) else retry,
        )

    def _lent(self) -> Around:
        """What the cell lends to the calls inside it: the rates it was given."""
        options, limit = self._options, None
        if options.rpm is not None or options.tpm is not None:
            limit = self._spot.limits.get(f"cell {self.name}", rpm=options.rpm, tpm=options.tpm)
        return Around(limit, 1 if options.cost is None else options.cost)

    def _ticket(self) -> Ticket | None:
        """What the cell itself passes, if nothing in it passes its rates: then it counts as one request."""
        gate = self._around.gate(self._run)
        if gate is None or leads_to_marked(self._shell.user_ns, self._code):
            return None
        try:
            return Ticket(gate, gate.cost.estimate())
        except TypeError as error:
            raise OptionError(
                "cost= wants arguments and the cell has no marked call", why=str(error), todo="Write a number"
            ) from None

    # the run ---------------------------------------------------------------------------------------------------------

    def _run(self) -> Made:
        with self._attempt():
            executor.run(self._shell, self.body)
        return self._made()

    async def _arun(self) -> Made:
        with self._attempt():
            await executor.arun(self._shell, self.body)
        return self._made()

    def _attempt(self) -> ExitStack:
        """What is around one attempt: the watch on the namespace and a recorder of its own."""
        if self.explanation is None:
            self.explanation = self._spot.explain_call(self.call)
        self._recorder = Recorder(self._shell)
        with ExitStack() as stack:
            if self._watch is not None:
                stack.enter_context(self._watch.running())
            stack.enter_context(self._recorder)
            stack.enter_context(self._around.running())
            return stack.pop_all()

    def _made(self) -> Made:
        """A run's result for ``price=`` is the last one shown, else the cell's only variable."""
        results, names = self._recorder.results, self._code.writes - self._code.defined
        if results:
            return Made(self._recorder, results[-1])
        return Made(self._recorder, self._shell.user_ns.get(min(names)) if len(names) == 1 else None)

    # what is kept ----------------------------------------------------------------------------------------------------

    def _encode(self, made: Any) -> tuple[Part, ...]:
        """The parts of what a run made, or of the error it raised (the word ``errors``)."""
        assert self._watch is not None
        secrets.refuse_asking(self._code.normal, self._recorder.asked)
        try:
            with patience(LOOK):
                changes = restore.pack(self._watch.changes())
        except TooLong as error:
            raise Uncacheable("the cell cannot be kept", str(error), "Name what to keep with outputs=") from None
        parts = [self._part(name, value) for name, value in changes.items()]
        counted = self._watch.inputs | self._watch.counted
        self.call.key = self._key(counted)
        self.call.inputs = self._watch.told() | self._watch.counted
        self.call.notes = {**self.call.notes, "counted": json.dumps(sorted(counted))}
        if isinstance(made, Exception):
            parts += self._error_parts(made)
        results = [self._result(place, value, parts) for place, value in enumerate(self._recorder.results)]
        log = events.pack(events.fold(self._recorder.log))
        parts.append(self._part(OUTPUTS, {"log": log, "results": results}))
        secrets.refuse_secrets(parts, self._code.source)
        return tuple(parts)

    def _result(self, place: int, value: Any, parts: list[Part]) -> list[str]:
        """Where a hit finds the value behind a result: in a variable, in a part of its own, or nowhere."""
        namespace = self._shell.user_ns
        for name in sorted(self._code.writes | self._code.reads):
            if name in namespace and namespace[name] is value:
                return ["variable", name]
        if is_drawn(value):
            return ["nowhere", ""]
        try:
            parts.append(self._part(f"result {place}", value))
        except Uncacheable:
            return ["nowhere", ""]
        return ["part", f"result {place}"]

    def _error_parts(self, error: Exception) -> list[Part]:
        layout = self._shell.InteractiveTB.structured_traceback
        shown = layout(type(error), error, error.__traceback__, tb_offset=0)
        return [self._part("error", copy.copy(error)), self._part("traceback", list(shown))]

    def _part(self, name: str, value: Any) -> Part:
        encoded = encode(value, pickle=self._spot.pickle, path=name)
        return Part(name=name, codecs=encoded.codecs, head=encoded.head, buffers=encoded.buffers)

    def _decode(self, entry: Entry) -> Any:
        """Bring back what an entry holds; a hit counts when that is done. Gives the error it holds, if any."""
        if not entry.trusted and not all(is_safe(part.codecs) for part in entry.parts):
            raise Undecodable("foreign", "it holds values that only their writer may load")
        try:
            pinned = self.call.pinned
            outputs = Kept(entry, [], [], pinned).load(OUTPUTS)
            log = events.unpack(outputs["log"])
            kept = Kept(entry, log if entry.trusted else events.plain(log), outputs["results"], pinned)
            error = kept.load("error") if entry.status == "error" else None
            lines = kept.load("traceback") if error is not None else []
        except (LookupError, ValueError, TypeError) as trouble:
            raise Undecodable("corrupt", f"no result of a cell: {trouble}") from trouble
        try:
            self._bring_back(kept)
        except Exception as trouble:
            raise Undecodable("not restorable", f"{type(trouble).__name__}: {trouble}") from trouble
        if error is not None:
            error._render_traceback_ = lambda: lines
        return error

    # the way back ----------------------------------------------------------------------------------------------------

    def _shared(self, outcome: Outcome) -> Outcome:
        """The outcome of a call; what another thread of this kernel ran meanwhile is shown here too."""
        made, outcome.value = outcome.value, None
        if isinstance(made, Made) and made.recorder is not self._recorder:
            self._replay.play(events.fold(made.recorder.log), made.recorder.results)
        return outcome

    def _bring_back(self, kept: Kept) -> None:
        namespace = self._shell.user_ns
        define = executor.definer(self._shell, self.body, self._code.definitions)
        with Silence(self._shell):  # what a definition puts out is among the kept outputs
            restore.restore(namespace, kept.load, self._code, define)
        values = {"variable": lambda name: namespace.get(name, NOT_KEPT), "part": kept.load}
        results = [values[how](name) if how in values else NOT_KEPT for how, name in kept.results]
        self._replay.play(kept.log, results)
        self._replay.adopt(namespace[name] for name in self._code.writes if name in namespace)
