"""Outcomes that people give a function, for mode mock: kept in the folder, drawn by weight in constant time."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic import files
from spotmagic.codecs.streams import Recording
from spotmagic.engine.call import Call
from spotmagic.errors import OptionError, Uncacheable
from spotmagic.options import is_number
from spotmagic.store import Store
from spotmagic.store.editions import outcome_key, outcomes_of
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.record import Behind

if TYPE_CHECKING:
    from spotmagic.spot.mark import Marked

KIND = "outcome"
_NOTHING: Any = object()
_WEIGHT = "weight"
_SMALL = 1_000  # bytes of an outcome that stays in memory
_OBJECTS = 600  # what its objects take, beside its bytes
_ROOM = 64_000_000  # bytes of all of them
Prints = tuple[tuple[str, bytes], ...]


class Given(NamedTuple):
    """An outcome that was added: how likely it is, and the arguments it is for, if not for all.

    Attributes:
        entry: the outcome itself, where it is small; else it lies in the store.
    """

    key: bytes
    weight: float
    when: Prints
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """An outcome that was added by hand.

    Attributes:
        id: what :meth:`Outcomes.remove` takes.
        value: what it returns or raises.
        raises: whether it raises.
        weight: how likely it is beside the others.
        conditional: whether it is for certain arguments only.
    """

    id: str
    value: Any
    raises: bool
    weight: float
    conditional: bool


class AliasTable:
    """Draws by weight in constant time (the alias method of Walker, in the form of Vose, 1991).

    Each column of equal height holds a part of one outcome, and above it a part of one other: a column and a height,
    drawn evenly, are an outcome by its weight. Of the weights 3 and 1 the first column is all the first outcome's, and
    the second is the second's up to one half and the first's above.
    """

    def __init__(self, given: Sequence[Given]) -> None:
        self.given = given
        total = sum(one.weight for one in given)
        heights = [one.weight * len(given) / total for one in given]
        self._heights, self._above = [1.0] * len(given), list(range(len(given)))
        low = [place for place, height in enumerate(heights) if height < 1]
        high = [place for place, height in enumerate(heights) if height >= 1]
        while low and high:
            below, above = low.pop(), high[-1]
            self._heights[below], self._above[below] = heights[below], above
            heights[above] -= 1 - heights[below]
            if heights[above] < 1:
                low.append(high.pop())

    def draw(self, chance: random.Random) -> Given:
        """One of them."""
        place = int(chance.random() * len(self.given))
        return self.given[place if chance.random() < self._heights[place] else self._above[place]]


class OutcomeIndex:
    """All outcomes that were added in a folder, by the name they lie under. Additions of other kernels are seen."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.forked()
        files.reopen_after_fork(self)

    def forked(self) -> None:
        """Know nothing yet. Another thread may have been in the middle of reading when a child was forked."""
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._shared: dict[Any, Any] = {}
        self._forget()

    def _forget(self) -> None:
        self._positions: dict[str, int] = {}
        self._names: dict[bytes, str] = {}
        self._given: dict[str, dict[bytes, Given]] = {}
        self._tables: dict[str, dict[Prints, AliasTable]] = {}
        self._room = _ROOM

    def of(self, name: str) -> list[Given]:
        """The outcomes of a name, in the order they were added."""
        with self._lock:
            self._catch_up()
            return list(self._given.get(name, {}).values())

    def table(self, name: str, asked: Prints) -> AliasTable | None:
        """What to draw from for these arguments: what is for them, else what is for all."""
        with self._lock:
            self._catch_up()
            tables = self._tables.get(name)
            if tables is None:
                groups: dict[Prints, list[Given]] = {}
                for one in self._given.get(name, {}).values():
                    groups.setdefault(one.when, []).append(one)
                tables = self._tables[name] = {when: AliasTable(group) for when, group in groups.items()}
            return tables.get(asked) or tables.get(())

    def _catch_up(self) -> None:
        epoch = self._store.epoch
        if epoch == self._seen:
            return
        try:
            self._read()
        except Behind:  # what was read is no longer all there, so positions say nothing
            self._forget()
            self._read()
        self._seen = epoch

    def _read(self) -> None:
        for record in self._store.records(self._positions):
            self._positions[record.file] = max(record.end, self._positions.get(record.file, 0))
            made = record.what
            if isinstance(made, Entry) and made.kind == KIND:
                weight, when = _weight(made.notes.get(_WEIGHT, "")), tuple(sorted(made.inputs.items()))
                self._given.setdefault(made.name, {})[record.key] = Given(record.key, weight, when, self._held(made))
                self._names[record.key] = made.name
                self._tables.pop(made.name, None)
            elif record.kind == "delete" and record.key in self._names:
                name = self._names.pop(record.key)
                gone = self._given[name].pop(record.key, None)
                if gone is not None and gone.entry is not None:
                    self._room += gone.entry.size + _OBJECTS
                self._tables.pop(name, None)

    def _held(self, made: Entry) -> Entry | None:
        """An outcome for the memory, if it is to stay there: a small one that is whole without the store's blobs."""
        size = made.size + _OBJECTS
        if made.size > _SMALL or size > self._room or not made.trusted or not all(part.head for part in made.parts):
            return None
        self._room -= size
        share = self._shared.setdefault
        parts = tuple(part._replace(codecs=share(part.codecs, part.codecs)) for part in made.parts)
        notes = share(tuple(made.notes.items()), made.notes)
        return made._replace(name=share(made.name, made.name), notes=notes, parts=parts)


class Outcomes:
    """The outcomes of one function: ``f.outcomes.add(returns="Paris", weight=3)``.

    In mode mock a call draws one: of those whose ``when`` are its arguments, else of those without ``when``, else of
    what was recorded for its arguments.
    """

    def __init__(self, marked: Marked) -> None:
        self._marked, self._index = marked, marked.spot.outcome_index
        self._name = f"outcomes of {marked.name}"
        self._random = random.Random()  # the global one is the user's
        self._seeded: Any = None
        self._next = 0

    def add(
        self, *, returns: Any = _NOTHING, raises: BaseException | None = None, weight: float = 1, when: Any = None
    ) -> str:
        """Add one. Returns its id.

        Args:
            returns: the result; of a generator its items.
            raises: the exception; of a generator after these items.
            weight: how likely it is beside the others.
            when: the arguments it is for: a tuple of positional ones, or a dict of them by name. For all if not said.

        Raises:
            OptionError: for what cannot be an outcome, or arguments that the function does not take.
        """
        if not (is_number(weight) and 0 < weight < float("inf")):
            raise OptionError(f"weight={weight!r} is not a weight", todo="Say a number above zero")
        if raises is not None and not isinstance(raises, Exception):
            raise OptionError(f"raises={raises!r} is not an exception", todo="Say one, such as ValueError('no')")
        streams = self._marked.streams
        if (returns is _NOTHING) is (raises is None) and not (streams and raises is not None):
            raise OptionError("an outcome either returns or raises", todo="Say returns= or raises=")
        if streams:
            value: Any = self._recorded(() if returns is _NOTHING else returns, raises)
        else:
            value = returns if raises is None else raises
        try:
            parts = self._marked.encode(value)
        except Uncacheable as error:
            raise OptionError("the outcome cannot be kept", error.what, error.todo) from error
        store, key = self._marked.spot.store, secrets.token_bytes(16)
        entry = Entry(
            key=key,
            name=self._name,
            kind=KIND,
            status="value" if raises is None else "error",
            inputs=self._prints(when),
            notes={_WEIGHT: repr(float(weight))},
            created=self._marked.spot.clock.now(),
            parts=parts,
        )
        store.put(entry, durable=False)
        store.announce()  # indexes of this process and others look when the epoch has moved, and not before
        return key.hex()

    def list(self) -> list[Added]:
        """What was added, in that order."""
        found = [(given, self._entry(given)) for given in self._index.of(self._name)]
        return [
            Added(given.key.hex(), self._shown(entry), entry.status == "error", given.weight, bool(given.when))
            for given, entry in found
            if entry is not None
        ]

    def remove(self, id: str) -> bool:
        """Remove one by its id. Whether there was one."""
        known = [given.key for given in self._index.of(self._name) if given.key.hex() == id]
        return self._forget(known) > 0

    def clear(self) -> int:
        """Remove all that were added; what was recorded stays. Returns how many."""
        return self._forget([given.key for given in self._index.of(self._name)])

    def seed(self, seed: int | str | None) -> None:
        """Draw in an order that this number settles, in every kernel from its next call on; ``None`` by chance."""
        self._marked.spot.tune(self._marked.name, seed=seed, sequence=False)
        self._seeded = None

    def sequence(self, on: bool = True) -> None:
        """Draw one after the other, in the order they were added, and then from the first again."""
        self._marked.spot.tune(self._marked.name, sequence=on)
        self._next = 0

    def __len__(self) -> int:
        return len(self._index.of(self._name))

    def __iter__(self) -> Iterator[Added]:
        return iter(self.list())

    def __repr__(self) -> str:
        return f"<{self._name}: {len(self)}>"

    def draw(self, call: Call) -> Entry | Bad | None:
        """The outcome of a call in mode mock."""
        settings = self._marked.spot.tuned(self._marked.name)
        seed = settings.get("seed")
        if seed is not None and seed != self._seeded:
            self._seeded = seed
            self._random = random.Random(seed)
        asked = tuple(sorted((label, one) for label, one in call.inputs.items() if " " not in label))
        table = self._index.table(self._name, asked)
        if table is None:
            return self._recorded_one(call, settings)
        turns = settings.get("sequence")
        given = table.given[self._turn(len(table.given))] if turns else table.draw(self._random)
        return given.entry or self._marked.spot.store.get(given.key)

    def _recorded_one(self, call: Call, settings: Mapping[str, Any]) -> Entry | Bad | None:
        newest = self._marked.spot.store.get(call.key) if call.key else None
        if not isinstance(newest, Entry):
            return newest
        before = outcomes_of(newest)
        place = self._turn(before + 1) if settings.get("sequence") else self._random.randrange(before + 1)
        found = self._marked.spot.store.get(outcome_key(call.key, place)) if place < before else newest
        return found if isinstance(found, Entry) else newest

    def _turn(self, count: int) -> int:
        turn, self._next = self._next % count, self._next + 1
        return turn

    def _prints(self, when: Any) -> Mapping[str, bytes]:
        if when is None:
            return {}
        if not isinstance(when, tuple | dict):
            raise OptionError(f"when={when!r} are not arguments", todo="Say a tuple or a dict, such as when=(1,)")
        args, kwargs = ((), when) if isinstance(when, dict) else (when, {})
        try:
            keyed = self._marked.keys.keyed(args, kwargs)
        except (TypeError, Uncacheable) as error:
            raise OptionError(f"when= does not fit {self._marked.name}", str(error)) from error
        return {label: one for label, one in keyed.inputs.items() if " " not in label}

    def _recorded(self, items: Any, raises: BaseException | None) -> Recording:
        """The recording of a generator that gives these items."""
        recording = Recording()
        try:
            for item in chain(items):
                recording.add(item, self._marked.encode(item)[0], 0.0)
        except TypeError as error:
            raise OptionError("returns= of a generator are its items", str(error), "Say a list of them") from error
        recording.end("return" if raises is None else "raise", self._marked.encode(raises)[0], 0.0)
        return recording

    def _entry(self, given: Given) -> Entry | None:
        entry = self._marked.spot.store.get(given.key)
        return entry if isinstance(entry, Entry) else None

    def _shown(self, entry: Entry) -> Any:
        value = self._marked.decode(entry)
        return list(value) if isinstance(value, Recording) and entry.status == "value" else value

    def _forget(self, keys: Sequence[bytes]) -> int:
        count = self._marked.spot.store.forget(keys) if keys else 0
        self._marked.spot.store.announce()
        return count


def _weight(text: str) -> float:
    """The weight in a note, which another writer may have made."""
    try:
        weight = float(text)
    except ValueError:
        return 1.0
    return weight if 0 < weight < float("inf") else 1.0
