"""Deciding what to do with a call: a pure function of mode, what the store has, time and options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spotmagic.options import Mode
from spotmagic.store.entry import Bad, Entry

Action = Literal["return", "run", "bypass", "missing", "refused"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why.

    ``return`` the entry's value, ``run`` and store, ``bypass`` (run and store nothing), or raise because there is
    nothing (``missing``) or nothing that may be loaded (``refused``).
    """

    action: Action
    reason: str = ""
    changed: tuple[str, ...] = ()


RETURN = Decision("return")
FIRST = Decision("run")
EXPIRED = Decision("run", "the result has expired")
PARTIAL = Decision("run", "it was stopped before its end")


def decide(mode: Mode, found: Entry | Bad | None, now: float, *, fresh: bool = False) -> Decision:
    """What to do with a call. The reason of a plain miss is left empty: the nearest entry explains it.

    Args:
        found: what the store has for the call's key.
        now: wall time in seconds.
        fresh: the user asked to run again.
    """
    if mode is Mode.AUTO and isinstance(found, Entry) and not fresh:  # most calls; says what the rest would say of them
        expires = found.expires
        if expires is None or expires > now:
            return PARTIAL if found.status == "partial" else RETURN
        return EXPIRED
    if mode is Mode.OFF:
        return Decision("bypass", "mode is off")
    if mode is Mode.RECORD:
        return Decision("run", "mode is record")
    never_runs = mode in (Mode.REPLAY, Mode.MOCK)
    if fresh and not never_runs:
        return Decision("run", "refresh")
    if isinstance(found, Bad):
        if not never_runs:
            return Decision("run", f"the result is {found.kind}: {found.why}")
        return Decision("missing" if found.kind == "corrupt" else "refused", f"the result is {found.kind}: {found.why}")
    if found is None:
        return Decision("missing", f"mode is {mode}") if never_runs else FIRST
    if found.expires is not None and found.expires <= now:
        return Decision("missing", EXPIRED.reason) if never_runs else EXPIRED
    if found.status == "partial":
        return Decision("missing", PARTIAL.reason) if never_runs else PARTIAL
    return RETURN
