"""What a store holds, found by what it was asked with: made when somebody first wants to know why a call ran."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from spotmagic import files
from spotmagic.engine.call import Outcome
from spotmagic.engine.explain import (
    HANDLES,
    NOT_KEPT,
    STATE,
    Explanation,
    Near,
    Trace,
    Why,
    account,
    explain,
    listed,
    remarks,
)
from spotmagic.engine.postings import Postings
from spotmagic.store import Store
from spotmagic.store.editions import FILES, labels
from spotmagic.store.entry import Entry
from spotmagic.words import duration

_PER_QUESTION = 64  # results that are looked for: some may be gone
_MOST = 100_000  # results that are remembered by their arguments, the newest: some 40 MB


class Recall:
    """The results of a store by name and arguments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unkept: set[str | bytes] = set()
        self.forked()
        files.reopen_after_fork(self)

    def forked(self) -> None:
        """Know nothing yet. Another thread may have been in the middle of reading when a child was forked."""
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._positions: dict[str, int] = {}
        self._names: dict[str, Postings] = {}
        self._count = 0

    def why(self, name: str, key: bytes, now: Trace, again: bool = False) -> Why:
        """Why a call with this trace found no result.

        Args:
            again: it is no first run, though nothing is kept of the runs before.
        """
        entry, near = self._near(name, key, now)
        return NOT_KEPT if near is None and again else explain(beside(now, entry), near)

    def unkept(self, what: str | bytes) -> bool:
        """Whether a function or cell of this name, or the very call of this key, ran here without being kept."""
        return what in self._unkept

    def not_kept(self, name: str, key: bytes) -> None:
        """A call ran, and its result was not kept."""
        if len(self._unkept) > _MOST:
            self._unkept.clear()
        self._unkept |= {name, key}

    def beside(self, name: str, key: bytes, now: Trace, at: float) -> str:
        """What a call has not got: how it differs from the nearest result, and which that is."""
        entry, near = self._near(name, key, now)
        if entry is None:
            return "none is kept under its name"
        reason = explain(beside(now, entry), near).reason
        return (
            f"{reason}; the nearest result is {entry.key.hex()[:8]}, made {duration(max(0.0, at - entry.created))} ago"
        )

    def account(self, name: str, key: bytes, now: Trace) -> Explanation:
        """What differs between a call and the nearest result of its name, its own included."""
        kept = self._store.get(key) if key else None
        entry, near = (kept, Near(trace_of(kept))) if isinstance(kept, Entry) else self._near(name, key, now)
        if kept is None and (key in self._unkept or (near is None and name in self._unkept)):
            return Explanation(name, NOT_KEPT.reason, notes=remarks(now.notes))
        return account(name, beside(now, entry), near)

    def account_of(self, name: str) -> Explanation:
        """What differs between the last result of a name and the nearest one before it."""
        entries = self._store.recent(name)
        if not entries:
            return Explanation(name, "no result is kept under this name")
        now = trace_of(entries[0])
        return account(name, now, self._near(name, entries[0].key, now)[1])

    def _near(self, name: str, key: bytes, now: Trace) -> tuple[Entry | None, Near | None]:
        """The result to compare a call with: the newest of the same arguments, else the one that shares most."""
        recent = [entry for entry in self._store.recent(name) if entry.key != key]
        for entry in recent:
            if (trace := trace_of(entry)).asked == now.asked:
                return entry, Near(trace)
        if not recent:
            return None, None
        with self._lock:
            self._catch_up()
            known = self._names.get(name, Postings())
            alike = self._first(known.alike(now.asked), key)
            if alike is not None:
                return alike, Near(trace_of(alike))
            arguments, until = now.arguments, known.until(key, now.asked)
            nearest = self._first(known.nearest(now.code, arguments, until), key) or recent[0]
            since = self._first(known.since(now.code, until), key) or recent[0]
            return nearest, Near(trace_of(nearest), known.unseen(arguments, until), trace_of(since))

    def _first(self, keys: Iterable[bytes], but: bytes) -> Entry | None:
        """The first of these results that is still there, and not of one key."""
        found = (self._store.get(key) for key in islice(keys, _PER_QUESTION) if key != but)
        return next((entry for entry in found if isinstance(entry, Entry)), None)

    def candidates(self, name: str, key: bytes, now: Trace) -> Iterator[Entry]:
        """Results that may stand for a call: those of the same arguments; of a cell, which has few, the others too."""
        with self._lock:
            self._catch_up()
            known = self._names.get(name, Postings())
            keys = list(islice(known.alike(now.asked), _PER_QUESTION))
            if now.kind == "cell":
                keys += islice(known.nearest(now.code, now.arguments, len(known.keys)), _PER_QUESTION)
        found = (self._store.get(one) for one in dict.fromkeys(keys) if one != key)
        return (entry for entry in found if isinstance(entry, Entry))

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
        if self._count > 2 * _MOST:
            self._forget()
        names: dict[str, str] = {}
        made: list[tuple[int, str, bytes, bytes, bytes, list[tuple[str, bytes]]]] = []
        gone: dict[bytes, int] = {}
        for record in self._store.records(self._positions):
            self._positions[record.file] = max(record.end, self._positions.get(record.file, 0))
            entry, key = record.what, record.key
            if isinstance(entry, Entry):
                trace, name = trace_of(entry), names.setdefault(entry.name, entry.name)
                made.append((record.stamp, name, key, trace.asked, trace.code, trace.arguments))
                if len(made) > 2 * _MOST:
                    made = sorted(made)[-_MOST:]
            elif record.kind == "delete":
                gone[key] = max(record.stamp, gone.get(key, 0))
        if gone:
            for known in self._names.values():
                known.remove(gone)
        for stamp, name, key, asked, code, arguments in sorted(made)[-_MOST:]:
            if stamp > gone.get(key, -1):
                self._names.setdefault(name, Postings()).add(key, asked, code, arguments)
                self._count += 1


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
