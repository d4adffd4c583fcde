"""The notebook's namespace as a cell meets it: which of its names are the user's, and what changed in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from spotmagic.code.cell import CellCode

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


def is_private(name: str, value: object = None) -> bool:
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
    found = {name for name in found if not is_private(name, ns[name])}
    found |= {name for name in code.reads if name in ns and _RESULT.fullmatch(name)}
    if "Out" in found | code.reads:  # one result that is named counts, not all that came before
        named = {f"_{number}" for number in _OUT.findall(code.normal)}
        found = (found - {"Out"}) | (named & ns.keys() or {"Out"} & ns.keys())
    return tuple(sorted(found))


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
