"""A look at the namespace before a cell runs, and what is different after it."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.wrapped import Wrapped
from spotmagic.codecs.refusals import refusal
from spotmagic.errors import Uncacheable
from spotmagic.keys import Mask, Notes, fingerprint
from spotmagic.keys.fingerprint import identity
from spotmagic.keys.owned import is_users
from spotmagic.notebook import rng as generators
from spotmagic.notebook.changes import Changes
from spotmagic.notebook.closed import described, is_closed
from spotmagic.notebook.definitions import is_made_by_code, refuse_changed_definition
from spotmagic.notebook.graph import ATOMS, Live, is_atom, is_code, is_leaf, is_open, same_shape, shape
from spotmagic.notebook.groups import refuse_what_only_code_makes
from spotmagic.notebook.inplace import can_put, outline
from spotmagic.notebook.leads import names_random
from spotmagic.notebook.namespace import exported, inputs_of, is_private
from spotmagic.notebook.reached import Reached
from spotmagic.notebook.secrets import is_secret
from spotmagic.notebook.settings import effects, process
from spotmagic.notebook.steering import steered
from spotmagic.values.handles import handle_settings, is_handle_type
from spotmagic.values.patience import TooLong, patience
from spotmagic.values.scheme import Unfit

_MISSING = object()
LOOK = 1.0  # seconds of work for each of our looks at what a cell reads and makes


class Watch:
    """A look at the namespace before a cell runs.

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
        names: Iterable[str],
        *,
        outputs: frozenset[str] = frozenset(),
        ignored: frozenset[str] = frozenset(),
        mask: Mask | None = None,
        pinned: bool = False,
        rng: bool = False,
    ) -> None:
        self._ns, self._code, self._outputs, self._mask, self._pinned = ns, code, outputs, mask, pinned
        self._wants_rng = rng
        self.notes = Notes()
        self._values = {name: ns[name] for name in names}
        self._reached = Reached(ns, self._values, code, mask)
        found = {name for name in self._reached.names if name in ns and not is_private(name, ns[name])}
        self._values.update((name, ns[name]) for name in sorted(found - self._values.keys() - ignored))
        self._process = process()
        self.inputs = {name: self._print(value, name) for name, value in self._values.items()}
        self.inputs |= self._reached.inputs | self._process.counted()
        self._before: dict[str, Any] | None = None
        self._live = Live({})
        self._shapes: dict[int, list[Any]] = {}
        self._prints: dict[int, tuple[bytes, tuple[Any, ...]]] = {}
        self._unseen: set[str] = set()
        self._rng: dict[str, Any] = {}
        self._trouble = ""
        self.counted: dict[str, bytes] = {}

    def choose(self, names: Iterable[str]) -> dict[str, bytes] | None:
        """The fingerprints of what a kept run counted, as they are here; None if that cannot hold here.

        A name that the cell may write before it reads it (``CellCode.maybe``) did not matter to a run that ended
        without it. What the run set itself by chance, or drew from, counted for it although the analysis cannot know.
        """
        wanted = set(names)
        if any(name not in wanted and name not in self._code.maybe for name in self.inputs):
            return None
        states = generators.prints(generators.states()) if any(name.startswith("generator ") for name in wanted) else {}
        found: dict[str, bytes] = {}
        for name in sorted(wanted):
            if name == "generator random" and generators.is_free(self._ns) and not self._wants_rng:
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
        bound = self._code.before.get(name, frozenset()) & self._ns.keys() - {name}
        hidden = {own: self._ns[own] for own in bound & _reached(value, self._mask)} if bound else {}
        if not hidden:
            return fingerprint(value, path=name, notes=notes, mask=self._mask)
        for own in hidden:
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
        self._before = dict(self._ns)
        generators.load(self._code.source)
        self._rng = generators.states()
        yield

    def _look(self) -> None:
        data = {name: value for name, value in self._values.items() if not is_code(value)}
        self._live = Live(data)
        self._shapes = self._live.shapes
        for name in data:
            for one in self._live.objects(name):
                if id(one) in self._shapes:
                    continue
                if is_leaf(one) or not is_open(one):
                    try:
                        before = self.inputs[name] if one is data[name] else self._print(one, name)
                    except Uncacheable:  # of no account to the whole, which has a fingerprint
                        self._unseen.add(name)
                        continue
                    self._prints[id(one)] = before, outline(one)
                else:
                    self._shapes[id(one)] = shape(one)

    def changes(self) -> Changes:
        """What the run did.

        Raises:
            Uncacheable: a change that a hit could not make again; ``path`` is the name.
        """
        before = self._before
        if before is None:
            raise RuntimeError("Watch.changes() needs the run to be inside Watch.running()")
        if self._trouble:
            raise Uncacheable("the cell cannot be kept", self._trouble, "Name it with key=, or leave out with ignore=")
        if self._code.opaque and not self._pinned:
            reason = self._code.opaque[0]
            todo = "Name the result with key=, and mind what it depends on yourself"
            raise Uncacheable(
                f"`{reason}` hides what the cell reads", "its result could not be told apart", todo, path=reason
            )
        made_again = effects(self._process, self._code.normal)
        held = self._reached.changed()
        handle = steered(self._code.source, {n for n, value in self._values.items() if is_handle_type(type(value))})
        if handle:
            raise self._refusal(handle, "the cell sets it up, and what it holds is not watched")
        made: dict[str, Any] = {}
        code = self._code
        deleted: list[str] = []
        values: list[str] = []
        again: list[str] = []
        modules: dict[str, str] = {}
        closed: dict[str, list[str]] = {}
        for name in sorted(self._names(before)):
            if name not in self._ns:
                if name in before or name in self._code.defined:
                    deleted.append(name)
                continue
            value = self._ns[name]
            if not (before.get(name, _MISSING) is not value or name in self._code.always):
                if name in self._code.writes and type(value) in ATOMS and name not in self.inputs:
                    self.counted[name] = fingerprint(value, path=name)  # bound to itself, or not at all: who knows
                continue
            if name in code.makers and not is_made_by_code(value):
                values.append(name)
            elif self._comes_by_code(name, value):
                continue
            if isinstance(value, types.ModuleType):
                modules[name] = _module_name(name, value)
                continue
            if name in code.singles and name not in self._values and self._is_made_again(name, value):
                again.append(name)
                continue
            if name in self._code.entered and is_closed(value):
                closed[name] = described(value)
                continue
            refuse_what_only_code_makes(name, value, self._ns, lambda top: top in before or top in self._code.defined)
            made[name] = value
        mutated = self._mutated()
        drawn = self._drawn()
        return Changes(
            made,
            tuple(deleted),
            mutated,
            modules,
            closed,
            self.inputs,
            self._live,
            self._pinned,
            drawn,
            made_again,
            held,
            values,
            sorted(again, key=list(code.singles).index),
        )

    def _drawn(self) -> dict[str, Any]:
        """Where the run left the generators that a hit has to put there."""
        drawn = generators.drawn(self._rng, generators.states())
        seeded = generators.seeded(self._code.source, self._ns) if drawn else frozenset()
        found = drawn.keys() - seeded
        counts = self._wants_rng or not generators.is_free(self._ns, before=True)
        if self._pinned or not found:
            pass
        elif found == {"random"} and not self._wants_rng and self._draws_freely():
            self.counted |= generators.FREE
            found = set()
        elif counts and not found - self._rng.keys():
            self.counted |= generators.prints({name: self._rng[name] for name in found})
        else:
            name = min(found)
            todo = f"Seed it once in the notebook ({generators.SEEDS[name]}), or write rng"
            why = f"the cell drew from {generators.told(found)}, which nobody seeded"
            raise Uncacheable("its random numbers cannot be told apart", why, todo, path=name)
        return drawn if counts and found else {name: drawn[name] for name in seeded & drawn.keys()}

    def _draws_freely(self) -> bool:
        """Whether only libraries drew from ``random``, and nobody can have seeded it: then any numbers will do."""
        return generators.is_free(self._ns) and not names_random(self._ns, self._code)

    def _names(self, before: Mapping[str, Any]) -> set[str]:
        """The names to look at: those the cell can bind or unbind, and all where analysis cannot tell."""
        code = self._code
        names = set(code.writes | code.deletes | self._reached.names)
        if code.opaque or code.star_imports:
            names |= {name for name, value in self._ns.items() if before.get(name, _MISSING) is not value}
            names |= before.keys() - self._ns.keys()
        if self._outputs:
            names &= self._outputs | code.defined
        return {name for name in names if not is_private(name, self._ns.get(name))}

    def _comes_by_code(self, name: str, value: Any) -> bool:
        """Whether running the cell's imports and definitions again brings this name back."""
        code = self._code
        if name in code.defined and name not in code.rebound:
            refuse_changed_definition(name, value, code)
            return True
        if name in code.defined and isinstance(value, types.FunctionType | Wrapped | type):
            raise Uncacheable(f"`{name}` cannot be kept", "it is defined and then bound to something else", path=name)
        for module_name in code.starred:
            module = sys.modules.get(module_name)
            if module is not None and name in exported(module) and getattr(module, name, _MISSING) is value:
                return True
        return False

    def _is_made_again(self, name: str, value: Any) -> bool:
        """Whether a hit runs the assignment of a variable again: a handle that the run did no more to, or a secret."""
        if is_secret(name, value):
            return True
        if not (is_handle_type(type(value)) or refusal(type(value)) in ("a lock", "an executor")):
            return False
        try:
            handle_settings(value)
        except Unfit:  # a database in memory would come back empty
            return False
        if steered(self._code.source, {name}):
            raise self._refusal(name, "the cell sets it up after it is made, and what it holds is not watched")
        return True

    def _mutated(self) -> tuple[tuple[str, int, Any], ...]:
        found: dict[int, tuple[str, int, Any]] = {}
        for name, value in self._values.items():
            if is_code(value) or is_atom(value) or self._print(value, name, Notes()) == self.inputs[name]:
                continue
            if name in self._unseen:
                raise self._refusal(name, "the cell changed it, and not all that it holds can be watched")
            changed = [one for one in self._live.objects(name) if self._changed(one, name)]
            if not changed and name in self._live.sealed:
                raise self._refusal(name, "the cell changed something in it that a set or a function holds")
            if self._pinned and changed:
                changed = [one for one in self._live.objects(name) if can_put(one)]
            for one in changed:
                owner, place = self._live.place(one) or (name, 0)
                found[id(one)] = (owner, place, one)
        return tuple(found.values())

    def _changed(self, one: Any, name: str) -> bool:
        if id(one) not in self._prints:
            changed = not same_shape(self._shapes[id(one)], shape(one))
            fits = True
        else:
            before, form = self._prints[id(one)]
            changed = self._print(one, name, Notes()) != before
            fits = outline(one) == form
        if changed and not (fits and can_put(one)):
            kind = type(one).__name__
            raise self._refusal(name, f"the cell changed a {kind} in it in a way that cannot be made again in place")
        return changed

    def _refusal(self, name: str, why: str) -> Uncacheable:
        return Uncacheable(f"`{name}` cannot be kept", why, path=name)


def watch(
    ns: dict[str, Any],
    code: CellCode,
    *,
    inputs: Iterable[str] = (),
    ignore: Iterable[str] = (),
    outputs: Iterable[str] | None = (),
    mask: Mask | None = None,
    pinned: bool = False,
    rng: bool = False,
) -> Watch:
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
    """
    names = inputs_of(ns, code, inputs=inputs, ignore=ignore)
    return Watch(
        ns,
        code,
        names,
        outputs=frozenset(outputs or ()),
        ignored=frozenset(ignore),
        mask=mask,
        pinned=pinned,
        rng=rng,
    )


def _reached(value: Any, mask: Mask | None) -> set[str]:
    """The names of the globals and helpers that a function, a class or the class of an object reaches."""
    code = value if is_code(value) else type(value)
    if isinstance(code, types.ModuleType) or not is_users(code):
        return set()
    return {label.split()[1].rpartition(".")[2] for label in identity(code, mask).notes.reached}


def _module_name(name: str, module: types.ModuleType) -> str:
    if sys.modules.get(module.__name__) is not module:
        raise Uncacheable(f"`{name}` cannot be kept", "it is a module that cannot be imported by name", path=name)
    return module.__name__
