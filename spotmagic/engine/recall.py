"""What a store holds, found by what it was asked with: made when somebody first wants to know why a call ran."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from spotmagic.engine.explain import Explanation, Trace, Why, account, asked, asks, explain, nearest
from spotmagic.store.entry import Entry, Header
from spotmagic.store.protocol import Store

_MOST = 200_000  # results that are remembered by their arguments, the newest: some 30 MB
_PER_QUESTION = 4  # editions of one call


class Recall:
    """The results of a store by name and arguments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._positions: dict[str, int] = {}
        self._keys: dict[tuple[str, bytes], tuple[bytes, ...]] = {}
        self._lock = threading.Lock()

    def why(self, name: str, key: bytes, now: Trace) -> Why:
        """Why a call with this trace found no result."""
        near = self.near(name, key, now)
        return explain(now.kind, now, None if near is None else trace_of(near))

    def account(self, name: str, key: bytes, now: Trace) -> Explanation:
        """What differs between a call and the nearest result of its name, its own included."""
        kept = self._store.get(key) if key else None
        near = kept if isinstance(kept, Entry) else self.near(name, key, now)
        return account(name, now.kind, now, None if near is None else trace_of(near))

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

    def _catch_up(self) -> None:
        names: dict[str, str] = {}
        for record in self._store.records(self._positions):
            self._positions[record.file] = max(record.end, self._positions.get(record.file, 0))
            header = record.what
            if isinstance(header, Header):
                notes = dict(zip(header.notes, header.texts, strict=False))
                question = asked(asks(header.kind, header.inputs, notes), header.prints, notes)
                place = names.setdefault(header.name, header.name), question
                keys = self._keys.pop(place, ())
                self._keys[place] = (*(one for one in keys if one != record.key), record.key)[-_PER_QUESTION:]
        while len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]


def trace_of(entry: Entry) -> Trace:
    """What an entry was made from."""
    return Trace(entry.code, entry.inputs, entry.notes, entry.kind)
