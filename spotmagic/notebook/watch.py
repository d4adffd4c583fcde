"""A look at the namespace before a cell runs, and what is different after it."""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from spotmagic.code.cell import CellCode, singles
from spotmagic.code.wrapped import Wrapped
from spotmagic.code.writes import steered
from spotmagic.errors import Uncacheable
from spotmagic.keys import Mask, Notes, fingerprint
from spotmagic.keys.credentials import masked, only_logs_in, without_credentials
from spotmagic.keys.guards import MISSING
from spotmagic.notebook import rng as generators
from spotmagic.notebook.again import (
    described,
    held_elsewhere,
    is_closed,
    is_made_again,
    is_made_by_code,
    module_name,
    refuse_changed_definition,
    refuse_what_only_code_makes,
    set_in_modules,
)
from spotmagic.notebook.calls import holds_thread, is_shell, refuse_lost_callbacks
from spotmagic.notebook.changes import Changes
from spotmagic.notebook.graph import (
    ATOMS,
    Live,
    is_atom,
    is_code,
    is_leaf,
    is_open,
    same_shape,
    shape,
)
from spotmagic.notebook.in_place import axes_of, can_put, keeps_all, outline, taken
from spotmagic.notebook.reached import Reachable, exported, hidden_by, inputs_of, is_hidden, names_reached
from spotmagic.notebook.settings import Process, counted, effects, prints, process
from spotmagic.originals import time_ns
from spotmagic.values.handles import reaches_out
from spotmagic.values.notes import is_secret_name
from spotmagic.values.patience import TooLong, at_once, patience

_FEW = 100  # objects that are looked at one by one: of many, a look at all they say is quicker
_SHELL = "it is the shell of the notebook, through which a cell reads and sets what it does not name"
_ASKED = frozenset({"locked", "_value"})  # what tells how often a lock may still be taken
LOOK = 1.0  # seconds of work for each of our looks at what a cell reads and makes


class Watch:
    """A look at the namespace before a cell runs, with the fingerprints of its inputs.

    Args:
        inputs: names that count as inputs besides those found.
        ignore: names that do not count although they were found.
        outputs: the only variables to keep; none given means all.
        mask: what secrets enter a fingerprint as.
        pinned: the key does not hold the inputs (``key=``), so a hit may find others, or none.
        rng: let the states of the global random generators that the cell draws from count, and keep them.

    Raises:
        Uncacheable: an input has no fingerprint; ``path`` begins with its name.

    Attributes:
        inputs: fingerprints of the cell's inputs, by name.
        notes: what was met while they were taken: handles counted by their settings, state left out.
        counted: fingerprints of what the run turned out to depend on besides: states of generators, names that it
            bound to what they were bound to before, if it bound them.
    """

    def __init__(
        self,
        ns: dict[str, Any],
        code: CellCode,
        *,
        inputs: Collection[str] = (),
        ignore: Iterable[str] = (),
        outputs: Iterable[str] = (),
        mask: Mask | None = None,
        pinned: bool = False,
        rng: bool = False,
    ) -> None:
        self._ns, self._code, self._outputs, self._mask, self._pinned = ns, code, frozenset(outputs), mask, pinned
        self._wants_rng = rng
        ignored = set(ignore)
        self.notes = Notes()
        named = inputs_of(ns, code, inputs=inputs, ignore=ignored)
        self._values = {name: ns[name] for name in named if name in inputs or not self._only_logs_in(name)}
        self._process = Process("", {})
        self._beside: frozenset[str] = frozenset()  # what nothing names, where hidden code may read all there is
        self._reached = Reachable(ns, code, mask)
        self.inputs: dict[str, bytes] = {}
        while todo := sorted(self._values.keys() - self.inputs.keys()):  # each look may lead to further variables
            for name in todo:
                try:
                    self._take(name, self._values[name])
                except Uncacheable:
                    if name not in self._beside:
                        raise
                    del self._values[name]
            more = self._reached.names & ns.keys() - ignored
            if self._reached.hides and not self._beside:
                self._beside = frozenset(ns.keys() - self._values.keys() - more - ignored - code.writes)
                more |= self._beside
            self._values |= {name: ns[name] for name in more if not is_hidden(name, ns[name])}
        self._reached.settle(ignored)
        self.inputs |= self._reached.put_in(self._values.values(), self.notes.packages) | self._reached.inputs
        self.inputs |= prints(counted(code.attributes | code.reads))
        self._taken = taken(self._values)
        if not _ASKED.isdisjoint(code.attributes):
            self.inputs |= {f"lock {name}": fingerprint(how) for name, how in self._taken.items()}
        self._before: dict[str, Any] | None = None
        self._began = 0
        self._live = Live({})
        self._shapes: dict[int, list[Any]] = {}
        self._prints: dict[int, tuple[bytes, tuple[Any, ...]]] = {}
        self._rng, self._trouble, self._unseen = dict[str, Any](), "", set[str]()
        self.counted: dict[str, bytes] = {}

    def _only_logs_in(self, name: str) -> bool:
        """Whether the cell only gives a credential to clients and heads of requests."""
        if opens := only_logs_in(self._code.credentials.get(name, ()), self._ns[name], self._outside):
            self.notes.leave_credential(name)
        return opens

    def _outside(self, name: str) -> Any:
        """What a name stands for that the cell does not bind itself."""
        return MISSING if name in self._code.writes else self._ns.get(name, MISSING)

    def _take(self, name: str, value: Any) -> None:
        """Count an input, and look at the code in it."""
        if holds_thread(value) or is_shell(value):
            raise self._refusal(name, _SHELL if is_shell(value) else "what a thread runs is not watched")
        notes = Notes()
        try:
            with at_once(value):
                self.inputs[name] = self._print(value, name, notes)
        except TooLong as error:
            todo = f"Leave it out with ignore={name}, or name the result with key="
            raise Uncacheable(f"`{name}` cannot be fingerprinted", str(error), todo, path=name) from None
        self.notes.take(notes)
        self.notes.reach(notes.reached)
        self._reached.visit(name, value, deep=bool(notes.reached) and not is_code(value))

    def choose(self, names: Iterable[str]) -> dict[str, bytes] | None:
        """The fingerprints of what a kept run counted, as they are here; None if that cannot hold here.

        A name that the cell may write before it reads it (``CellCode.maybe``) did not matter to a run that ended
        without it. What the run set itself by chance, or drew from, counted for it although the analysis cannot know.
        """
        wanted = set(names)
        if any(name not in wanted and name not in self._code.maybe | self._beside for name in self.inputs):
            return None
        states = generators.prints(generators.states()) if any(name.startswith("generator ") for name in wanted) else {}
        found: dict[str, bytes] = {}
        for name in sorted(wanted):
            if name == "generator random" and generators.is_free(self._ns, of="random") and not self._wants_rng:
                found |= generators.FREE
            elif name in self.inputs or name in states:
                found[name] = (self.inputs | states)[name]
            elif name in self._ns:
                try:
                    found[name] = fingerprint(self._ns[name], path=name, mask=self._mask)
                except Uncacheable:
                    return None
            else:
                return None
        return found

    def told(self) -> dict[str, bytes]:
        """The inputs as a miss explains them: functions and classes by their own code and all that they reach."""
        data = {name: print_ for name, print_ in self.inputs.items() if not is_code(self._values.get(name))}
        return {**data, **self.notes.reached}

    def _print(self, value: Any, name: str, notes: Notes | None = None) -> bytes:
        """The fingerprint of an input, or of something in it, without what the cell itself binds before it uses it.

        A helper that reads ``N`` depends on the ``N`` of the cell where that is bound first, so not on the one before.
        """
        notes = self.notes if notes is None else notes
        if name in self._code.credentials:
            counts = without_credentials(self._code.credentials[name], value, self._outside)
            value = value if counts is MISSING else counts
        if is_secret_name(name) and isinstance(value, str | bytes):
            notes.secret = True
            value = masked(value, self._mask)
        bound = self._code.before.get(name, frozenset()) & self._ns.keys() - {name}
        hidden = {own: self._ns[own] for own in bound & names_reached(value, self._mask)} if bound else {}
        if not hidden:
            return fingerprint(value, path=name, notes=notes, mask=self._mask)
        for own in hidden:  # what reads them is looked at in the notebook itself
            del self._ns[own]
        try:
            return fingerprint(value, path=name, notes=notes, mask=self._mask)
        finally:
            self._ns.update(hidden)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around the run: what is there before it is kept, so that :meth:`changes` can tell what the run did."""
        try:
            with patience(LOOK):
                self._look()
        except (TooLong, Uncacheable) as error:
            self._trouble = f"{error}"
        self._process = process()  # after our own look, which may have loaded a library
        self._before, self._began, self._axes = dict(self._ns), time_ns(), axes_of(self._values)
        generators.load_library(self._code.source)
        self._rng = generators.states()
        yield

    def held(self) -> dict[str, Any]:
        """What the code among the inputs holds: results may be these very objects."""
        return self._reached.held()

    def _look(self) -> None:
        looked = {**self.held(), **{name: one for name, one in self._values.items() if not is_code(one)}}
        self._live = Live(looked)
        self._shapes = self._live.shapes
        for name in looked:
            for one in self._live.objects(name):
                if id(one) in self._shapes:
                    continue
                if is_leaf(one) or not (is_open(one) or isinstance(one, types.FunctionType)):
                    try:
                        before = self.inputs[name] if one is looked[name] else self._print(one, name)
                    except Uncacheable:  # of no account to the whole, which has a fingerprint
                        self._unseen.add(name)
                        continue
                    self._prints[id(one)] = before, outline(one)
                else:
                    self._shapes[id(one)] = shape(one)

    def changes(self, results: Mapping[str, Any] = MappingProxyType({})) -> Changes:
        """What the run did.

        Args:
            results: values that it showed and that no variable holds, by names of their own.

        Raises:
            Uncacheable: a change that a hit could not make again; ``path`` is the name.
        """
        before = self._before
        if before is None:
            raise RuntimeError("Watch.changes() needs the run to be inside Watch.running()")
        if self._trouble:
            raise Uncacheable("the cell cannot be kept", self._trouble, "Name it with key=, or leave out with ignore=")
        if (reason := hidden_by(self._code, before, self._ns)) and not self._pinned:
            why, todo = "its result could not be told apart", "Name it with key=, and mind yourself what it depends on"
            raise Uncacheable(f"`{reason}` hides what the cell reads", why, todo, path=reason)
        made_again = effects(self._process, self._code.normal)
        held = [*self._reached.changed(), *set_in_modules(self._code.source, self._ns)]
        if handle := steered(self._code.source, {n for n, one in self._values.items() if reaches_out(type(one))}):
            raise self._refusal(handle, "the cell sets it up, and what it holds is not watched")
        if changed := {name for name, how in taken(self._values).items() if how != self._taken[name]}:
            raise self._refusal(min(changed), "the cell takes it or lets go of it, and a hit would not")
        code, made = self._code, dict[str, Any]()
        deleted, values, again = list[str](), list[str](), list[str]()
        modules, closed, defined = dict[str, str](), dict[str, list[str]](), dict[str, Any]()
        for name in sorted(self._names(before)):
            if name not in self._ns:
                if name in before or name in self._code.defined:
                    deleted.append(name)
                continue
            value = self._ns[name]
            if not (before.get(name, MISSING) is not value or name in self._code.always):
                if name in self._code.writes and type(value) in ATOMS and name not in self.inputs:
                    self.counted[name] = fingerprint(value, path=name)  # bound to itself, or not at all: who knows
                continue
            if is_shell(value) and any(hasattr(type(value), one) for one in code.attributes):
                raise self._refusal(name, _SHELL)
            if name in code.makers and not is_made_by_code(value):
                values.append(name)
            elif self._comes_by_code(name, value):
                if not (is_code(value) or is_atom(value) or name in self.inputs):
                    defined[name] = value
                continue
            if isinstance(value, types.ModuleType):
                modules[name] = module_name(name, value)
                continue
            place = held_elsewhere(value, (self._ns.get(one) for one in code.reads | code.writes))
            if place:
                modules[name] = place
                continue
            if name in code.entered | singles(code.source).keys() and is_closed(value, name in code.entered):
                closed[name] = described(value)
                continue
            single = name in singles(code.source) and name not in self._values
            if single and is_made_again(name, value, code.source, self._began):
                again.append(name)
                continue
            made[name] = value
        refuse_lost_callbacks({**made, **results})
        cells = self._reached.cells()
        for name, value in {**made, **results}.items():
            refuse_what_only_code_makes(name, value, self._ns, lambda top: top in before or top in code.defined, cells)
        return Changes(
            set=made,
            deleted=tuple(deleted),
            mutated=self._mutated(),
            modules=modules,
            closed=closed,
            inputs=self.inputs,
            live=self._live,
            pinned=self._pinned,
            rng=self._drawn(),
            settings=made_again,
            attributes=held,
            values=values,
            again=sorted(again, key=list(singles(code.source)).index),
            variables={name: value for name, value in dict(self._ns).items() if not name.startswith("_")},
            results=results,
            axes=self._axes,
            defined=defined,
        )

    def _drawn(self) -> dict[str, Any]:
        """Where the run left the generators that a hit has to put there."""
        left, states = generators.drawn(self._rng, self._ns, self._code, pinned=self._pinned, wanted=self._wants_rng)
        self.counted |= states
        return left

    def _names(self, before: Mapping[str, Any]) -> set[str]:
        """The names to look at: those the cell can bind or unbind, and all where analysis cannot tell."""
        code = self._code
        names = set(code.writes | code.deletes | self._reached.names)
        if code.opaque or code.starred or self._reached.hides:
            names |= {name for name, value in dict(self._ns).items() if before.get(name, MISSING) is not value}
            names |= before.keys() - self._ns.keys()
        if self._outputs:
            names &= self._outputs | code.defined
        plain = {name for name in {"_", "__"} & code.writes if type(self._ns.get(name)) in ATOMS}  # `for _ in range(3)`
        return {name for name in names if name in plain or not is_hidden(name, self._ns.get(name))}

    def _comes_by_code(self, name: str, value: Any) -> bool:
        """Whether running the cell's imports and definitions again brings this name back."""
        code = self._code
        if name in code.defined and name not in code.rebound:
            refuse_changed_definition(name, value, code)
            return True
        if name in code.defined and isinstance(value, types.FunctionType | Wrapped | type):
            raise Uncacheable(f"`{name}` cannot be kept", "it is defined and then bound to something else", path=name)
        for starred in code.starred:
            module = sys.modules.get(starred)
            if module is not None and name in exported(module) and getattr(module, name, MISSING) is value:
                return True
        return False

    def _mutated(self) -> tuple[tuple[str, int, Any], ...]:
        found: dict[int, tuple[str, int, Any]] = {}
        for name in [*filter(self._differs, self._values), *self._reached.grown]:
            if name in self._unseen:
                raise self._refusal(name, "the cell changed it, and not all that it holds can be watched")
            changed = [one for one in self._live.objects(name) if self._changed(one, name)]
            if not changed and name in self._live.sealed:
                raise self._refusal(name, "the cell changed something in it that a set or a function holds")
            if changed and any(hasattr(one, "send_state") for one in self._live.objects(name)):
                raise self._refusal(name, "the cell changed a widget, and the page that shows it would not be told")
            if self._pinned and changed:
                changed = [one for one in self._live.objects(name) if can_put(one)]
            for one in changed:
                owner, place = self._live.place(one) or (name, 0)
                found[id(one)] = (owner, place, one)
        return tuple(found.values())

    def _differs(self, name: str) -> bool:
        """Whether an input is another now. Where its few objects are those it had, its content is not looked at."""
        value, before = self._values[name], self._shapes
        if is_code(value) or is_atom(value):
            return False
        objects = self._live.objects(name)
        seen = len(objects) < _FEW and name not in self._unseen and name not in self._live.sealed
        if seen and all(id(one) in before and same_shape(before[id(one)], shape(one)) for one in objects):
            return False
        return self._print(value, name, Notes()) != self.inputs[name]

    def _changed(self, one: Any, name: str) -> bool:
        if id(one) not in self._prints:
            changed = not same_shape(self._shapes[id(one)], shape(one))
            fits = True
        else:
            before, form = self._prints[id(one)]
            # Of an input itself it is known by now: a frame of a million rows is not read twice for it.
            changed = one is self._values.get(name) or self._print(one, name, Notes()) != before
            fits = outline(one) == form
        if changed and not (fits and can_put(one) and keeps_all(one)):
            kind = type(one).__name__
            raise self._refusal(name, f"the cell changed a {kind} in it in a way that cannot be made again in place")
        return changed

    def _refusal(self, name: str, why: str) -> Uncacheable:
        return Uncacheable(f"`{name}` cannot be kept", why, path=name)
