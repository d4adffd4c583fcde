"""What a cell changes in the notebook's namespace, and how a hit makes the same changes again.

::

    watch = restore.watch(ns, code, ...)          # before the run, hit or miss: watch.inputs make the key
    with watch.running(): ...                     # the run
    parts = restore.pack(watch.changes())         # name -> value to encode, in order
    restore.restore(ns, load, code, define, ...)  # a hit: load(name) decodes a part when it is needed
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.notebook import rng as generators
from spotmagic.notebook import settings
from spotmagic.notebook.changes import ACCOUNT, VERSION, Changes, pack
from spotmagic.notebook.closed import made
from spotmagic.notebook.graph import Live, is_code
from spotmagic.notebook.heap import Thaw
from spotmagic.notebook.inplace import CannotPut, put
from spotmagic.notebook.reached import set_again
from spotmagic.notebook.watch import Watch, watch

__all__ = ["Changes", "Watch", "pack", "restore", "watch"]


def restore(ns: dict[str, Any], load: Callable[[str], Any], code: CellCode, define: Callable[[str], None]) -> None:
    """Make the changes of a kept run in this namespace.

    Everything is decoded before the first variable is set.

    Args:
        load: gives the value of a part, decoded. Called when the classes of the cell are defined.
        define: runs the source of one definition in the namespace.

    Raises:
        LookupError: the inputs are not shaped as they were in the kept run.
        Exception: whatever ``load`` and ``define`` raise.
    """
    with ExitStack() as undo:
        _restore(ns, load, code, define, undo)
        undo.pop_all()


def _restore(
    ns: dict[str, Any],
    load: Callable[[str], Any],
    code: CellCode,
    define: Callable[[str], None],
    undo: ExitStack,
) -> None:
    account = load(ACCOUNT)
    if account.get("version") != VERSION:
        raise LookupError(f"changes of version {account.get('version')!r}")
    live = _live(ns, account) if account["rows"] else Live({})
    parts, values = account["parts"], {}
    for part, names in parts.items():
        if not code.early.isdisjoint(names):
            values.update(_named(load(part), names))
            ns.update(values)
    first = {name: account["settings"].pop(name) for name in ("sys.path", "os.environ") if name in account["settings"]}
    settings.make_again(first)  # the cell's imports may need them
    valued = {code.makers[name] for name in account["values"]}
    for source in code.definitions:
        if source not in valued:
            define(source)
    set_again(ns, account["attributes"], undo)  # values know their classes as the run left them
    for part, names in parts.items():
        if code.early.isdisjoint(names):
            values.update(_named(load(part), names))
    thaw = Thaw(load(account["rows"]) if account["rows"] else [], live)
    values.update((name, thaw[row]) for name, row in account["linked"].items())
    bodies = [(name, place, form, thaw[row]) for name, place, form, row in account["put"]]
    values.update((name, _imported(module, code)) for name, module in account["modules"].items())
    values.update((name, made(name, about)) for name, about in account["closed"].items())
    for name, place, form, body in bodies:
        _put(ns, live, name, place, form, body, pinned=account["pinned"])
    ns.update(values)
    for name in account["again"]:
        define(code.singles[name])
    for name in account["deleted"]:
        ns.pop(name, None)
    settings.make_again(account["settings"])
    generators.restore(account["rng"])


def _live(ns: dict[str, Any], account: dict[str, Any]) -> Live:
    """What the inputs of the kept run hold in this notebook. Only under a pinned key may they be other inputs."""
    data = {name: ns[name] for name in account["inputs"] if name in ns and not is_code(ns[name])}
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
        if not place:  # the notebook has another input or none: what the cell left is all there is
            ns[name] = body


def _imported(module: str, code: CellCode) -> types.ModuleType:
    """A module by name. Stored names alone import nothing: the cell must name the module, or it is loaded already."""
    if module in sys.modules:
        return sys.modules[module]
    if module not in code.normal:
        raise LookupError(f"module {module} is not named in the cell")
    return importlib.import_module(module)
