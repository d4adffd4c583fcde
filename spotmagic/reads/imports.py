"""Modules that a run asks for by a name which is made while it runs: those that a pickle names, and plug-ins.

Whoever asks for a module that is loaded, Python asks the module's spec first whether it is being loaded still:
``pickle.load``, ``joblib.load``, ``import_module``, in C and in Python alike. So the spec of a module of the user's
tells who asks, and nothing stands in the place of what unpickles. A module without a spec, as a notebook is, tells what
is asked of it.

Example: ``pickle.load(file).go(x)`` runs ``features.Scaler.go`` where the file holds a ``Scaler``. What stands for the
code of ``features`` is then an answer that the result hangs on, as the file itself is.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import opcode
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from spotmagic.reads import looks, natives, standing

_IMPORT = opcode.opmap["IMPORT_NAME"]
_is_users: Callable[[str], bool]
_specs: dict[str, ModuleType] = {}  # the user's modules that have one
_bare: dict[str, ModuleType] = {}  # and those that have none
_watched: list[ModuleType] = []  # of which the class is another now
_arrived: dict[str, ModuleSpec] = {}  # of the user's modules that came while something was noted


def know_users(is_users: Callable[[str], bool]) -> None:
    """Take what tells whether a file is the user's."""
    global _is_users
    _is_users = is_users


def install_imports() -> None:
    """Watch who asks for modules."""
    for module in _specs.values():
        _watch(vars(module).get("__spec__"))  # one that was loaded anew has another
    for one in (sys.modules.get("__main__"), *_bare.values()):
        if type(one) is ModuleType:
            _watched.append(one)  # first, so that an interrupt between the two leaves none that is not put back
            one.__class__ = WatchedModule
    sys.meta_path.insert(0, _arrivals)


def remove_imports() -> None:
    """Put back what was there. Specs stay, and say nothing from now on."""
    while _watched:
        _watched.pop().__class__ = ModuleType
    if _arrivals in sys.meta_path:
        sys.meta_path.remove(_arrivals)


def met(name: str, module: ModuleType, space: dict[str, Any]) -> None:
    """Take in a module that is loaded, with its namespace: for whoever sees that there are others than before."""
    path, spec = space.get("__file__"), space.get("__spec__")
    if path is None and spec is None:
        _bare[name] = module
    elif isinstance(path, str) and _is_users(path):
        _specs[name] = module


def has_arrived(module: ModuleType) -> bool:
    """Whether a module of the user's was loaded while something was noted."""
    return is_arrived(vars(module))


def is_arrived(space: dict[str, Any]) -> bool:
    """The same, asked by the namespace of a module."""
    spec = _arrived.get(space.get("__name__", ""))
    return spec is not None and space.get("__spec__") is spec


def _watch(spec: Any) -> None:
    if type(spec) is ModuleSpec:
        spec.__class__ = WatchedSpec


class WatchedSpec(ModuleSpec):
    """What is known of a module of the user's, which is asked whenever somebody asks for the module."""

    @property
    def _initializing(self) -> bool:
        if standing.noting and (asker := _asker()) is not None:
            _tell(self.name, asker)
        return bool(self.__dict__.get("_initializing"))

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        self.__dict__["_initializing"] = value


class WatchedModule(ModuleType):
    """A module that no spec tells of, while a run is watched: its classes and functions are asked for by name."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if standing.noting and callable(found) and name[:2] != "__" and (asker := _asker()) is not None:
            main = self is sys.modules["__main__"]  # which is called otherwise in a process that it spawned
            _tell(f"{'__main__' if main else super().__getattribute__('__name__')}:{name}", asker)
        return found

    def __reduce__(self) -> Any:
        return importlib.import_module, (self.__name__,)


WatchedSpec.__name__ = WatchedSpec.__qualname__ = "ModuleSpec"
WatchedModule.__name__, WatchedModule.__qualname__, WatchedModule.__module__ = "module", "module", "builtins"


def _asker() -> Any:
    """The frame of who asks for a module while it runs; None for an import that the code says, which the key knows."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    while frame is not None and frame.f_globals.get("__name__") == "importlib":
        frame = frame.f_back
    return None if frame is None or frame.f_code.co_code[frame.f_lasti] == _IMPORT else frame


def _tell(name: str, asker: Any) -> None:
    if str(asker.f_globals.get("__name__")).partition(".")[0] != "spotmagic":
        standing.ask(looks.CODE, name, [])


class _Arrivals:
    """Sees modules that are loaded while something is noted: the user's, and those of the table of readers."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec that the other finders give, whose loader tells us of a module of the table."""
        asker = _asker()
        if asker is not None and looks.users(str(asker.f_globals.get("__name__")).partition(".")[0], asker):
            _tell(name, asker)  # also where it is not there
            asker = None
        for finder in list(sys.meta_path):
            look = getattr(finder, "find_spec", None)
            spec: Any = look(name, path, target) if look and finder is not self else None
            if spec is not None:
                if name in natives.TABLED:
                    if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                        spec.loader = _ToldLoader(spec.loader)
                elif isinstance(spec.origin, str) and _is_users(spec.origin):
                    _watch(spec)
                    _arrived[name] = spec
                    if asker is not None:
                        _tell(name, asker)
                return spec  # type: ignore[no-any-return]
        return None


class _ToldLoader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if standing.noting:
            natives.place(module)


_arrivals = _Arrivals()
