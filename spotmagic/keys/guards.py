"""Whether what was reached is still what it was. It is asked on every call, so it is one generated expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import CellType, FunctionType
from typing import Any

MISSING = object()


class Guards:
    """What a walk looked at, to be compared again: names, functions, closures, classes by identity, data by bytes."""

    def __init__(self) -> None:
        self._checks: dict[str, None] = {}
        self._space: dict[str, Any] = {"MISSING": MISSING, "__builtins__": {}, "tuple": tuple}
        self._known: dict[int, str] = {}
        self._live: list[tuple[Any, bytes]] = []
        self._holds: Callable[[], bool] | None = None

    def name(self, namespace: Mapping[str, Any], name: str, value: Any) -> None:
        """The name in the namespace is this object (or MISSING)."""
        self._check(f"{self._of(namespace)}.get({name!r}, MISSING) is {self._of(value)}")

    def function(self, function: FunctionType) -> None:
        """The function's code and defaults are these objects."""
        known = self._of(function)
        for attribute in ("__code__", "__defaults__", "__kwdefaults__"):
            self._check(f"{known}.{attribute} is {self._of(getattr(function, attribute))}")

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

    def bases(self, kind: type) -> None:
        """The class has these bases."""
        self._check(f"{self._of(kind)}.__bases__ == {self._of(kind.__bases__)}")

    def live(self, value: Any, packed: bytes) -> None:
        """The value, which may change in place, still packs to these bytes."""
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

    def close(self) -> None:
        """Lay the checks out for speed. Call once, when all is noted."""
        text = " and ".join(self._checks) or "True"
        self._holds = eval(compile(f"lambda: {text}", "<guards>", "eval"), self._space)

    def hold(self, pack: Callable[[Any], bytes]) -> bool:
        """Whether all is as it was. ``pack`` gives the bytes of data."""
        assert self._holds is not None
        try:
            if not self._holds():
                return False
            for value, packed in self._live:
                if pack(value) != packed:
                    return False
        except Exception:  # a closure cell that was emptied, data that another thread is changing: look again
            return False
        return True
