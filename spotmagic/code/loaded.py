"""The texts of the user's that have run in this process: of modules that are loaded, and of the cells of a notebook."""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from spotmagic.code.handed import Handing, handing
from spotmagic.code.normal import parsed
from spotmagic.code.origin import is_user_file

_NOTHING = Handing([], {})
_LINE = re.compile(r"^[ \t]*(@?)([^\W\d]\w*)([\w.]*)(.*)$", re.MULTILINE)
_SET = re.compile(r"[ \t]*(:[^=]*)?=[^=]")
_NAME = re.compile(r"[^\W\d]\w*")


class _Module(NamedTuple):
    """What a module said when it was loaded. Who loads it anew gives it another spec."""

    module: ModuleType
    spec: Any
    handing: Handing


_known: dict[str, _Module] = {}
_modules: tuple[int, Any, list[tuple[str, ModuleType]]] = 0, None, []
_looked: dict[str, tuple[Any, bool]] = {}


def spec_of(module: ModuleType) -> Any:
    """What a module is loaded by: another one when it is loaded anew."""
    return vars(module).get("__spec__")


def users_modules() -> list[tuple[str, ModuleType]]:
    """The user's modules that are loaded from files, by name."""
    global _modules
    last = next(reversed(sys.modules.values()))  # one that is loaded again is the last, too
    if _modules[0] != len(sys.modules) or _modules[1] is not last:
        found: dict[int, tuple[str, ModuleType]] = {}
        for name, module in sys.modules.copy().items():
            known = _looked.get(name)
            if known is None or known[0] is not module:
                known = _looked[name] = module, _is_users(module)
            if known[1]:
                found.setdefault(id(module), (name, module))
        _modules = len(sys.modules), last, sorted(found.values(), key=lambda one: one[0])
    return _modules[2]


def _is_users(module: Any) -> bool:
    path = vars(module).get("__file__") if isinstance(module, ModuleType) else None
    return isinstance(path, str) and path.endswith(".py") and is_user_file(path)


def of_module(name: str, module: ModuleType, may_take: Callable[[Any, str, Iterator[Any]], bool]) -> Handing:
    """What the file of a module hands over, as it was when somebody first asked of the loaded module.

    Args:
        may_take: whether something may be handed to a value, by these attributes of it, if a line names these values:
            most files are not parsed, as no line begins with any.
    """
    known = _known.get(name)
    if known is None or known.module is not module or known.spec is not spec_of(module):
        known = _known[name] = _Module(module, spec_of(module), _read(module, may_take))
    return known.handing


def _read(module: ModuleType, may_take: Callable[[Any, str, Iterator[Any]], bool]) -> Handing:
    space = vars(module)
    try:
        with io.FileIO(space["__file__"]) as file:  # which no run that is watched takes for a file of its own
            text = file.readall().decode()
    except (OSError, ValueError):
        return _NOTHING
    for mark, root, way, rest in set(_LINE.findall(text)):
        if not (mark or rest[:1] == "(" or (rest[:1] == "[" and "=" in rest) or (way and _SET.match(rest))):
            continue  # it is no decorator, begins with no call, and sets no item and no attribute
        whole = rest.rstrip()[-1:] not in ("(", ",")  # else the next lines name more
        named = map(space.get, _NAME.findall(rest)) if whole else iter(list(space.values()))
        if may_take(space.get(root), way, named):
            break
    else:
        return _NOTHING
    tree = parsed(text)
    return _NOTHING if tree is None else handing(tree)


@functools.lru_cache(maxsize=4096)
def of_cell(text: str) -> Handing:
    """What a cell hands over, under a magic of ours too."""
    tree = parsed(text)
    if tree is None:
        return _NOTHING
    match tree.body:
        case [ast.Expr(ast.Call(ast.Attribute(attr="run_cell_magic"), [_, _, ast.Constant(str(body))]))]:
            return of_cell(body)
    return handing(tree)


def cells_run() -> list[str] | None:
    """The cells of this notebook in the order in which they ran."""
    shells = sys.modules.get("IPython.core.interactiveshell")
    kind = getattr(shells, "InteractiveShell", None)
    shell = getattr(kind, "_instance", None)
    if shell is None or vars(sys.modules["__main__"]) is not getattr(shell, "user_ns", None):
        return None
    cells = getattr(getattr(shell, "history_manager", None), "input_hist_parsed", None)
    return cells if isinstance(cells, list) else None
