"""Why a call ran: what differs from the nearest result of the same name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

_EDITED = frozenset({"helper", "class", "module"})


class Trace(NamedTuple):
    """What a result was made from: the digest of its code (and its source if kept), the fingerprint of each input."""

    code: bytes
    inputs: Mapping[str, bytes]
    source: str = ""


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
    """

    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    diff: str = ""

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.reason}"]
        lines += [f"  {change.name}: {change.before[:8] or '-'} -> {change.now[:8] or '-'}" for change in self.changes]
        return "\n".join([*lines, self.diff] if self.diff else lines)


def account(name: str, kind: str, now: Trace, before: Iterable[Trace]) -> Explanation:
    """The full explanation of a call with this trace against those made before (newest first)."""
    traces = list(before)
    near = nearest(now, traces)
    if near is None:
        return Explanation(name, "first run")
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
    if now.source and near.source and now.source != near.source:
        edit = "\n".join(
            difflib.unified_diff(near.source.splitlines(), now.source.splitlines(), "before", "now", lineterm="")
        )
    return Explanation(name, explain(kind, now, traces).reason if names else "nothing changed", changes, edit)


def nearest(now: Trace, before: Iterable[Trace]) -> Trace | None:
    """The trace that shares most with this one; the first of equals."""
    return max(before, key=lambda trace: likeness(now, trace), default=None)


def explain(kind: str, now: Trace, before: Iterable[Trace]) -> Why:
    """Why a call with this trace found no result among those made before (newest first)."""
    traces = list(before)  # other threads add to it
    if not traces:
        return Why("first run")
    near = traces[0] if kind == "function" and now.code == traces[0].code else nearest(now, traces)
    assert near is not None
    changed = differences(now, near)
    if not changed:
        return Why("no result kept")
    if kind == "function" and now.code == near.code and not any(" " in name for name in changed):
        return Why(f"first call with {'this' if len(changed) == 1 else 'these'} {quoted(changed)}", changed)
    return Why(", ".join(phrase(name) for name in changed), changed)


def differences(now: Trace, before: Trace) -> tuple[str, ...]:
    """Names of what differs. ``code`` stands for the call's own code, told only where no reached name tells more."""
    one, other = before.inputs, now.inputs
    names = [name for name in {**one, **other} if other.get(name) != one.get(name)]
    if now.code != before.code and not any(name.split(" ")[0] in _EDITED for name in names):
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
    return f"{sort} `{rest}` was edited" if sort in _EDITED else f"`{rest}` changed"


def quoted(names: Iterable[str]) -> str:
    """Names in backticks, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def likeness(now: Trace, before: Trace) -> int:
    """How much two traces share; the nearest has most."""
    same = sum(before.inputs.get(name) == print_ for name, print_ in now.inputs.items())
    return 2 * same + (now.code == before.code)
