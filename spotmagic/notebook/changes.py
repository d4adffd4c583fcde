"""What one run of a cell did to the namespace, as parts to encode."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spotmagic.notebook.graph import Live, links
from spotmagic.notebook.groups import groups, levels, share_memory
from spotmagic.notebook.heap import Heap

VERSION = 2
ACCOUNT = "changes"


@dataclass(frozen=True, slots=True)
class Changes:
    """What one run of a cell did to the namespace.

    Attributes:
        set: variables it bound, by name.
        deleted: names that are unbound after it.
        mutated: objects that inputs hold and that it changed in place: ``(input, place in it, the object)``.
        modules: names bound to modules by other code than imports.
        closed: names bound to handles that a ``with`` closed, with what :mod:`spotmagic.notebook.closed` says of them.
        inputs: fingerprints of the inputs before the run.
        live: what the inputs hold.
        pinned: whether a hit must do without the inputs.
        rng: states of the global generators it drew from.
        settings: what it set in the environment and in libraries.
        again: names that a hit binds by running their assignments again: handles and secrets, in order.
        values: names bound by calls named like those that make classes, and that made none.
        attributes: what it bound in classes, functions and modules: holder, name and value.
    """

    set: dict[str, Any]
    deleted: tuple[str, ...]
    mutated: tuple[tuple[str, int, Any], ...] = ()
    modules: dict[str, str] = field(default_factory=dict)
    closed: dict[str, list[str]] = field(default_factory=dict)
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    live: Live = field(default_factory=lambda: Live({}))
    pinned: bool = False
    rng: dict[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attributes: Sequence[tuple[str, str, Any]] = ()
    values: Sequence[str] = ()
    again: Sequence[str] = ()


def pack(changes: Changes) -> dict[str, Any]:
    """The parts to encode, by name and in order: an account in plain values, then the variables.

    Variables that share objects are one part, so that they share them again.

    Raises:
        Uncacheable: a variable refers to an input in a way that cannot be kept.
    """
    live = changes.live
    account: dict[str, Any] = {
        "version": VERSION,
        "deleted": list(changes.deleted),
        "modules": changes.modules,
        "closed": changes.closed,
        "rng": changes.rng,
        "settings": changes.settings,
        "again": list(changes.again),
        "values": list(changes.values),
        "attributes": [list(one) for one in changes.attributes],
        "inputs": dict(changes.inputs),
        "pinned": changes.pinned,
        "parts": {},
        "rows": "",
        "linked": {},
        "put": [],
    }
    parts: dict[str, Any] = {ACCOUNT: account}
    linked: dict[str, Any] = {}
    bodies = {f"{name} {place}": one for name, place, one in changes.mutated}  # no variable has a space in its name
    for group in groups(changes.set | bodies):
        names = [name for name in group if name not in bodies]
        reached = (level for name in names for level in levels(changes.set[name], links))
        tied = len(names) < len(group) or any(map(live.knows_any, reached))
        if tied or share_memory(changes.set[name] for name in names):
            linked.update((name, changes.set[name]) for name in names)
            continue
        part = _part_name(names, "variables")
        parts[part] = changes.set[names[0]] if len(names) == 1 else {name: changes.set[name] for name in names}
        account["parts"][part] = list(names)
    if linked or changes.mutated:
        heap = Heap(live, copies=changes.pinned)
        heap.take([*linked.values(), *(one for _, _, one in changes.mutated)])
        account["linked"] = {name: heap.add(value, name) for name, value in linked.items()}
        account["put"] = [
            [name, place, live.form(name), heap.describe(one, name, number=False)]
            for name, place, one in changes.mutated
        ]
        account["rows"] = _part_name({*linked, *(name for name, _, _ in changes.mutated)}, "objects")
        parts[account["rows"]] = heap.rows
    return parts


def _part_name(names: Collection[str], what: str) -> str:
    """What a part is called, in errors too."""
    return f"{what if len(names) > 1 else what[:-1]} {', '.join(sorted(names))}"
