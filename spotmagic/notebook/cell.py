"""A cell under the spot: what names it, how it runs, what is kept of it and how a hit brings that back."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from spotmagic.code.cell import analyse
from spotmagic.codecs import Undecodable, encode, is_safe, references
from spotmagic.engine.around import Around, enter_cell
from spotmagic.engine.call import Call, Outcome, Ticket
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError, Uncacheable, unknown
from spotmagic.keys import digest, sample_input
from spotmagic.notebook import again, changes, events, executor
from spotmagic.notebook.badge import described, label
from spotmagic.notebook.calls import leads_to_marked
from spotmagic.notebook.events import NOT_KEPT, Replay, is_drawn
from spotmagic.notebook.options import TOLD, CellOptions
from spotmagic.notebook.reached import is_hidden, paths_in
from spotmagic.notebook.recorder import Recorder, Silence
from spotmagic.notebook.watch import LOOK, Watch
from spotmagic.options import ErrorTypes, MarkOptions
from spotmagic.originals import dumps, loads
from spotmagic.reads import variables, written
from spotmagic.spot import Spot, last
from spotmagic.store.editions import is_pattern
from spotmagic.store.entry import Entry, Part
from spotmagic.values.patience import TooLong, patience
from spotmagic.values.written import as_written

OUTPUTS, FILES = "outputs", "files written"


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of a cell made: what it put out, and its result in the sense of ``price=``."""

    recorder: Recorder
    main: Any


def _place(name: str) -> list[str]:
    """Where a hit finds the value behind a result, in the entry's words."""
    return ["result" if name.startswith("result ") else "variable" if name else "nowhere", name]


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
        self._code = analyse(self.body.source)
        self._check_names()
        self.name = options.name or options.key or label(self._code)
        self.explanation: Any = None
        self._watch: Watch | None = None
        self._recorder = Recorder(shell)
        enter_cell(self.name)
        self._around = self._lent()
        self._wrote: dict[str, int | None] = {}
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
        namespace, code, shells = self._shell.user_ns, self._code, self._shell.user_ns_hidden.keys()
        if code.opaque or code.starred:
            return
        for names, known in (
            (self._options.inputs, namespace.keys()),
            (self._ignored(), namespace.keys() | code.reads | code.writes),
            (self._options.outputs, namespace.keys() | code.writes),
        ):
            for name in names:
                if name not in known:
                    raise unknown("variable", name, (each for each in known - shells if not each.startswith("_")))

    def _ignored(self) -> tuple[str, ...]:
        return tuple(name for name in self._options.ignore if not is_pattern(name))

    # the call --------------------------------------------------------------------------------------------------------

    def _call(self) -> Call:
        options, trouble = self._options, ""
        try:
            self._watch = self._watched(self._ignored())
        except Uncacheable as error:
            trouble = str(error)
        self._spot.give_mode(self.name, options.mode)
        return Call(
            name=self.name,
            kind="cell",
            key=b"" if trouble or self._watch is None else self._kept_key(self._watch),
            code=digest("cell code", self._code.normal),
            inputs=self._told() if self._watch else {},
            run=self._arun if self.body.awaits else self._run,
            encode=self._encode,
            decode=self._decode,
            options=self._mark_options(),
            mode=self._spot.mode_of(self.name, options.mode),
            trouble=trouble,
            pinned=bool(options.key or options.version),
            drifts=bool(options.key),
            fresh=options.refresh,
            accepts=self._accepts if options.accept else None,
            least_seconds=options.least_seconds,
            ticket=self._ticket(),
            budget=self._spot.budget,
            notes=self._notes(self._watch.inputs if self._watch else {}),
            paths=lambda: paths_in(self._code, self._shell.user_ns),
            secrets=lambda: again.hidden(self._code, self._shell.user_ns, self._recorder.log),
        )

    def _notes(self, inputs: Mapping[str, bytes]) -> dict[str, str]:
        """What `%spot explain` and listings tell later: the source, and what each input was."""
        told = described(inputs, self._shell.user_ns, in_full=self._spot.keep_inputs)
        return {"source": as_written(self._code.normal, self.body.text), **told}

    def _watched(self, ignore: tuple[str, ...]) -> Watch:
        """The inputs of the cell. Under ``key=`` one without a fingerprint is left out: it could only show drift."""
        options = self._options
        try:
            with patience(LOOK):
                return Watch(
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

    def _kept_key(self, watch: Watch) -> bytes:
        """The key under which a result is kept that holds here, else the key of all inputs.

        Which inputs counted for a run is known when it has ended; the newest result tells, else those before it.
        """
        every = self._key(watch.inputs)
        if self._options.key or [one.key for one in self._spot.store.recent(self.name, 1)] == [every]:
            return every
        sets = {entry.notes.get("counted", "") for entry in self._spot.store.recent(self.name)} - {""}
        for names in sorted(sets):
            chosen = watch.choose(loads(names))
            key = every if chosen is None else self._key(chosen)
            if key != every and isinstance(self._spot.store.get(key), Entry):
                return key
        return every

    def _key(self, inputs: dict[str, bytes]) -> bytes:
        options = self._options
        shape = [*sorted(options.outputs), "rng" if options.rng else "", *sample_input(options.sample).values()]
        if options.key:
            return digest("cell key", options.key, *shape)
        identity = ["version", options.version] if options.version else ["code", self._code.normal]
        shape += [f"shows otherwise {self.body.hides}"] if self.body.hides else []  # `x;` puts out less than `x`
        return digest("cell", *identity, *shape, *(piece for name in sorted(inputs) for piece in (name, inputs[name])))

    def _told(self) -> dict[str, bytes]:
        assert self._watch is not None
        return self._watch.told() | self._options.told("" if self._options.key else str(self.body.hides or ""))

    def _accepts(self, entry: Entry) -> tuple[str, ...] | None:
        """Any result of the cell stands for another edit of it, but none for another of its samples."""
        own = self._options.told()
        return () if all(entry.inputs.get(name) == own.get(name) for name in TOLD) else None

    def _worth_keeping(self, made: Made) -> Any:
        """What ``keep=`` says of a run: of the notebook as it is then, or, if it is a function, of the result."""
        assert self._options.keep is not None
        found = eval(self._options.keep.code, self._shell.user_ns)
        return found(made.main) if callable(found) else found

    def _mark_options(self) -> MarkOptions:
        options, price, retry = self._options, self._options.price, self._options.retry
        return MarkOptions(
            version=options.version,
            ignore=options.ignore,
            files=options.files,
            ttl=self._spot.ttl if options.ttl is None else options.ttl,
            save_blob=True if options.blob else None,
            errors=ErrorTypes((Exception,) if options.errors else ()),
            price=(lambda made: price(made.main)) if callable(price) else price,
            retry=self._spot.retry if retry is None else Retry(attempts=retry) if isinstance(retry, int) else retry,
            keep_if=None if options.keep is None else self._worth_keeping,
            sample=options.sample,
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
            executor.run(self._shell, self.body, self._code.early, self._code.literal)
        return self._made()

    async def _arun(self) -> Made:
        with self._attempt():
            await executor.arun(self._shell, self.body, self._code.early, self._code.literal)
        return self._made()

    def _attempt(self) -> ExitStack:
        """What is around one attempt: the watch on the namespace and a recorder of its own."""
        if self.explanation is None:
            self.explanation = self._spot.explain_call(self.call)
        self._recorder, self._wrote = Recorder(self._shell), {}
        with ExitStack() as stack:
            if self._watch is not None:
                stack.enter_context(self._watch.running())
            stack.enter_context(self._recorder)
            stack.enter_context(self._around.running())
            stack.enter_context(variables.counting_in(self.body.filename))
            stack.enter_context(written.note_files(self._wrote, self._code.source))
            return stack.pop_all()

    def _made(self) -> Made:
        """A run's result for ``price=`` is the last one shown, else the cell's only variable."""
        results, names = self._recorder.results, self._code.writes - self._code.defined
        lone = self._shell.user_ns.get(min(names)) if len(names) == 1 else None
        return Made(self._recorder, results[-1] if results else lone)

    # what is kept ----------------------------------------------------------------------------------------------------

    def _encode(self, made: Any) -> tuple[Part, ...]:
        """The parts of what a run made, or of the error it raised (the word ``errors``)."""
        assert self._watch is not None
        again.refuse_asking(self._code.normal, self._recorder.asked)
        again.refuse_changed(self.body.changed)
        events.refuse_live(self._recorder.log)
        if self._recorder.lost:
            why = "another cell ended while it ran, and what it put out after that was not heard"
            raise Uncacheable("the cell cannot be kept", why, "Run it again", path="output")
        if self._around.cell:
            why = f"the cell {self._around.cell} ran in it, which is kept by itself"
            raise Uncacheable("the cell cannot be kept", why, path=self._around.cell)
        shown = self._shown()
        results = {name: value for name, value in shown if name.startswith("result ")}
        try:
            with patience(LOOK):
                done = self._watch.changes(results)
                kept = changes.pack(done, self.body.written)
            with references.without(done.set):
                parts = [self._part(name, value) for name, value in kept.items()]
        except TooLong as error:
            raise Uncacheable("the cell cannot be kept", str(error), "Name what to keep with outputs=") from None
        except Uncacheable as error:
            raise Uncacheable(error.what, error.why, self._without(error.path) or error.todo, path=error.path) from None
        counted, drawn = self._watch.inputs | self._watch.counted, events.thumb(self._recorder.log)
        self.call.key = self._key(counted)  # only now it is known what counted for it
        self.call.inputs = self._told() | self._watch.counted
        self.call.notes = {**self.call.notes, **drawn, "counted": dumps(sorted(counted))}
        if isinstance(made, Exception):
            parts += self._error_parts(made)
        log = events.pack_outputs(self._replay.saw(events.fold(self._recorder.log)))
        parts.append(self._part(OUTPUTS, {"log": log, "results": [_place(name) for name, _ in shown]}))
        files = written.keep(self._wrote)
        return (*parts, *([self._part(FILES, files)] if files else []))

    def _shown(self) -> list[tuple[str, Any]]:
        """The values that the cell showed, each by the variable that holds it, else by its number; "" for drawings."""
        namespace = self._shell.user_ns
        names = sorted((self._code.writes | self._code.reads) & namespace.keys(), reverse=True)
        known = {id(namespace[n]): n for n in names if not is_hidden(n)}  # `_` is this result by now
        found = []
        for place, value in enumerate(self._recorder.results):
            name = "" if is_drawn(value) else f"result {place}"
            found.append((known.get(id(value), name), value))
        return found

    def _without(self, path: str) -> str:
        """How to keep the cell without a variable that cannot be kept; empty where there is no such way."""
        culprits = set(re.split(r"\W+", path.removeprefix("variables ").removeprefix("variable ")))
        names = {name for name in self._code.writes - self._code.defined if not name.startswith("_")}
        rest = sorted(name for name in names & self._shell.user_ns.keys() if name not in culprits)
        if self._options.outputs or not names & culprits or not rest:
            return ""
        return f"Keep the rest with outputs={','.join(rest)}, or make it in a cell of its own"

    def _error_parts(self, error: Exception) -> list[Part]:
        layout, whole = self._shell.InteractiveTB.structured_traceback, error.__traceback__
        shown, error.__traceback__ = layout(type(error), error, whole, tb_offset=0), whole  # the shell shows it again
        return [self._part("error", copy.copy(error)), self._part("traceback", list(shown))]

    def _part(self, name: str, value: Any) -> Part:
        encoded = encode(value, pickle=self._spot.pickle, path=name)
        return Part(name=name, codecs=encoded.codecs, head=encoded.head, buffers=encoded.buffers)

    def _decode(self, entry: Entry) -> Any:
        """Bring back what an entry holds; a hit counts when that is done. Gives the error it holds, if any."""
        if not entry.trusted and not all(is_safe(part.codecs) for part in entry.parts):
            raise Undecodable("foreign", "it holds values that only their writer may load")
        try:
            # All that can be unreadable is read before anything in the notebook changes.
            pinned = self.call.pinned
            outputs = changes.Kept(entry, [], [], pinned).load(OUTPUTS)
            log = events.unpack_outputs(outputs["log"])
            kept = changes.Kept(entry, log if entry.trusted else events.plain_outputs(log), outputs["results"], pinned)
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

    def _bring_back(self, kept: changes.Kept) -> None:
        namespace, held = self._shell.user_ns, self._watch.held() if self._watch else {}
        files = kept.load(FILES) if kept.has(FILES) else []
        if files and not kept.entry.trusted:
            raise LookupError("it writes files, and another user made it")
        written.check(files)
        written.write_again(files, added=False)
        define = executor.definer(self._shell, self.body, self._code.definitions)
        with Silence(self._shell):  # what a definition puts out is among the kept outputs
            made = changes.restore(namespace, kept.load, self._code, define, held)
        written.write_again(files, added=True)
        values: dict[str, Callable[[str], Any]] = {
            "variable": lambda name: namespace.get(name, NOT_KEPT),
            "result": made.get,
            "part": kept.load,
        }
        results = [values[how](name) if how in values else NOT_KEPT for how, name in kept.results]
        self._replay.play(kept.log, results, events.handles(namespace, self._code.reads))
        self._replay.adopt(namespace[name] for name in self._code.writes if name in namespace)
