"""What a store holds, found by what it was asked with: made when somebody first wants to know why a call ran."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spotmagic import files
from spotmagic.engine.call import Outcome
from spotmagic.engine.explain import (
    HANDLES,
    STATE,
    Explanation,
    Trace,
    Why,
    account,
    explain,
    likeness,
    listed,
    nearest,
)
from spotmagic.store import Store
from spotmagic.store.editions import FILES, labels
from spotmagic.store.entry import Entry
from spotmagic.words import duration

_MOST = 200_000  # results that are remembered by their arguments, the newest: some 30 MB
_PER_QUESTION = 4  # editions of one call


class Recall:
    """The results of a store by name and arguments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.forked()
        files.reopen_after_fork(self)

    def forked(self) -> None:
        """Know nothing yet. Another thread may have been in the middle of reading when a child was forked."""
        self._positions: dict[str, int] = {}
        self._keys: dict[tuple[str, bytes], tuple[bytes, ...]] = {}
        self._lock = threading.Lock()

    def why(self, name: str, key: bytes, now: Trace) -> Why:
        """Why a call with this trace found no result."""
        near = self.near(name, key, now)
        return explain(now.kind, beside(now, near), None if near is None else trace_of(near))

    def beside(self, name: str, key: bytes, now: Trace, at: float) -> str:
        """What a call has not got: how it differs from the nearest result, and which that is."""
        near = self.near(name, key, now)
        reason = explain(now.kind, beside(now, near), None if near is None else trace_of(near)).reason
        if near is None:
            return reason
        return f"{reason}; the nearest result is {near.key.hex()[:8]}, made {duration(max(0.0, at - near.created))} ago"

    def account(self, name: str, key: bytes, now: Trace) -> Explanation:
        """What differs between a call and the nearest result of its name, its own included."""
        kept = self._store.get(key) if key else None
        near = kept if isinstance(kept, Entry) else self.near(name, key, now)
        return account(name, now.kind, beside(now, near), None if near is None else trace_of(near))

    def account_of(self, name: str) -> Explanation:
        """What differs between the last result of a name and the nearest one before it."""
        entries = self._store.recent(name)
        if not entries:
            return Explanation(name, "no result is kept under this name")
        now = trace_of(entries[0])
        near = self.near(name, entries[0].key, now)
        return account(name, now.kind, now, None if near is None else trace_of(near))

    def near(self, name: str, key: bytes, now: Trace) -> Entry | None:
        """The result to compare a call with: the newest of the same arguments, else of its name. Never its own."""
        recent = [entry for entry in self._store.recent(name) if entry.key != key]
        found = next((entry for entry in recent if trace_of(entry).asked == now.asked), None)
        if found is None and recent:
            found = next(self.alike(name, key, now), None)
        if found is not None or not recent:
            return found
        best = nearest(now, map(trace_of, recent))
        return next(entry for entry in recent if trace_of(entry) == best)

    def alike(self, name: str, key: bytes, now: Trace) -> Iterator[Entry]:
        """The results of a name that were asked with the same arguments, newest first, without a key's own."""
        with self._lock:
            self._catch_up()
            keys = self._keys.get((name, now.asked), ())
        for one in reversed(keys):
            entry = self._store.get(one) if one != key else None
            if isinstance(entry, Entry):
                yield entry

    def candidates(self, name: str, key: bytes, now: Trace) -> Iterator[Entry]:
        """Results that may stand for a call: those of the same arguments; of a cell, which has few, the others too."""
        yield from self.alike(name, key, now)
        if now.kind == "cell":
            for near in sorted(self._store.recent(name), key=lambda entry: -likeness(now, trace_of(entry))):
                entry = self._store.get(near.key)
                if isinstance(entry, Entry):
                    yield entry

    def editions(self, name: str) -> list[Trace]:
        """What the results of a name were made from, one for each state of the code, the newest first."""
        newest: dict[Any, tuple[int, Trace]] = {}
        for record in self._store.records({}):
            entry = record.what
            if isinstance(entry, Entry) and entry.name == name:
                code = (entry.code, *((label, one) for label, one in entry.inputs.items() if " " in label))
                if newest.get(code, (-1,))[0] < record.stamp:
                    newest[code] = record.stamp, trace_of(entry)
        return [trace for _, trace in sorted(newest.values(), key=lambda one: -one[0])]

    def _catch_up(self) -> None:
        names: dict[str, str] = {}
        for record in self._store.records(self._positions):
            self._positions[record.file] = max(record.end, self._positions.get(record.file, 0))
            entry = record.what
            if isinstance(entry, Entry):
                place = names.setdefault(entry.name, entry.name), trace_of(entry).asked
                keys = self._keys.pop(place, ())
                self._keys[place] = (*(one for one in keys if one != record.key), record.key)[-_PER_QUESTION:]
        while len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]


def trace_of(entry: Entry) -> Trace:
    """What an entry was made from."""
    return Trace(entry.code, entry.inputs, entry.notes, entry.kind)


def beside(now: Trace, near: Entry | None) -> Trace:
    """A call's trace with the files as they are now that a result read: a call knows its own only when it has run."""
    if near is None or FILES not in near.notes or FILES in now.notes:
        return now
    return now._replace(inputs={**now.inputs, **labels(near.notes)})


def outcome(
    name: str,
    key: bytes,
    now: Trace,
    value: Any,
    *,
    reason: str = "",
    changed: tuple[str, ...] = (),
    why: Callable[[str, bytes, Trace], Why] | None = None,
    notes: Mapping[str, str] | None = None,
    **said: Any,
) -> Outcome:
    """An outcome, with the reason of its run where that was not known before."""
    if why is not None:
        found, changed = why(name, key, now)
        reason = f"{found}; {reason}" if reason else found
    known = now.notes if notes is None else notes
    said |= {"handles": listed(known, HANDLES), "state": listed(known, STATE)}
    return Outcome(kind=now.kind, name=name, key=key.hex(), value=value, reason=reason, changed=changed, **said)
