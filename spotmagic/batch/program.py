"""A program of a service: a file, a package or a module with a ``Source`` and a ``Service``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import runpy
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spotmagic.batch.parameters import Injector
from spotmagic.batch.service import Service, Source
from spotmagic.errors import OptionError

_TEMPLATE = '''"""What {name} does. Run it: spotmagic exec {name}.py -p limit=5"""

from dataclasses import dataclass

from spotmagic import Service, Source


@dataclass
class Settings:
    """Said with -p name=value, or in config/NAME.py with -c NAME."""

    limit: int = 10
    factor: float = 2.0


class Numbers(Source):
    """Where inputs come from."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def __iter__(self):
        yield from range(self.settings.limit)

    def __len__(self):
        return self.settings.limit

    def persist_failed(self, failed):
        for one in failed:
            print("failed:", one.input, one.error)


class Multiply(Service):
    """What is done with each of them. Results are kept: a second run costs nothing."""

    retry_on = (TimeoutError, ConnectionError)

    def __init__(self, settings: Settings):
        self.factor = settings.factor

    def process(self, item):
        return item * self.factor

    def finish(self, batch):
        print("sum:", sum(batch.values(missing=0)))
'''


def new_program(name: str, folder: Path) -> Path:
    """Write a program that works, to begin with. Raises ``OptionError`` when there is one."""
    if not name.isidentifier():
        raise OptionError(f"--new {name} is no name for a module", todo="Say letters, digits and _")
    path = folder / f"{name}.py"
    try:
        with path.open("x") as out:  # never over a file of the user
            out.write(_TEMPLATE.format(name=name))
    except FileExistsError:
        raise OptionError(f"{path} is there already", todo="Say another name") from None
    return path


class Program:
    """A program, loaded.

    Attributes:
        name: of its module.
        folder: where it lies; its ``config`` folder is beside it.
        source, service: the classes.
    """

    def __init__(self, target: str) -> None:
        modules = _load(target)
        self.name = modules[0].__name__.rpartition(".")[2]
        place = Path(modules[0].__file__ or ".").absolute().parent
        self.folder = place.parent if hasattr(modules[0], "__path__") else place
        names = {module.__name__ for module in modules}
        self.classes = list(
            dict.fromkeys(
                value
                for module in modules
                for value in vars(module).values()
                if isinstance(value, type) and value.__module__ in names
            )
        )
        self.source, self.service = self._only(Source, target), self._only(Service, target)

    def _only(self, base: type, target: str) -> type:
        found = [one for one in self.classes if issubclass(one, base) and not inspect.isabstract(one)]
        found = [one for one in found if not any(one is not other and issubclass(other, one) for other in found)]
        if len(found) == 1:
            return found[0]
        several = ", ".join(one.__name__ for one in found)
        raise OptionError(
            f"{target} has {'several classes' if found else 'no class'} of a {base.__name__}",
            why=several,
            todo="Keep one of them in it" if found else "spotmagic exec --new NAME writes a program to begin with",
        )

    def made(self, given: Mapping[str, Any], config: Mapping[str, Any], ready: Mapping[type, Any]) -> tuple[Any, Any]:
        """Its source and its service. Raises ``OptionError`` for wrong parameters, before any is made."""
        injector = Injector(self.classes, ready)
        injector.ask(self.source)
        injector.ask(self.service)
        values = injector.fill(given, config)
        return injector.make(self.source, values), injector.make(self.service, values)


def configuration(name: str | None, *folders: Path) -> dict[str, Any]:
    """The names that ``config/NAME.py`` sets, beside the program or in the working directory."""
    if name is None:
        return {}
    places = list(dict.fromkeys(folder / "config" for folder in folders))
    for place in places:
        path = place / f"{name.removesuffix('.py')}.py"
        if path.is_file():
            return {
                each: value
                for each, value in runpy.run_path(str(path)).items()
                if not each.startswith("_") and not isinstance(value, types.ModuleType | type | types.FunctionType)
            }
    known = sorted(path.stem for place in places for path in place.glob("*.py"))
    raise OptionError(
        f"-c {name}: there is no configuration of that name",
        why=f"looked for {name}.py in {', '.join(map(str, places))}",
        todo=f"There are {', '.join(known)}" if known else "",
    )


def _load(target: str) -> list[types.ModuleType]:
    """The modules of a program: of a package all of them."""
    path = Path(target)
    if path.is_file():
        return [_load_file(path.absolute())]
    if path.is_dir():
        place = path.absolute()
        sys.path.insert(0, str(place.parent))
        return _whole(importlib.import_module(place.name))
    if target.endswith(".py") or "/" in target:
        raise OptionError(f"{target} is not there", todo="Say the path of a file or folder, or the name of a module")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return _whole(importlib.import_module(target))
    except ModuleNotFoundError as error:
        if error.name and target.startswith(error.name):
            todo = "Say the path of a file or folder, or the name of a module"
            raise OptionError(f"{target} is neither a file nor a module", todo=todo) from None
        raise


def _load_file(path: Path) -> types.ModuleType:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"{path} is no Python file", todo="Say a .py file, a package, a module or a notebook")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # before it runs: dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _whole(module: types.ModuleType) -> list[types.ModuleType]:
    inside = pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}.")
    return [module, *(importlib.import_module(one.name) for one in inside if not one.name.endswith("__main__"))]
