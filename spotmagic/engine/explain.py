"""Why a call ran: what differs from the nearest result of the same name.

The nearest is the newest one that was asked with the same arguments, whatever its code: so every call that is paid
again after an edit names the edit. Where there is none, it is the newest one of the same code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from spotmagic.store.entry import MADE_BY_OLD
from spotmagic.values.notes import is_secret_name

ARGUMENTS, ASKED, DEFAULTS, HANDLES, STATE, ACCEPTED = "arguments", "asked", "defaults", "handles", "state", "accepted"
"""Notes: the arguments in short texts (:func:`spotmagic.values.short.pack`); a digest of arguments that carry code,
without the code; the arguments that have their default; what counts by its settings only; what the call only writes,
which is no input; what differed from the result that was accepted."""
EDITED = frozenset({"helper", "class", "module"})
_NO_NOTES: Mapping[str, str] = {}


class Trace(NamedTuple):
    """What a result was made from: the digest of its code, the fingerprint of each input, and its notes."""

    code: bytes
    inputs: Mapping[str, bytes]
    notes: Mapping[str, str] = _NO_NOTES
    kind: str = "function"

    @property
    def source(self) -> str:
        """The source, if it is kept."""
        return self.notes.get("source", "")

    @property
    def asked(self) -> bytes:
        """A digest of the arguments alone."""
        return asked(asks(self.kind, tuple(self.inputs), self.notes), tuple(self.inputs.values()), self.notes)


class Why(NamedTuple):
    """The reason of a run in words, and the names of what changed."""

    reason: str
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """An input that differs: its fingerprints in hexadecimal, empty where it was not there."""

    name: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call ran, or would run.

    Attributes:
        changes: what differs from the nearest result.
        diff: the edit of the code as a unified diff, empty where the source is not kept or did not change.
        notes: what the key says of the call: what counts by its settings only, what is left out of it.
    """

    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    diff: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.reason}"]
        lines += [f"  {change.name}: {change.before[:8] or '-'} -> {change.now[:8] or '-'}" for change in self.changes]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join([*lines, self.diff] if self.diff else lines)


def asks(kind: str, names: Sequence[str], notes: Mapping[str, str] = _NO_NOTES) -> tuple[int, ...]:
    """The places of the arguments that were given. What a function reaches ("helper clean") has a space in its name.

    An argument that has its default does not count: a parameter with a default, added later, asks nothing new.
    Arguments keep their order when they are named otherwise, the inputs of a cell their names when it is edited.
    """
    left_out = frozenset(listed(notes, DEFAULTS))
    places = [place for place, name in enumerate(names) if " " not in name and name not in left_out]
    return tuple(places if kind == "function" else sorted(places, key=names.__getitem__))


def asked(asks: Iterable[int], prints: Sequence[bytes], notes: Mapping[str, str] = _NO_NOTES) -> bytes:
    """A digest of the arguments alone, which an edit leaves as it is."""
    known = notes.get(ASKED)
    if known:
        return known.encode()
    return blake2b(b"".join([prints[place] for place in asks]), digest_size=16).digest()


def account(name: str, kind: str, now: Trace, near: Trace | None) -> Explanation:
    """The full explanation of a call with this trace against the nearest one."""
    if near is None:
        return Explanation(name, "first run", notes=remarks(now.notes))
    names = differences(now, near)
    changes = tuple(
        Change(
            label,
            (near.code if label == "code" else near.inputs.get(label, b"")).hex(),
            (now.code if label == "code" else now.inputs.get(label, b"")).hex(),
        )
        for label in names
    )
    edit = ""
    if now.source and near.source and now.source != near.source and now.code != near.code:
        edit = "\n".join(
            difflib.unified_diff(near.source.splitlines(), now.source.splitlines(), "before", "now", lineterm="")
        )
    reason = explain(kind, now, near).reason if names else "nothing changed"
    return Explanation(name, reason, changes, edit, remarks(now.notes))


def nearest(now: Trace, before: Iterable[Trace]) -> Trace | None:
    """The trace to compare with among those made before, newest first: same arguments first, then same code."""
    traces = list(before)
    alike = now.asked
    return max(traces, key=lambda one: (one.asked == alike, one.code == now.code, likeness(now, one)), default=None)


def explain(kind: str, now: Trace, near: Trace | None) -> Why:
    """Why a call with this trace found no result, compared with the nearest one."""
    if near is None:
        return Why("first run")
    alike = now.asked == near.asked
    names = {**near.inputs, **now.inputs}
    both = tuple(name for name in names if name in near.inputs and name in now.inputs)
    differing = tuple(name for name in both if near.inputs[name] != now.inputs[name])
    alone = tuple(name for name in names if name not in both)
    return why(kind, now.code == near.code, alike, differing, alone)


def why(kind: str, same_code: bool, alike: bool, differing: Sequence[str], alone: Sequence[str]) -> Why:
    """The reason in words, with the way out where nothing but secrets differs. Arguments as of :func:`_why`."""
    found = _why(kind, same_code, alike, differing, alone)
    secrets = [short for name in found.changed if is_secret_name(short := name.rpartition(" ")[2].rpartition(".")[2])]
    if not secrets or len(secrets) < len(found.changed):
        return found
    ways = " ".join(f"ignore={name}" if kind == "cell" else f"ignore={name!r}" for name in secrets)
    return found._replace(reason=f"{found.reason}; a secret counts under its owner's mask, {ways} leaves it out")


def _why(kind: str, same_code: bool, alike: bool, differing: Sequence[str], alone: Sequence[str]) -> Why:
    """The reason in words.

    Args:
        same_code: whether the code is the same.
        alike: whether the arguments are.
        differing: inputs of both that differ.
        alone: inputs that only one of them has. Where the code was edited they came or went with the edit.
    """
    differing, alone = sorted(differing), sorted(alone)
    if MADE_BY_OLD in alone:
        return Why(f"the kept result was {MADE_BY_OLD}, which keyed calls otherwise", (MADE_BY_OLD,))
    edits = tuple(name for name in differing if name.partition(" ")[0] in EDITED)
    if not (same_code or edits):
        edits = ("code",)
    arguments = tuple(name for name in (*differing, *(() if edits else alone)) if " " not in name)
    others = tuple(name for name in differing if " " in name and name not in edits)
    if not edits:
        others += tuple(name for name in alone if " " in name)
    if kind == "function" and alike and (edits or others):
        arguments = ()  # they carry code that was edited, or have another default
    elif kind == "function" and arguments and not alike:
        return Why(f"first call with {'this' if len(arguments) == 1 else 'these'} {quoted(arguments)}", arguments)
    changed = (*arguments, *edits, *others)
    if not changed:
        return Why("no result kept")
    told = [f"the default of `{name}` changed" if kind == "function" else phrase(name) for name in arguments]
    return Why(", ".join([*told, *map(phrase, (*edits, *others))]), changed)


def differences(now: Trace, before: Trace) -> tuple[str, ...]:
    """Names of what differs. ``code`` stands for the call's own code, told only where no reached name tells more."""
    one, other = before.inputs, now.inputs
    names = [name for name in {**one, **other} if other.get(name) != one.get(name)]
    if now.code != before.code and not any(name.split(" ")[0] in EDITED for name in names):
        names.insert(0, "code")
    return tuple(names)


def phrase(name: str) -> str:
    """What happened to a changed name, in words."""
    if name == "code":
        return "the code was edited"
    sort, _, rest = name.partition(" ")
    if not rest:
        return f"`{name}` changed"
    if sort == "generator":
        return f"the state of `{rest}` changed"
    if sort in ("file", "env"):
        return f"{sort} `{rest}` changed"
    return f"{sort} `{rest}` was edited" if sort in EDITED else f"`{rest}` changed"


def quoted(names: Iterable[str]) -> str:
    """Names in backticks, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def remarks(notes: Mapping[str, str]) -> tuple[str, ...]:
    """What the notes of a result tell people: what counted by its settings only, what was left out of the key."""
    said = {HANDLES: "counts by its settings", STATE: "left out, as the call only writes it"}
    return tuple(f"{words}: {', '.join(listed(notes, name))}" for name, words in said.items() if name in notes)


def listed(notes: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What a note lists."""
    text = notes.get(name)
    return tuple(text.split("\n")) if text else ()


def likeness(now: Trace, before: Trace) -> int:
    """How much two traces share."""
    return sum(before.inputs.get(name) == print_ for name, print_ in now.inputs.items())
