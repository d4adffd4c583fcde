"""The account of names that the walk over a cell keeps: what is surely written now, and what was read before that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spotmagic.code.scope import Scope

State = frozenset[str] | None
"""Names surely bound; class-body names as ``"#7.name"``, star imports as ``"*module"``; None where no path leads."""


def join(*states: State) -> State:
    """What is sure where several paths meet."""
    alive = [state for state in states if state is not None]
    return frozenset.intersection(*alive) if alive else None


class ModuleNames:
    """Names of one module, as one walk meets them.

    After ``a = 1`` the state is ``{"a"}``. ``if c: b = a`` reads ``c`` and binds ``b`` on one path alone, so where the
    paths meet the state is ``{"a"}`` again: a ``print(b)`` after it reads the ``b`` of before the cell as well.

    Attributes:
        state: what is surely bound at this point of the walk.
        scope: the scope the walk is in.
        reads: module names read before they are surely written.
        guarded: the reads whose absence the cell may survive (``try: x`` / ``except NameError``).
        stars: for each read, the modules star-imported before every place that reads it.
        before: for each module name, what was sure wherever it was loaded.
        writes, deletes: module names bound and unbound on some path.
        needs: for a name, the module names that functions bound to it read when they run, and whether they may
            survive their absence.
        unsure: names that functions of the cell unbind, so that no path is sure of them.
    """

    def __init__(self) -> None:
        self.state: State = frozenset()
        self.scope = Scope("module")
        self.reads: set[str] = set()
        self.guarded: set[str] = set()
        self.stars: dict[str, frozenset[str]] = {}
        self.writes: set[str] = set()
        self.deletes: set[str] = set()
        self.needs: dict[str, dict[str, bool]] = {}
        self.unsure: frozenset[str] = frozenset()
        self.before: dict[str, frozenset[str]] = {}
        self._guard = 0
        self._collected: dict[str, bool] | None = None

    @property
    def collecting(self) -> bool:
        """Whether the walk is inside a function's body, which runs later."""
        return self._collected is not None

    def read(self, name: str, *, swallowed: bool = False) -> None:
        """The code loads ``name`` here; ``swallowed``: it may survive that there is none."""
        if self.state is None:
            return
        key = self._place(name)
        if key is None or (key != name and key in self.state):
            return
        self._read_global(name, swallowed)
        if not self.collecting:
            self.use(name, swallowed=swallowed)

    def use(self, name: str, *, swallowed: bool) -> None:
        """Whatever functions are bound to ``name`` may run here: read what they need, and what those need in turn."""
        seen, todo = {name}, [name]
        while todo:
            for need, guarded in self.needs.get(todo.pop(), {}).items():
                self._read_global(need, swallowed or guarded)
                if need not in seen:
                    seen.add(need)
                    todo.append(need)

    def write(self, name: str) -> None:
        """The code binds ``name`` here."""
        key = self._place(name)
        if self.state is None or key is None:
            return
        if key == name:
            self.writes.add(name)
        if key not in self.unsure:
            self.state |= {key}

    def delete(self, name: str) -> None:
        """The code unbinds ``name`` here, which needs it bound."""
        if self.state is not None and (key := self._place(name)) is not None:
            if key not in self.state:
                self.read(name)
            self.unbind(name)

    def unbind(self, name: str) -> None:
        """The name is gone after this point on every path, those that leave by an exception too."""
        key = self._place(name)
        if key == name:
            self.deletes.add(name)
        if self.state is not None and key is not None:
            self.state -= {key}

    def star(self, module: str) -> None:
        """The code imports every public name of ``module`` here."""
        if self.state is not None:
            self.state |= {"*" + module}

    def close(self, scope: Scope) -> None:
        """A class body ends: its names are gone."""
        if self.state is not None:
            self.state = frozenset(key for key in self.state if not key.startswith(f"#{id(scope)}."))

    @contextmanager
    def guard(self, on: bool = True) -> Iterator[None]:
        """Inside, a missing name may be survived."""
        self._guard += on
        yield
        self._guard -= on

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Inside, names belong to ``scope`` first."""
        outer, self.scope = self.scope, scope
        yield
        self.scope = outer

    @contextmanager
    def later(self) -> Iterator[dict[str, bool]]:
        """Inside stands code that runs later: gives the names it will need, filled while it is walked."""
        saved = self.state, self._collected, self._guard
        found: dict[str, bool] = {}
        self.state, self._collected, self._guard = frozenset(), found, 0  # nothing is sure for code that runs later
        yield found
        self.state, self._collected, self._guard = saved

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Inside stands code that may not run here: what it binds is not sure afterwards."""
        before = self.state
        yield
        self.state = before

    def _place(self, name: str) -> str | None:
        """What a state has for a name that is bound here; None for one of a function, which is gone with its call."""
        owner = self.scope.owner(name)
        if owner.kind == "class":
            return f"#{id(owner)}.{name}"
        return name if owner.kind == "module" else None

    def _read_global(self, name: str, swallowed: bool) -> None:
        if self.state is None:
            return
        if self._collected is None:
            self.before[name] = self.before.get(name, self.state) & self.state
        if name in self.state:
            return
        swallowed = swallowed or self._guard > 0
        if self._collected is not None:
            self._collected[name] = self._collected.get(name, False) or swallowed
            return
        self.reads.add(name)
        if swallowed:
            self.guarded.add(name)
        modules = frozenset(key[1:] for key in self.state if key.startswith("*"))
        self.stars[name] = self.stars.get(name, modules) & modules
