"""What a cell changes in the notebook's namespace, and how a hit makes the same changes again.

::

    watch = Watch(ns, code, ...)                  # before the run, hit or miss: watch.inputs make the key
    with watch.running(): ...                     # the run
    parts = changes.pack(watch.changes())         # name -> value to encode, in order
    changes.restore(ns, load, code, define)       # a hit: load(name) decodes a part when it is needed
"""

from __future__ import annotations

import copy
import importlib
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from spotmagic.code.cell import CellCode, singles
from spotmagic.codecs import Undecodable, decode
from spotmagic.engine.explain import ACCEPTED
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.keys.guards import MISSING
from spotmagic.notebook import rng as generators
from spotmagic.notebook import settings
from spotmagic.notebook.again import made, set_again
from spotmagic.notebook.events import CellOutput
from spotmagic.notebook.graph import (
    Live,
    groups,
    is_code,
    levels,
    links,
    share_memory,
)
from spotmagic.notebook.heap import Heap, Thaw
from spotmagic.notebook.in_place import CannotPut, axes_of, put, tie, ties_of
from spotmagic.store.entry import Entry

VERSION = 2
_CONTAINERS = frozenset({list, dict, set, deque, OrderedDict, Counter, defaultdict})
ACCOUNT = "changes"


@dataclass(frozen=True, slots=True)
class Changes:
    """What one run of a cell did to the namespace.

    Attributes:
        set: variables it bound, by name.
        deleted: names that are unbound after it.
        mutated: objects that inputs hold and that it changed in place: ``(input, place in it, the object)``.
        modules: names bound to modules by other code than imports, or to what a module holds.
        closed: names bound to handles that a ``with`` closed, with what :mod:`spotmagic.notebook.again` says of them.
        inputs: fingerprints of the inputs before the run.
        live: what the inputs hold.
        pinned: whether a hit must do without the inputs.
        rng: states of the global generators it drew from.
        settings: what it set in the environment and in libraries.
        again: names that a hit binds by running their assignments again: handles and secrets, in order.
        values: names bound by calls named like those that make classes, and that made none.
        attributes: what it bound in classes, functions and modules: holder, name and value.
        variables: all that the notebook holds.
        results: values that it showed and that no variable holds, as ``result 0`` and so on.
        axes: those that the frames among the inputs had before it, by name and place.
        defined: what its definitions made that is no code, as a decorator that is a class does: a hit makes it by them.
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
    variables: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[tuple[str, int], Any] = field(default_factory=dict)
    defined: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """What an entry holds of a cell; values are decoded when the definitions of the cell are there."""

    entry: Entry
    log: list[CellOutput]
    results: list[list[str]]
    pinned: bool

    def load(self, part: str) -> Any:
        """The value of a part. Raises ``LookupError`` if there is none, ``Undecodable`` if it gives no value."""
        for kept in self.entry.parts:
            if kept.name == part:
                edited = self.pinned or ACCEPTED in self.entry.notes
                return decode(kept.codecs, kept.head, kept.buffers, trusted=self.entry.trusted, edited=edited)
        raise LookupError(f"no part {part!r}")

    def has(self, part: str) -> bool:
        """Whether there is a part of this name."""
        return any(kept.name == part for kept in self.entry.parts)


def pack(changes: Changes, written: Iterable[str] = ()) -> dict[str, Any]:
    """The parts to encode, by name and in order: an account in plain values, then the variables.

    Variables that share objects are one part, so that they share them again.

    Args:
        written: names that a hit assigns again among the definitions.

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
        "ties": _ties(changes),
        "defined": list(changes.defined),
        "written": sorted(written),
    }
    live.include(changes.defined)
    parts: dict[str, Any] = {ACCOUNT: account}
    linked: dict[str, Any] = {}
    bodies = {f"{name} {place}": one for name, place, one in changes.mutated}  # no variable has a space in its name
    made = {**changes.set, **changes.results}
    for group in groups(made | bodies, changes.set):
        names = [name for name in group if name not in bodies]
        reached = (level for name in names for level in levels(made[name], links))
        tied = len(names) < len(group) or any(map(live.knows_any, reached))
        if tied or share_memory(made[name] for name in names):
            linked.update((name, made[name]) for name in names)
            continue
        part = _part_name(names, "variables")
        parts[part] = made[names[0]] if len(names) == 1 else {name: made[name] for name in names}
        account["parts"][part] = list(names)
    if linked or changes.mutated:
        if lost := next((name for name, place, _ in changes.mutated if not live.lasts(name, place)), ""):
            raise Uncacheable(f"`{lost}` cannot be kept", "the cell changed what it made when it was asked", path=lost)
        heap = Heap(live, copies=changes.pinned, bound=changes.set)
        heap.take([*linked.values(), *(one for _, _, one in changes.mutated)])
        account["linked"] = {name: heap.add(value, name) for name, value in linked.items()}
        account["put"] = [
            [name, place, live.form(name), heap.describe(one, name, number=False)]
            for name, place, one in changes.mutated
        ]
        account["rows"] = _part_name({*linked, *(name for name, _, _ in changes.mutated)}, "objects")
        parts[account["rows"]] = heap.rows
    return parts


def _ties(changes: Changes) -> list[Any]:
    """What frames that were made or changed share with variables of the notebook."""
    values = {**changes.variables, **changes.set}
    changed = {name for name, place, _ in changes.mutated if not place} & values.keys()  # of code not
    return ties_of(values, changed | changes.set.keys(), changed, changes.axes)


def _part_name(names: Collection[str], what: str) -> str:
    """What a part is called, in errors too."""
    if len(names) == 1 and " " in min(names):
        return min(names)
    return f"{what if len(names) > 1 else what[:-1]} {', '.join(sorted(names))}"


def restore(
    ns: dict[str, Any],
    load: Callable[[str], Any],
    code: CellCode,
    define: Callable[[str], None],
    held: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Make the changes of a kept run in this namespace. Gives the values it showed that no variable holds.

    What cannot be read leaves the variables as they were.

    Args:
        load: gives the value of a part, decoded. Called when the classes of the cell are defined.
        define: runs the source of one definition in the namespace.
        held: what the code among the inputs holds (:meth:`Watch.held`).

    Raises:
        LookupError: the inputs are not shaped as they were in the kept run.
        Exception: whatever ``load`` and ``define`` raise.
    """
    with ExitStack() as undo:
        shown = _restore(ns, load, code, define, held, undo)
        undo.pop_all()
    return shown


def _restore(
    ns: dict[str, Any],
    load: Callable[[str], Any],
    code: CellCode,
    define: Callable[[str], None],
    held: Mapping[str, Any],
    undo: ExitStack,
) -> dict[str, Any]:
    account = load(ACCOUNT)
    if account.get("version") != VERSION:
        raise LookupError(f"changes of version {account.get('version')!r}")
    live = _live({**held, **ns}, account) if account["rows"] else Live({})
    parts = _Parts(ns, load, account["parts"], undo)
    steps = [(name, source) for name, source in code.steps if not name or name in account.get("written", ())]
    written = {name: ns.get(name, MISSING) for name, _ in steps if name}
    for name, before in written.items():
        undo.callback(_rebind, ns, name, before)
    early = (code.early | code.literal) - written.keys()
    parts.take(lambda names: not early.isdisjoint(names))
    first = {name: account["settings"].pop(name) for name in ("sys.path", "os.environ") if name in account["settings"]}
    settings.make_again(first)  # the cell's imports may need them
    valued = {code.makers[name] for name in account["values"]}
    for _, source in steps:  # what a definition fills, as a table of tools, is made anew before it is filled
        if source not in valued:
            define(source)
            parts.take(lambda names: not early.isdisjoint(names))
    filled = {name: ns[name] for name in written}
    live.include({name: ns[name] for name in account.get("defined", ())})
    set_again(ns, account["attributes"], undo)  # values know their classes as the run left them
    thaw = _grow(live, load, account, held, undo)
    while parts.left and parts.take(lambda _: True):
        continue
    if parts.left:
        raise parts.trouble
    values = parts.values
    thaw = thaw or Thaw(load(account["rows"]) if account["rows"] else [], live)
    values.update((name, thaw[row]) for name, row in account["linked"].items())
    # Every row is read before the first object changes in place: others may stand for that very object.
    bodies = [(name, place, form, thaw[row]) for name, place, form, row in account["put"]]
    values.update((name, _imported(module, code)) for name, module in account["modules"].items())
    values.update((name, made(name, about)) for name, about in account["closed"].items())
    axes = axes_of({row[1]: ns.get(row[1]) for row in account.get("ties", ()) if row[0] == "names"})
    for name, place, form, body in bodies:
        _put(ns, live, name, place, form, body, pinned=account["pinned"])
    for name, target in filled.items():
        if name not in values:
            _rebind(ns, name, written[name])
        elif type(target) in _CONTAINERS and type(values[name]) is type(target) and _alone(account, name):
            put(target, values[name])  # functions may hold this very one
            values[name] = target
    ns.update(_variables(values))
    for row in account.get("ties", ()):
        tie(ns, row, axes)
    for name in account["again"]:
        define(singles(code.source)[name])
    for name in account["deleted"]:
        ns.pop(name, None)
    settings.make_again(account["settings"])
    generators.restore(account["rng"])  # last, as definitions and handles that ran again may have drawn
    return values


def _rebind(ns: dict[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        ns.pop(name, None)
    else:
        ns[name] = value


def _alone(account: dict[str, Any], name: str) -> bool:
    """Whether a variable came back by itself, so that no other one shares what it holds."""
    return any(names == [name] for names in account["parts"].values())


def _grow(
    live: Live, load: Callable[[str], Any], account: dict[str, Any], held: Mapping[str, Any], undo: ExitStack
) -> Thaw | None:
    """Put into what classes and functions hold what the run left there, before values are read that know them so.

    Containers alone, which can be put back as they were. The rest, and all where a row needs a value that is not there
    yet (then the answer is ``None``), is put there in the end.
    """
    grown = [row for row in account["put"] if row[0] in held]
    try:
        thaw = Thaw(load(account["rows"]), live) if grown else None
    except Undecodable:
        return None
    for row in grown:
        name, place, form, body = row
        try:
            target = live.at(name, place, form)
        except LookupError:  # told, or under `key=` left as it is, where all else is put
            continue
        if thaw is not None and type(target) in _CONTAINERS:
            undo.callback(put, target, copy.copy(target))
            put(target, thaw[body])
            account["put"].remove(row)
    return thaw


class _Parts:
    """The parts of an entry that hold variables, bound as they can be read.

    A value may need others of the cell first: what its functions read, or a class that a later statement defines.
    """

    def __init__(
        self, ns: dict[str, Any], load: Callable[[str], Any], parts: Mapping[str, list[str]], undo: ExitStack
    ) -> None:
        self._ns, self._load, self._undo = ns, load, undo
        self.left = dict(parts)
        self.values: dict[str, Any] = {}
        self.trouble: Exception = LookupError("nothing was read")

    def take(self, wanted: Callable[[list[str]], bool]) -> bool:
        """Read and bind those wanted that can be read now. Whether there were any."""
        before = len(self.left)
        for part, names in [one for one in self.left.items() if wanted(one[1])]:
            try:
                made = _named(self._load(part), names)
            except Undecodable as error:
                self.trouble = error
                continue
            del self.left[part]
            self.values.update(made)
            for name, value in _variables(made).items():
                known = name in self._ns
                self._undo.callback(
                    *((self._ns.__setitem__, name, self._ns[name]) if known else (self._ns.pop, name, None))
                )
                self._ns[name] = value
        return len(self.left) < before


def _variables(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if " " not in name}


def _live(values: Mapping[str, Any], account: dict[str, Any]) -> Live:
    """What the inputs of the kept run hold in this notebook. Only under a pinned key may they be other inputs."""
    data = {name: values[name] for name in account["inputs"] if name in values and not is_code(values[name])}
    if not account["pinned"]:
        return Live(data)
    return Live(data, {name for name in data if not _is_same(data[name], account["inputs"][name])})


def _is_same(value: Any, kept: bytes) -> bool:
    try:
        return fingerprint(value) == kept
    except Uncacheable:
        return False


def _named(value: Any, names: list[str]) -> dict[str, Any]:
    return {names[0]: value} if len(names) == 1 else value


def _put(ns: dict[str, Any], live: Live, name: str, place: int, form: str, body: Any, *, pinned: bool) -> None:
    try:
        put(live.at(name, place, form), body)
    except (LookupError, CannotPut) as error:
        if not pinned:
            raise LookupError(f"{name}: {error}") from error
        if not place and name.isidentifier():  # another input or none: what the cell left is all there is
            ns[name] = body


def _imported(place: str, code: CellCode) -> Any:
    """A module by name, or what it holds (``os:environ``).

    Stored names alone import nothing: the cell must name the module, or it is loaded already.
    """
    name, _, held = place.partition(":")
    if name not in sys.modules and name not in code.normal:
        raise LookupError(f"module {name} is not named in the cell")
    module = sys.modules.get(name) or importlib.import_module(name)
    if not held:
        return module
    if held not in vars(module):
        raise LookupError(f"{name}.{held} is not there")
    return vars(module)[held]
