"""Functions and classes of the user's that a library keeps in a register, and calls by itself.

No name of a function leads to ``make`` where a module says ``yaml.add_constructor("!x", make)``, and each call that
uses yaml may run it. So what a text of the user's hands to a library, without keeping what that gives back, counts for
all calls whose code uses this library. What it is handed to tells which: no list of libraries does.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sized
from operator import is_
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from spotmagic.code.function import Import, facts
from spotmagic.code.handed import Handed, HandedName, Handing
from spotmagic.code.loaded import cells_run, of_cell, of_module, spec_of, users_modules
from spotmagic.code.origin import file_of, is_user_module
from spotmagic.code.source import cell_text
from spotmagic.code.texts import Chain
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.lazy import absolute
from spotmagic.keys.owned import is_users
from spotmagic.keys.process import WalkInputs
from spotmagic.values.encode import SCALARS
from spotmagic.values.notes import Mask, Notes

# Python itself asks these whatever code names; and what is told these changes no result.
_ANYWHERE = frozenset({"codecs", "copyreg"})
_NOWHERE = frozenset({"atexit", "builtins", "faulthandler", "functools", "signal", "spotmagic", "sys", "threading"})
_NOWHERE |= {"asyncio", "concurrent", "multiprocessing", "os", "time", "timeit", "unittest", "IPython"}
# Who runs what it is given does so at once; a decorator that is told nothing registers by its name.
_RUNS = re.compile(
    r"^_?(run|main|start|launch|serve|fire|call|apply|map|test|time|profile|spawn|submit|exec)", re.IGNORECASE
)
_REGISTERS = re.compile(r"regist|hook|listen|handl|receiv|plugin", re.IGNORECASE)
_SETS = re.compile(r"set|add|install|pickle|show|format|default|registry|dispatch|_", re.I)
HANDED = "after it was handed to"
_PLAIN = (dict, list, tuple, set)


class Registration(NamedTuple):
    """A statement that hands something to a library.

    Attributes:
        packages: the libraries that may call it.
        space: the namespace of its names.
        cell: the number of the cell that says so, or 0.
    """

    said: Handed
    packages: frozenset[str]
    space: dict[str, Any]
    cell: int

    @property
    def label(self) -> str:
        """How the user is told of it."""
        return f"registration {'.'.join((self.said.to[0], *self.said.to[1]))}"


class _Epoch(NamedTuple):
    """What was loaded, and how many cells had run, when somebody looked."""

    loaded: list[Any]  # the user's modules and their specs: of one that is loaded anew that is another, though equal
    cells: int
    modules: int

    def is_now(self, now: _Epoch) -> bool:
        """Whether nothing was loaded since, and no cell ran."""
        same = self.cells == now.cells and len(self.loaded) == len(now.loaded)
        return same and all(map(is_, self.loaded, now.loaded))


class Registered:
    """What was handed over to these packages when a function was looked at."""

    __slots__ = ("growing", "packages", "sizes", "texts")

    def __init__(self, packages: frozenset[str], texts: tuple[str, ...], growing: list[Sized]) -> None:
        self.packages, self.texts, self.growing = packages, texts, growing
        self.sizes = list(map(len, growing))

    def holds(self) -> bool:
        """Whether the same is handed over now."""
        return self.texts == statements(self.packages)

    def grew(self) -> bool:
        """The same for a hit, once a module came or a cell ran: until the next one nothing is looked at."""
        now = list(map(len, self.growing))
        holds = self.holds()
        if holds:
            self.sizes[:] = now
        return holds


NOTHING = Registered(frozenset(), (), [])
_last: tuple[_Epoch, list[Registration]] = _Epoch([], -1, 0), []


def statements(packages: frozenset[str]) -> tuple[str, ...]:
    """The statements that hand something to these packages."""
    return tuple(one.said.text + _defined_since(one) for one in _among(packages))


def count(
    notes: Notes, guards: Guards, ref: Callable[[Any], Any], inputs: WalkInputs, follow: Callable[[], None]
) -> Registered:
    """Count what is handed to the libraries that were reached, with all that this reaches in turn.

    Args:
        ref: puts a function or class in line to be opened.
        follow: opens those that are in line.
    """
    seen: set[int] = set()
    while True:
        packages = frozenset(notes.packages)
        if packages <= _NOWHERE:
            return NOTHING
        found = _among(packages)
        new = [one for one in found if id(one.said) not in seen]
        for one in new:
            seen.add(id(one.said))
            inputs.value(one.label, "registration", one.said.text, False)
            notes.trouble = notes.trouble or _defined_since(one)
            for given, value in _handed(one):
                guards.name(one.space, given.root, one.space.get(given.root, MISSING))
                if is_users(value) and _is_countable(value, inputs.mask):
                    ref(value)
                else:
                    counted = value if _is_countable(value, inputs.mask) else _texts_of(value)
                    inputs.value(f"global {given.root}", given.root, counted, False)
        follow()
        if not new:
            cells = cells_run()
            answer = Registered(packages, statements(packages), [sys.modules, *([] if cells is None else [cells])])
            guards.grown(answer.growing, answer.sizes, answer.grew)
            return answer


def _is_countable(value: Any, mask: Mask | None) -> bool:
    """Whether all that something reaches can be counted. What cannot keeps no call from being stored that does not
    name it."""
    from spotmagic.keys.fingerprint import fingerprint  # which comes to this file on its way

    notes = Notes()
    try:
        fingerprint(value, notes=notes, mask=mask)
    except Uncacheable:
        return False
    return not notes.trouble


def _texts_of(value: Any) -> list[str]:
    """What functions say, without what they reach."""
    held = [value, *(vars(value).values() if isinstance(value, type) else ())]
    held += value.values() if type(value) is dict else value if type(value) in _PLAIN else ()
    return [facts(one).text for one in map(unwrapped, held) if isinstance(one, FunctionType)]


def of_arguments(packages: Collection[str], mask: Mask | None) -> list[tuple[str, Any]]:
    """What is handed to the libraries of arguments, by what it is told as. Each key of an object asks."""
    epoch, known = _last
    if not packages or (not known and epoch.modules == len(sys.modules) and epoch.cells == len(cells_run() or ())):
        return []
    told: list[tuple[str, Any]] = []
    for one in _among(frozenset(packages)):
        values = [value for _, value in _handed(one)]
        counted = [value if _is_countable(value, mask) else _texts_of(value) for value in values]
        told.append((one.label, [one.said.text, *counted]))
    return told


def _among(packages: frozenset[str]) -> list[Registration]:
    names = {one.lstrip("_") for one in packages} - {"spotmagic"}
    return [one for one in _all() if one.packages & _ANYWHERE or _uses(names, one.packages)]


def _uses(names: Collection[str], packages: frozenset[str]) -> bool:
    """Whether who uses libraries of these names uses one of the packages, in a module of theirs too."""
    if not packages.isdisjoint(names):
        return True
    others = frozenset(name for name in names if name not in sys.stdlib_module_names and not is_user_module(name))
    return not packages.isdisjoint(_held_by(others, len(sys.modules)))


@functools.lru_cache(maxsize=256)
def _held_by(packages: frozenset[str], _: int) -> frozenset[str]:
    """The libraries whose modules stand in those of these."""
    found: set[str] = set()
    for name, module in sys.modules.copy().items() if packages else ():
        if name.partition(".")[0] in packages:
            held = list(getattr(module, "__dict__", {}).values())
            found |= {one.__name__.partition(".")[0] for one in held if type(one) is ModuleType}
    return frozenset(found - sys.stdlib_module_names)


def _all() -> list[Registration]:
    """All statements of the user's that hand something to a library, in an order that hangs on their texts."""
    global _last
    modules, cells = users_modules(), cells_run()
    loaded = [one for _, module in modules for one in (module, spec_of(module))]
    epoch = _Epoch(loaded, len(cells or ()), len(sys.modules))
    if _last[0].is_now(epoch):
        _last = epoch, _last[1]
        return _last[1]
    said: list[tuple[str, dict[str, Any], int, Handing]] = []
    for name, module in modules:
        said.append((name, vars(module), 0, of_module(name, module, _may_take)))
    imports: dict[str, tuple[str, int]] = {}
    for number, text in enumerate(cells or ()):
        handed = of_cell(text)
        imports |= handed.imports
        said.append(("__main__", vars(sys.modules["__main__"]), number, Handing(handed.statements, imports)))
    handers = {
        (name, one.within): _of_library(one.to, space, handed.imports)
        for name, space, _, handed in said
        for one in handed.statements
        if one.within and any(given.root in one.own for given in one.given)
    }
    found: dict[tuple[str, str], Registration] = {}
    for name, space, number, handed in said:
        for one in handed.statements:
            packages = _of_library(one.to, space, handed.imports) or _of_hander(one.to, space, handers)
            if one.way == "decorator" and packages <= sys.stdlib_module_names:
                continue
            if one.way == "call" and _RUNS.match((one.to[0], *one.to[1])[-1]):
                continue
            if packages and not (number and one.shows and _shows_value(number, cells or [])):
                found.pop((name, one.place), None)
                found[name, one.place] = Registration(one, packages, space, number)
    told = [one for one in found.values() if "lambda" in one.said.text or any(_handed(one))]
    told.sort(key=lambda one: one.said.text)
    _last = epoch, told
    return told


def _may_take(value: Any, way: str, named: Iterator[Any]) -> bool:
    """Whether a name may stand for a part of a library, or for a function of the user's that hands things on."""
    if isinstance(value, FunctionType | type) and is_users(value):
        return any(isinstance(one, FunctionType | type) and is_users(one) for one in named)
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(home, str):
        home = type(value).__module__
    root = home.partition(".")[0]
    if root not in sys.stdlib_module_names:
        return root not in _NOWHERE and value is not None
    return root.lstrip("_") not in _NOWHERE and _of_python(way)


def _of_python(way: str) -> bool:
    """Whether a function or attribute of Python's own may register something, by its last word."""
    word = way.rpartition(".")[2]
    return not word or bool(_REGISTERS.search(word) or _SETS.match(word))


def _shows_value(number: int, cells: list[str]) -> bool:
    """Whether a cell ended in a value, so that its last expression gave one: of what is registered none comes.

    One that runs still ends in a call that may be the very one which asks.
    """
    shown = vars(sys.modules["__main__"]).get("_oh")
    value = shown.get(number) if isinstance(shown, dict) else None
    return number == len(cells) - 1 or (value is not None and not is_users(unwrapped(value)))


def _defined_since(one: Registration) -> str:
    """Why nobody knows what a library holds: a cell defined it otherwise since it was handed over."""
    cells = cells_run() or []
    for given, value in _handed(one) if one.cell else ():
        inside = vars(value).values() if isinstance(value, type) else ()
        codes = [each.__code__ for each in (value, *inside) if isinstance(each, FunctionType)]
        text = cell_text(file_of(codes[0])).strip() if codes else ""
        defines = re.compile(rf"\b(def|class)\s+{re.escape(given.root)}\b")
        before = [each.strip() for each in cells[: one.cell + 1] if defines.search(each)]
        if text and before and before[-1] != text:
            return f"`{given.root}` was defined anew {HANDED} `{one.said.to[0]}`, which has the old one"
    return ""


def _of_library(
    to: tuple[str, Chain], space: Mapping[str, Any], imports: Mapping[str, tuple[str, int]]
) -> frozenset[str]:
    """The library to which a name belongs, if it was imported from one."""
    name, level = imports.get(to[0], ("", 0))
    if to[0] not in imports or level or not name:
        return frozenset()
    root = absolute(Import(name, level, ()), dict(space)).partition(".")[0]
    if root in _NOWHERE or is_user_module(root) or root not in sys.modules:
        return frozenset()
    return frozenset({root.lstrip("_")})


def _of_hander(
    to: tuple[str, Chain], space: Mapping[str, Any], handers: Mapping[tuple[str, str], frozenset[str]]
) -> frozenset[str]:
    """The library to which a function of the user's hands on what it is given."""
    value = _led_to(space, *to)
    if not isinstance(value, FunctionType):
        return frozenset()
    return handers.get((value.__module__, value.__qualname__.partition(".")[0]), frozenset())


def _handed(one: Registration) -> Iterator[tuple[HandedName, Any]]:
    """What of the user's a statement hands over: functions, classes, and values that hold some."""
    for given in one.said.given:
        value = _led_to(one.space, given.root, given.chain)
        if given.through[0] and not _is_library(_led_to(one.space, *given.through)):
            continue  # a function of the user's takes it, and gives something else on
        if one.said.way == "decorator" and not _is_bare(value, given.root, one):
            continue
        if given.role == "made":
            if isinstance(value, type) and is_users(value):
                yield given, value
        elif is_users(value) and not isinstance(value, ModuleType):
            whole = _led_to(one.space, given.root, given.chain[:-1])
            yield given, whole if given.chain and isinstance(whole, type) and is_users(whole) else value
        elif (given.role == "asked" and type(value) in (*SCALARS, *_PLAIN)) or _holds_users(value):
            yield given, value


def _is_bare(value: Any, name: str, one: Registration) -> bool:
    """Whether a decorator gave back the very function or class, as far as that can be told."""
    if not one.said.named and not any(map(_REGISTERS.search, (one.said.to[0], *one.said.to[1]))):
        return False
    if isinstance(value, FunctionType):
        return value.__qualname__ == name == value.__code__.co_qualname and value.__globals__ is one.space
    return isinstance(value, type) and value.__qualname__ == name


def _is_library(value: Any) -> bool:
    return value is not MISSING and not (isinstance(value, FunctionType | type) and is_users(value))


def _holds_users(value: Any) -> bool:
    if isinstance(value, functools.partial | MethodType):
        return is_users(unwrapped(value.func if isinstance(value, functools.partial) else value.__func__))
    held = value.values() if type(value) is dict else value if type(value) in _PLAIN else ()
    return any(is_users(unwrapped(one)) and not isinstance(one, ModuleType) for one in list(held))


def _led_to(space: Mapping[str, Any], root: str, chain: Chain) -> Any:
    """What a name with attributes leads to over modules and classes. Nothing is asked of objects."""
    value = unwrapped(space.get(root, MISSING))
    for step in chain:
        if isinstance(value, ModuleType):
            value = vars(value).get(step, MISSING)
        elif isinstance(value, type):
            value = next((vars(base)[step] for base in value.__mro__ if step in vars(base)), MISSING)
            value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        else:
            return MISSING
        value = unwrapped(value)
    return value
