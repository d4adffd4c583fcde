"""Why a call ran: what differs from the nearest result of the same name.

The nearest is the newest one that was asked with the same arguments, whatever its code: so every call that is paid
again after an edit names the edit. Where there is none, it is the one that shares most arguments, and what is told are
the arguments that no result was asked with: ``ask("new", model="m")`` is the first call with this `prompt`, and not
with this `model`, whichever of the two the last call had.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from spotmagic.keys.account import BOUND
from spotmagic.store.entry import MADE_BY_OLD
from spotmagic.values.notes import is_secret_name

ARGUMENTS, BROUGHT, DEFAULTS = "arguments", "brought", "defaults"
HANDLES, STATE, ACCEPTED = "handles", "state", "accepted"
"""Notes: the arguments in short texts (:func:`spotmagic.values.short.pack`); that some of them bring code; those that
have their default; what counts by its settings only; what the call only writes, which is no input; what differed
from the result that was accepted."""
EDITED = frozenset({"helper", "class", "module"})
VERSION = "version="
"""What is told of a call whose version is another one. No parameter is called so."""
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
    def version(self) -> str:
        """What stands for the code, if anything does."""
        return self.notes.get("version", "")

    @property
    def asked(self) -> bytes:
        """A digest of the arguments alone."""
        return asked(asks(self.kind, tuple(self.inputs), self.notes), tuple(self.inputs.values()))

    @property
    def arguments(self) -> list[tuple[str, bytes]]:
        """The arguments by name, those that have their default too; of a cell the variables it reads."""
        return [(name, print_) for name, print_ in self.inputs.items() if " " not in name]


class Why(NamedTuple):
    """The reason of a run in words, and the names of what changed."""

    reason: str
    changed: tuple[str, ...] = ()


NOT_KEPT = Why("no result kept")


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


def asked(asks: Iterable[int], prints: Sequence[bytes]) -> bytes:
    """A digest of the arguments alone, which an edit leaves as it is."""
    return blake2b(b"".join([prints[place] for place in asks]), digest_size=16).digest()


class Near(NamedTuple):
    """What a call is compared with.

    Attributes:
        trace: of the result that is nearest by its arguments.
        unseen: the arguments that no result was asked with; ``None`` where the nearest was asked the same.
        since: of the newest result of the same code, else of the newest: it tells whether the code was edited.
    """

    trace: Trace
    unseen: tuple[str, ...] | None = None
    since: Trace | None = None


def account(name: str, now: Trace, near: Near | None) -> Explanation:
    """The full explanation of a call with this trace against the nearest one."""
    if near is None:
        return Explanation(name, "first run", notes=remarks(now.notes))
    before = near.trace
    names = differences(now, before)
    changes = tuple(
        Change(
            label,
            (before.code if label == "code" else before.inputs.get(label, b"")).hex(),
            (now.code if label == "code" else now.inputs.get(label, b"")).hex(),
        )
        for label in names
        if label != VERSION
    )
    edit = ""
    if now.source and before.source and now.source != before.source and now.code != before.code:
        edit = "\n".join(
            difflib.unified_diff(before.source.splitlines(), now.source.splitlines(), "before", "now", lineterm="")
        )
    reason = explain(now, near).reason if names else "nothing changed"
    return Explanation(name, reason, changes, edit, remarks(now.notes))


def explain(now: Trace, near: Near | None) -> Why:
    """Why a call with this trace found no result, compared with the nearest one."""
    if near is None:
        return Why("first run")
    before = near.trace
    if now.kind != "function" or near.unseen is None:
        return why(now.kind, _same_code(now, before), *_compared(now, before))
    arguments = near.unseen or [name for name, print_ in now.arguments if before.inputs.get(name) != print_]
    since = near.since or before
    return why(now.kind, _same_code(now, since), *_compared(now, since), arguments, unseen=bool(near.unseen))


def _same_code(now: Trace, before: Trace) -> bool:
    """Whether the code is the same, or a version stands for it."""
    return now.code == before.code or bool(now.version or before.version)


def _compared(now: Trace, before: Trace) -> tuple[list[str], list[str]]:
    """The inputs of both that differ, and those that only one of them has."""
    names, differing = [*before.inputs, *now.inputs], []
    if now.version != before.version:
        differing.append(VERSION)
    if now.kind == "function" and (now.version or before.version):  # it stands for all of these
        names = [name for name in names if " " not in name or name.startswith("closure ")]
    both = [name for name in dict.fromkeys(names) if name in before.inputs and name in now.inputs]
    differing += [name for name in both if before.inputs[name] != now.inputs[name]]
    return differing, [name for name in dict.fromkeys(names) if name not in both]


def why(
    kind: str,
    same_code: bool,
    differing: Sequence[str],
    alone: Sequence[str],
    arguments: Sequence[str] = (),
    *,
    unseen: bool = True,
) -> Why:
    """The reason in words, with the way out where nothing but secrets differs. Arguments as of :func:`_why`."""
    found = _why(kind, same_code, sorted(differing), sorted(alone), tuple(sorted(arguments)), unseen)
    secrets = [short for name in found.changed if is_secret_name(short := name.rpartition(" ")[2].rpartition(".")[2])]
    if not secrets or len(secrets) < len(found.changed):
        return found
    ways = " ".join(f"ignore={name}" if kind == "cell" else f"ignore={name!r}" for name in secrets)
    return found._replace(reason=f"{found.reason}; a secret counts under its owner's mask, {ways} leaves it out")


def _why(
    kind: str,
    same_code: bool,
    differing: Sequence[str],
    alone: Sequence[str],
    asked_with: tuple[str, ...],
    unseen: bool,
) -> Why:
    """The reason in words.

    Args:
        same_code: whether the code is the same.
        differing: inputs of both that differ.
        alone: inputs that only one of them has. Where the code was edited they came or went with the edit.
        asked_with: arguments that make the call another one than all before. An edit is told beside them.
        unseen: whether no call had any of these; else none had them together with the others.
    """
    if MADE_BY_OLD in alone:
        return Why(f"the kept result was {MADE_BY_OLD}, which keyed calls otherwise", (MADE_BY_OLD,))
    edits = tuple(name for name in differing if name.partition(" ")[0] in EDITED or name == VERSION)
    if not (same_code or edits or BOUND in differing):
        edits = ("code",)
    if asked_with:
        edits = tuple(name for name in edits if "<" not in name)  # another lambda was given, and none edited
        told = f"first call with {'this' if len(asked_with) == 1 else 'these'} {quoted(asked_with)}"
        told += "" if unseen else " together with the other arguments"
        return Why(", ".join([told, *map(phrase, edits)]), (*asked_with, *edits))
    others = [name for name in (*differing, *(() if edits else alone)) if " " in name and name not in edits]
    if kind == "function" and (edits or others):
        arguments = []  # they were renamed, came or went with an edit, or have another default by it
    else:
        arguments = [name for name in (*differing, *(() if edits else alone)) if " " not in name and name not in edits]
    changed = (*arguments, *edits, *others)
    if not changed:
        return NOT_KEPT
    if kind != "function":
        return Why(", ".join(dict.fromkeys(map(phrase, changed))), changed)
    ways = {name: f"the default of `{name}` changed" for name in arguments if name in differing}
    ways |= {name: f"whether `{name}` counts was changed" for name in arguments if name in alone}
    return Why(", ".join(ways.get(name) or phrase(name) for name in changed), changed)


def differences(now: Trace, before: Trace) -> tuple[str, ...]:
    """Names of what differs. ``code`` stands for the call's own code, told only where no reached name tells more."""
    one, other = before.inputs, now.inputs
    names = [name for name in {**one, **other} if other.get(name) != one.get(name)]
    if now.code != before.code and not any(name.split(" ")[0] in EDITED for name in names):
        names.insert(0, "code")
    if now.version != before.version:
        names.insert(0, VERSION)
    return tuple(names)


def phrase(name: str) -> str:
    """What happened to a changed name, in words."""
    if name == "code":
        return "the code was edited"
    if name == VERSION:
        return "version= changed"
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
