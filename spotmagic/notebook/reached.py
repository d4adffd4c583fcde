"""What the code that a cell calls can reach and change: variables of the notebook, and what functions and classes hold.

A helper that fills a table, counts in ``f.calls`` or adds to ``Dog.all`` changes what the cell does not name. Variables
become inputs like those the cell names; what functions, classes and modules hold is compared before and after.
"""

from __future__ import annotations

import dis
import functools
import re
import sys
import types
import weakref
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.texts import may_be_paths
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.keys import Mask, Notes, fingerprint, lazy, patched
from spotmagic.keys.credentials import is_given_only
from spotmagic.keys.fingerprint import identity
from spotmagic.keys.owned import is_users, short_name
from spotmagic.notebook.again import CONSTANTS, holder_of
from spotmagic.notebook.calls import called_back, is_callable, unlike
from spotmagic.notebook.graph import ATOMS, is_code, levels
from spotmagic.values.written import texts_of

_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})
_MEMBERS = (staticmethod, classmethod, property, functools.cached_property, functools.partialmethod)
_HIDING = frozenset({"eval", "exec", "globals", "get_ipython"})
_HIDING_MEMBERS = frozenset({"__main__", "_getframe", "currentframe", "f_globals", "user_ns"})
_MISSING = object()
_PRIVATE = re.compile(r"_+|_i+|_i?\d+|_[ido]h|_exit_code|In|Out|get_ipython|exit|quit")
_RESULT = re.compile(r"_+|_\d+")
_OUT = re.compile(r"\bOut\[(\d+)\]")
_MODULE_NAMES = frozenset(
    {
        "__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtin__", "__builtins__", "__file__",
        "__annotations__", "__session__", "__vsc_ipynb_file__", "__warningregistry__",
        "__conditional_annotations__", "__annotate__", "__cached__",
    }
)  # fmt: skip


class Reachable:
    """What the code among some values leads to.

    Args:
        ns: the notebook.
        code: the cell; names that it surely binds before it uses a root are not those of before.

    Attributes:
        names: variables of the notebook that functions and methods read or bind.
        inputs: fingerprints of what they hold, when :meth:`settle` was called.
        back: by input, the code that what a library made calls back.
        grown: what functions, classes and modules hold and the run changed in place, found by :meth:`changed`.
        hides: a function may read and bind any variable: it runs text, or takes hold of the whole notebook.
    """

    def __init__(self, ns: dict[str, Any], code: CellCode, mask: Mask | None) -> None:
        self.names: set[str] = set()
        self.inputs: dict[str, bytes] = {}
        self._ns, self._code, self._mask = ns, code, mask
        self._spaces: dict[str, dict[str, Any]] = {}
        self._holders: dict[str, Any] = {}
        self._numbers: Counter[str] = Counter()
        self.grown: dict[str, Any] = {}
        self._before: dict[str, dict[str, Any]] = {}
        self._seen: set[int] = set()
        self._kinds: set[Any] = set()
        self._held: list[Any] = []
        self.back: dict[str, list[Any]] = {}
        self.hides = False

    def visit(self, name: str, value: Any, *, deep: bool) -> None:
        """Look at an input.

        Args:
            deep: whether code is known to be somewhere in it, such as functions in a dict.
        """
        self._skipped = self._code.before.get(name, frozenset())
        attributes = self._code.attributes
        if isinstance(value, types.ModuleType) and vars(value) is not self._ns:
            loaded = sys.modules.get(value.__name__) is value
            users = is_users(value) or not loaded  # what the cell sets there, a hit sets again
            names = frozenset(one for one in attributes if users or type(vars(value).get(one)) in CONSTANTS)
            self._watch_module(value.__name__ if loaded else name, vars(value), names)
        self._visit(value if is_callable(value) else type(value), attributes)
        for one in (one for level in levels(value) for one in unlike(level, self._kinds)) if deep else ():
            held = one.func if isinstance(one, functools.partial) else one
            self._visit(held if is_callable(held) else type(held), attributes)
        for one in called_back(value):
            self._visit(one, attributes)
            self.back.setdefault(name, []).append(one)

    def settle(self, ignored: Collection[str] = ()) -> None:
        """Keep what is there now, and count the user's modules that the cell imports."""
        self._before = {label: self._all(space) for label, space in self._spaces.items()}
        self.inputs = dict(self._prints())
        self.inputs |= {f"{name} calls": self._print(name, found) for name, found in self.back.items()}
        loaded = lazy.of_cell(lazy.named_in(self._code.source), lambda value: fingerprint(value, mask=self._mask))
        self.inputs |= {f"module {name}": fingerprint(said) for name, said in loaded if name not in ignored}

    def put_in(self, values: Iterable[Any], packages: Collection[str]) -> dict[str, bytes]:
        """What was put into classes of the packages that are used: ``pd.read_csv(path).mine()``.

        Args:
            values: inputs, which may be modules and functions of packages.
            packages: those whose values are among the inputs.
        """
        named = [value for value in values if is_code(value)]
        homes = [one.__name__ if isinstance(one, ModuleType) else one.__module__ or "" for one in named]
        roots = frozenset({*packages, *(home.partition(".")[0] for home in homes)})
        found = patched.put_in(roots, self._code.attributes)
        return {f"{base.__qualname__}.{name}": fingerprint(one, mask=self._mask) for base, name, one in found}

    def held(self) -> dict[str, Any]:
        """What the code holds that is no code itself and may be shared, by the same labels wherever it is the same."""
        return {
            f"{label}.{name}": value
            for label, space in self._before.items()
            for name, value in self._data(space)
            if type(value) not in ATOMS
        }

    def cells(self) -> set[int]:
        """The ids of the cells in which functions close over variables."""
        kept = (space for space in self._spaces.values() if isinstance(space, _Kept))
        return {id(cell) for one in kept for cell in one.cells.values()}

    def _watch_module(self, label: str, space: dict[str, Any], names: frozenset[str]) -> None:
        known = self._spaces.get(label)
        self._spaces[label] = _Part(space, names | (known.names if isinstance(known, _Part) else frozenset()))

    def changed(self) -> list[tuple[str, str, Any]]:
        """What the run bound anew there: holder, attribute, and a plain value or, for code, ``["code", name]``.

        Raises:
            Uncacheable: it changed something there that a hit could not change again.
        """
        found = []
        for label, before in self._before.items():
            now = self._all(self._spaces[label])
            for name in sorted(before.keys() | now.keys()):
                told, old, new = f"{label}.{name}", before.get(name, _MISSING), now.get(name, _MISSING)
                same = old is new or (type(old) is type(new) and type(new) in ATOMS and old == new)
                if same and (told not in self.inputs or self._print(told, new) == self.inputs[told]):
                    continue
                if old is _MISSING and _is_loaded(label, new):
                    continue
                if old is new:
                    self.grown[told] = new
                    continue
                kept = self._plain(new) if not same and self._is_found_again(label) else None
                if kept is None:
                    why = "the code that the cell calls changed it"
                    todo = "Keep it in a variable of the notebook, or leave this cell as it is"
                    raise Uncacheable(f"`{told}` cannot be kept", why, todo, path=told)
                found.append((label, name, kept[0]))
        return found

    def _is_found_again(self, label: str) -> bool:
        """Whether a hit finds by its label what holds the attributes."""
        if label not in self._holders:
            return not label.endswith(")")
        with suppress(LookupError):
            return unwrapped(holder_of(self._ns, label)) is self._holders[label]
        return False

    def _plain(self, value: Any) -> list[Any] | None:
        """A value as :func:`set_again` takes it, in a list; None for one that cannot be bound again."""
        if type(value) in CONSTANTS:
            return [value]
        name = getattr(value, "__name__", "")
        return [["code", name]] if is_code(value) and self._ns.get(name) is value else None

    def _all(self, space: Any) -> dict[str, Any]:
        return {name: value for name, value in list(space.items()) if _is_bound(name, value)}

    def _prints(self) -> Iterator[tuple[str, bytes]]:
        for label, space in self._before.items():
            for name, value in self._data(space):
                yield f"{label}.{name}", self._print(f"{label}.{name}", value)

    def _print(self, label: str, value: Any) -> bytes:
        try:
            return fingerprint(value, path=label, notes=Notes(), mask=self._mask)
        except Uncacheable:  # the code that holds it is refused where it counts
            return b""

    def _data(self, space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """What is neither code nor Python's own in the attributes of something."""
        for name, value in list(space.items()):
            if name.startswith("__") or isinstance(value, _MEMBERS) or is_code(unwrapped(value)):
                continue
            if type(value).__name__ in ("_abc_data", "member_descriptor", "getset_descriptor", "_lru_cache_wrapper"):
                continue
            if type(value).__module__.partition(".")[0] in ("spotmagic", "typing", "dataclasses"):
                continue
            if any(isinstance(one, weakref.WeakKeyDictionary) for one in (value, getattr(value, "__self__", None))):
                continue  # a memo, such as singledispatch's
            yield name, value

    def _visit(self, one: Any, attributes: Collection[str]) -> None:
        one = unwrapped(one)
        if isinstance(one, types.MethodType):
            self._visit(one.__func__, attributes)
            one = type(one.__self__)
        elif isinstance(one, staticmethod | classmethod):
            one = one.__func__
        elif isinstance(one, property):
            for part in (one.fget, one.fset, one.fdel):
                self._visit(part, attributes)
            return
        elif isinstance(one, functools.partial | functools.cached_property):
            one = one.func
        one = getattr(one, "__wrapped__", one) if type(one).__name__ == "_lru_cache_wrapper" else one
        if one is None or id(one) in self._seen or not is_users(one):
            return
        self._seen.add(id(one))
        self._held.append(one)
        if isinstance(one, types.FunctionType):
            self._function(one)
        elif isinstance(one, type):
            self._spaces[self._label(one, one.__qualname__)] = vars(one)  # type: ignore[assignment]
            for value in (*vars(one).values(), *one.__bases__):
                self._visit(value, ())
        elif isinstance(one, types.ModuleType) and vars(one) is not self._ns:
            for name in sorted(attributes):
                value = vars(one).get(name)
                if value is not None:
                    self._visit(value, attributes)

    def _label(self, holder: Any, name: str) -> str:
        """What a function or class is called: as the notebook calls it, or its own name, numbered where that is taken.

        A decorator makes two functions of one name, and many of another. All is visited in an order that hangs on names
        alone, so that the labels are the same in every process.
        """
        found = None
        with suppress(LookupError):
            found = unwrapped(holder_of(self._ns, name))
        label = name if found is holder else self._variables.get(id(holder))
        if label is None and found is None:
            label = name
        if label is None or label in self._holders:
            self._numbers[name] += 1
            label = f"{name}#{self._numbers[name]}"
        self._holders[label] = holder
        return label

    @functools.cached_property
    def _variables(self) -> dict[int, str]:
        """Functions and classes by id, each with the first variable of the notebook that is bound to it."""
        bound = sorted(((name, unwrapped(value)) for name, value in self._ns.items()), key=lambda one: one[0])
        code = {name: one for name, one in reversed(bound) if isinstance(one, types.FunctionType | type)}
        return {id(one): name for name, one in code.items() if not is_hidden(name, one)}

    def _function(self, function: types.FunctionType) -> None:
        space, label = function.__globals__, self._label(function, short_name(function))
        names, attributes = _named(function.__code__)
        hiding = {name for name in names & _HIDING if not is_users(space.get(name))} if space is self._ns else ()
        self.hides |= bool(attributes & _HIDING_MEMBERS or hiding)
        for name in sorted(names - self._skipped):
            value = space.get(name, _MISSING)
            if value is not _MISSING and is_code(unwrapped(value)):
                self._visit(value, attributes)
            elif space is self._ns and not is_given_only(function, name):
                self.names.add(name)
            elif is_users(type(value)):
                self._visit(type(value), attributes)
        if space is not self._ns:
            self._watch_module(str(space.get("__name__")), space, names)
        self._spaces[label] = vars(function)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
        held = {name: cell for name, cell in cells if cell != types.CellType()}
        for cell in held.values():
            self._visit(cell.cell_contents if is_code(unwrapped(cell.cell_contents)) else None, attributes)
        self._spaces[f"{label}(…)"] = _Kept(function, held)
        if "__wrapped__" in vars(function):
            self._visit(vars(function)["__wrapped__"], attributes)


def hidden_by(code: CellCode, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What in a cell hides what it reads, or empty. An ``eval`` that the notebook defines itself hides nothing."""
    for reason in code.opaque:
        bound = [before.get(reason)] if reason in code.reads else []
        bound += [now.get(reason)] if reason in code.writes else []
        if reason in code.deletes or not bound or not all(map(is_users, bound)):
            return reason
    return ""


def _is_bound(name: str, value: Any) -> bool:
    """Whether code may bind a name of a class, function or module: of Python's own names, methods as ``__len__``."""
    own = not name.startswith("__annotate") and (isinstance(value, _MEMBERS) or is_code(unwrapped(value)))
    return own if name.startswith("__") else name != "_abc_impl"


def _is_loaded(label: str, value: Any) -> bool:
    """Whether an installed package brought in a part of its own when it was first asked for: ``np.polynomial``."""
    package = sys.modules.get(label)
    home = getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", None) or ""
    return package is not None and not is_users(package) and is_code(value) and home.startswith(f"{label}.")


class _Part(dict[str, Any]):
    """Those variables of a module that its functions name."""

    def __init__(self, space: Mapping[str, Any], names: frozenset[str]) -> None:
        super().__init__()
        self.names, self._space = names, space

    def items(self) -> Any:
        return {name: self._space[name] for name in self.names if name in self._space}.items()


class _Kept(dict[str, Any]):
    """The defaults and the closure of a function."""

    def __init__(self, function: types.FunctionType, cells: Mapping[str, types.CellType]) -> None:
        super().__init__()
        self._function, self.cells = function, cells

    def items(self) -> Any:
        function = self._function
        defaults = {f"default {place}": value for place, value in enumerate(function.__defaults__ or ())}
        closed = {name: cell.cell_contents for name, cell in self.cells.items()}
        return (defaults | (function.__kwdefaults__ or {}) | closed).items()


@functools.lru_cache(maxsize=2048)
def _named(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals that code and the functions in it name, and the attributes."""
    inner = [_named(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    own = {step.argval for step in dis.get_instructions(code) if step.opname in _GLOBALS}
    names = frozenset(own).union(*(found for found, _ in inner)) - {"__name__"}
    return names, frozenset(code.co_names).union(*(found for _, found in inner))


def is_hidden(name: str, value: object = None) -> bool:
    """Whether a name is IPython's or the module's own, so never an input nor an output of a cell."""
    if name in _MODULE_NAMES or _PRIVATE.fullmatch(name):
        return True
    return name == "open" and getattr(value, "__module__", "") in ("io", "_io", "IPython.core.interactiveshell")


def inputs_of(
    ns: Mapping[str, Any], code: CellCode, *, inputs: Iterable[str] = (), ignore: Iterable[str] = ()
) -> tuple[str, ...]:
    """The names whose values the cell's result depends on, sorted.

    Args:
        inputs: names that count besides those the analysis found.
        ignore: names that do not count although it found them.
    """
    found = {name for name in code.reads if name in ns and not _starred(name, ns[name], code)} - set(ignore)
    found.update(name for name in inputs if name in ns)
    found = {name for name in found if not is_hidden(name, ns[name])}
    found |= {name for name in code.reads if name in ns and _RESULT.fullmatch(name)}
    if "Out" in found | code.reads:  # one result that is named counts, not all that came before
        named = {f"_{number}" for number in _OUT.findall(code.normal)}
        found = (found - {"Out"}) | (named & ns.keys() or {"Out"} & ns.keys())
    return tuple(sorted(found))


def paths_in(code: CellCode, ns: Mapping[str, Any]) -> frozenset[str]:
    """What in a cell and its inputs may be the path of a file, which something native may read unseen."""
    return may_be_paths([*texts_of(code.source), *(ns[name] for name in code.reads if name in ns)])


def _starred(name: str, value: object, code: CellCode) -> bool:
    """Whether the cell's own ``from module import *`` bound this name, so that it will bind it again."""
    for module_name in code.stars.get(name, ()):
        module = sys.modules.get(module_name)
        if module is not None and name in exported(module):
            return getattr(module, name, None) is value
    return False


def exported(module: ModuleType) -> frozenset[str]:
    """The names that ``from module import *`` binds."""
    listed = getattr(module, "__all__", None)
    return frozenset(listed if listed is not None else (name for name in vars(module) if not name.startswith("_")))


def names_reached(value: Any, mask: Mask | None) -> set[str]:
    """The names of the globals and helpers that a function, a class or the class of an object reaches."""
    code = value if is_code(value) else type(value)
    if isinstance(code, types.ModuleType) or not is_users(code):
        return set()
    return {label.split()[1].rpartition(".")[2] for label in identity(code, mask).notes.reached}
