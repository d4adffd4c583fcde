"""Whether what was reached is still what it was. It is asked on every call, so it is one generated expression."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Collection, Mapping, Sized
from types import CellType, FunctionType
from typing import Any

from spotmagic.reads.standing import Standing
from spotmagic.values import plain
from spotmagic.values.encode import SCALARS

MISSING = object()
_FIXED_MODULES = ("datetime", "decimal", "fractions", "uuid", "pathlib", "re")
_FIXED = SCALARS | {bytes, complex, types.EllipsisType, types.NotImplementedType, range}
_FIXED |= {kind for kind in plain.SHAPES if kind.__module__ in _FIXED_MODULES}


class Guards:
    """What a walk looked at, to be compared again: names, functions, closures, classes by identity, data by bytes."""

    def __init__(self) -> None:
        self._checks: dict[str, None] = {}
        self._space: dict[str, Any] = {"MISSING": MISSING, "__builtins__": {}, "tuple": tuple, "Exception": Exception}
        self._known: dict[int, str] = {}
        self._live: list[tuple[Any, bytes]] = []

    def name(self, namespace: Mapping[str, Any], name: str, value: Any) -> None:
        """The name in the namespace is this object (or MISSING)."""
        self._check(f"{self._of(namespace)}.get({name!r}, MISSING) is {self._of(value)}")

    def function(self, function: FunctionType) -> None:
        """The function's code and defaults are these objects."""
        known = self._of(function)
        for attribute in ("__code__", "__defaults__", "__kwdefaults__"):
            self._check(f"{known}.{attribute} is {self._of(getattr(function, attribute))}")
        given = function.__kwdefaults__ or {}
        for name, value in given.items():
            self.name(given, name, value)

    def cell(self, cell: CellType, value: Any) -> None:
        """The closure cell holds this object."""
        self._check(f"{self._of(cell)}.cell_contents is {self._of(value)}")

    def kind(self, place: Mapping[str, Any] | CellType, name: str, kind: type) -> None:
        """The name in the namespace, or the closure cell, holds an object of exactly this type, or nothing still."""
        known = self._of(place)
        held = f"{known}.cell_contents" if isinstance(place, CellType) else f"{known}.get({name!r}, MISSING)"
        self._check(f"{held}.__class__ is {self._of(kind)}")

    def keys(self, namespace: Mapping[str, Any]) -> None:
        """The namespace has these names and no others."""
        self._check(f"tuple({self._of(namespace)}) == {self._of(tuple(namespace))}")

    def sizes(self, namespaces: Collection[Mapping[str, Any]]) -> None:
        """The namespaces have as many names together."""
        total = sum(map(len, namespaces))
        self._check(f"{' + '.join(f'{self._of(one)}.__len__()' for one in namespaces)} == {total}")

    def bases(self, kind: type) -> None:
        """The class has these bases."""
        self._check(f"{self._of(kind)}.__bases__ == {self._of(kind.__bases__)}")

    def subclasses(self, kind: type) -> None:
        """The class has as many subclasses."""
        count = len(type.__subclasses__(kind))
        self._check(f"{self._of(type.__subclasses__)}({self._of(kind)}).__len__() == {count}")

    def state(self, read: Callable[[], Any], value: Any) -> None:
        """What is read now equals this, which nothing changes in place."""
        self._check(f"{self._of(read)}() == {self._of(value)}")

    def grown(self, growing: Collection[Sized], sizes: list[int], ask: Callable[[], bool]) -> None:
        """These are as long as the sizes say, which may be told anew, or asking says that nothing changed."""
        known = self._of(sizes)
        same = " and ".join(f"{self._of(one)}.__len__() == {known}[{place}]" for place, one in enumerate(growing))
        self._check(f"({same} or {self._of(ask)}())")

    def member(self, kind: type, name: str) -> None:
        """The class gives the function or property under the name that it gives now."""
        held = vars(kind)[name]
        if type(held) is Standing:  # asked for by its name, it is another while a run is noted
            self.name(vars(kind), name, held)
        elif type(held) in (FunctionType, property) and not hasattr(type(kind), name):
            self._check(f"{self._of(kind)}.{name} is {self._of(held)}")

    def live(self, value: Any, packed: bytes) -> None:
        """The value still packs to these bytes, if it may change in place."""
        if not _is_fixed(value):
            self._live.append((value, packed))

    def _check(self, expression: str) -> None:
        self._checks[expression] = None

    def _of(self, value: Any) -> str:
        """The name of an object in the generated expression, which keeps it alive."""
        name = self._known.get(id(value))
        if name is None:
            name = self._known[id(value)] = f"o{len(self._known)}"
            self._space[name] = value
        return name

    def close(self, pack: Callable[[Any], bytes]) -> Callable[[], bool]:
        """What tells whether all is as it was, laid out for speed. To be called once, when all is noted.

        Of ``def f(x): return rate * x`` it is ``o0.get('rate', MISSING) is o1 and o2.__code__ is o3 and …``.

        Args:
            pack: gives the bytes of data.
        """
        text = " and ".join(self._checks) or "True"
        # It fails for a closure cell that was emptied, and for data that another thread is changing: look again.
        exec(
            compile(f"def holds():\n try: return {text}\n except Exception: return False", "<guards>", "exec"),
            self._space,
        )
        named: Callable[[], bool] = self._space["holds"]
        if not (live := self._live):
            return named

        def holds() -> bool:
            try:
                return named() and all(pack(value) == packed for value, packed in live)
            except Exception:
                return False

        return holds


def _is_fixed(value: Any) -> bool:
    """Whether a value can never change in place, so that being the same object is enough."""
    kind = type(value)
    if kind in _FIXED:
        return True
    if kind is tuple or kind is frozenset:
        return all(map(_is_fixed, value))
    return isinstance(value, enum.Enum) and _is_fixed(value.value)
