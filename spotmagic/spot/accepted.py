"""Edits that do not matter: kept in the folder, so that results of the code before stand for the code after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from spotmagic.engine.call import Call
from spotmagic.engine.explain import BROUGHT, DEFAULTS, EDITED, Trace, listed
from spotmagic.spot.shared import Settings, Shared
from spotmagic.store import Store
from spotmagic.store.editions import CODE, LABEL, VARIABLE
from spotmagic.store.entry import Entry


class Accepted:
    """The edits that were accepted, by the name of the function.

    Each is a pair of fingerprints of one thing that counts: the function's own code, a helper, a class. What is not
    paired counts as ever: other arguments, globals, files, and every later edit.

    Args:
        path: the file that all kernels share.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self._pairs = Shared(path, "the edits that were accepted", store)

    def of(self, name: str) -> Mapping[str, list[list[str]]]:
        """The pairs of a function, by what they are of."""
        found: Mapping[str, list[list[str]]] = self._pairs.get().get(name) or {}
        return found

    def add(self, name: str, edit: Mapping[str, tuple[bytes, bytes]]) -> None:
        """Accept an edit: of each thing it changed the fingerprint before and after; empty for what was not there."""
        pairs = {label: [before.hex(), now.hex()] for label, (before, now) in edit.items()}

        def added(known: Settings) -> Settings:
            own = {label: list(found) for label, found in (known.get(name) or {}).items()}
            for label, pair in pairs.items():
                if pair not in own.setdefault(label, []):
                    own[label].append(pair)
            return {**known, name: own}

        self._pairs.change(added)


def last_edit(made: Iterable[Trace], now: Mapping[str, bytes]) -> dict[str, tuple[bytes, bytes]]:
    """What differs now from the code that the newest results were made with that was not the code as it is now.

    Args:
        made: what results were made from, the newest first.
        now: the code as it is, what it reaches, and its defaults.
    """
    edit: dict[str, tuple[bytes, bytes]] = {}
    settled: set[str] = set()
    for trace in made:
        before = {"code": trace.code, **_without_files(trace.inputs)}
        code = {label for label in before if _is_code(label)}  # arguments differ from call to call, and are no edit
        if all(now.get(label, before[label]) == before[label] for label in code):
            continue
        changed = code | {label for label in before if " " in label and label not in now}
        if BROUGHT in trace.notes:  # what is not there now may be an argument's own, as a lambda is
            changed = {label for label in changed if label in now}
        for label in changed | {*listed(trace.notes, DEFAULTS)}:
            if label not in settled and before.get(label) != now.get(label):
                edit[label] = before.get(label, b""), now.get(label, b"")
        if not settled:  # what the newest of them had not, came with the edit
            edit |= {label: (b"", now[label]) for label in now if label not in before}
        settled |= before.keys()
    return edit


def stands_for(pairs: Mapping[str, list[list[str]]], call: Call, entry: Entry) -> list[str] | None:
    """What differs between a result and a call of the same arguments, if all of it was accepted, else ``None``."""
    now, before = {"code": call.code, **call.inputs}, {"code": entry.code, **_without_files(entry.inputs)}
    differ = [label for label in {**before, **now} if before.get(label) != now.get(label)]
    for label in differ:
        if not is_accepted(pairs, label, before.get(label, b""), now.get(label, b"")):
            return None
    return [label for label in differ if label not in call.inputs or " " in label or label == "code"]


def _without_files(inputs: Mapping[str, bytes]) -> dict[str, bytes]:
    """What was read is compared by itself."""
    return {label: one for label, one in inputs.items() if not label.startswith((CODE, LABEL, VARIABLE))}


def _is_code(label: str) -> bool:
    return label == "code" or label.partition(" ")[0] in EDITED


def is_accepted(pairs: Mapping[str, list[list[str]]], label: str, one: bytes, other: bytes) -> bool:
    """Whether edits lead from one fingerprint to another, over several and in either direction.

    Where the edits a to b and b to c were accepted, results of a stand for c, and those of c for a.
    """
    reached, open_ = {one.hex()}, [one.hex()]
    while open_:
        at = open_.pop()
        for pair in pairs.get(label, ()):
            if at in pair:
                further = set(pair) - reached
                reached |= further
                open_ += further
    return other.hex() in reached
