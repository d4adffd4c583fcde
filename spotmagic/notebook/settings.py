"""What of the process a cell may change beside the notebook: its environment, its paths, settings of libraries.

A change is judged by what it is, not by how it was made, so one through a helper counts as well. Plain ones are kept
and made again on a hit; those that outputs depend on (print options, rcParams) are inputs of later cells too.
"""

from __future__ import annotations

import ast
import enum
import functools
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.values.notes import is_secret_name

Plain = dict[str, Any]
_FOLDER = re.compile(r"^(os\.)?chdir\(|^get_ipython\(\)\.run_line_magic\('(cd|pushd|popd)'", re.MULTILINE)
_WRITTEN = re.compile(
    r"environ\[['\"](\w+)['\"]\] = |environ\.(?:setdefault|pop)\(['\"](\w+)|putenv\(['\"](\w+)|env', '(\w+)[= ]"
)
_NUMPY = {
    "edgeitems": 3, "threshold": 1000, "floatmode": "maxprec", "precision": 8, "suppress": False, "linewidth": 75,
    "nanstr": "nan", "infstr": "inf", "sign": "-", "legacy": False,
}  # fmt: skip
_OF_BACKENDS = re.compile(r"backend|interactive|webagg\.|figure\.max_open_warning|date\.epoch|timezone")


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of one library.

    Attributes:
        package: they exist where this is loaded.
        read: those that differ from the defaults; values that are not plain make a cell that changes them refused.
        write: sets some of them; None stands for the default.
        counts: whether what cells put out depends on them.
    """

    package: str
    read: Callable[[], Plain]
    write: Callable[[Plain], None]
    counts: bool = True


def _numpy() -> Plain:
    now = sys.modules["numpy"].get_printoptions()
    return {name: value for name, value in now.items() if name in _NUMPY and value != _NUMPY[name]}


def _set_numpy(values: Plain) -> None:
    sys.modules["numpy"].set_printoptions(**{n: _NUMPY[n] if v is None else v for n, v in values.items()})


def _pandas() -> Plain:
    config = sys.modules["pandas._config.config"]
    found = {}
    for name, steps, default in _pandas_options(len(config._registered_options)):
        value = config._global_config
        for step in steps:
            value = value[step]
        if value is not default and value != default:
            found[name] = value
    return found


@functools.lru_cache(maxsize=4)
def _pandas_options(_: int) -> tuple[tuple[str, tuple[str, ...], Any], ...]:
    """Name, place and default of every option; ``get_option`` looks through all of them for each."""
    config = sys.modules["pandas._config.config"]
    known, gone = config._registered_options, config._deprecated_options
    return tuple((name, tuple(name.split(".")), one.defval) for name, one in known.items() if name not in gone)


def _set_pandas(values: Plain) -> None:
    config = sys.modules["pandas._config.config"]
    for name, value in values.items():
        config.set_option(name, config._registered_options[name].defval if value is None else value)


def _rc() -> Plain:
    mpl = sys.modules["matplotlib"]
    now: Mapping[str, tuple[Any, Any]] = {
        name: (dict.get(mpl.rcParams, name), default) for name, default in _rc_defaults()
    }
    return {name: _rc_text(value) for name, (value, default) in now.items() if value != default}


def _rc_text(value: Any) -> Any:
    """A setting as style files write it: enums and cyclers are classes of their own."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    return f"cycler{value.by_key()}" if type(value).__name__ == "Cycler" else value


@functools.lru_cache(maxsize=1)
def _rc_defaults() -> tuple[tuple[str, Any], ...]:
    defaults = dict.items(sys.modules["matplotlib"].rcParamsDefault)
    return tuple((name, value) for name, value in defaults if not _OF_BACKENDS.match(name))


def _set_rc(values: Plain) -> None:
    mpl = sys.modules["matplotlib"]
    for name, value in values.items():
        mpl.rcParams[name] = mpl.rcParamsDefault[name] if value is None else _cycler(value)


def _cycler(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("cycler{"):
        return sys.modules["cycler"].cycler(**ast.literal_eval(value[6:]))
    return value


def _shell() -> Plain:
    shell = sys.modules["IPython"].get_ipython()
    text = shell.display_formatter.formatters["text/plain"] if shell is not None else None
    found = {"float_precision": str(text.float_precision)} if text is not None and text.float_precision else {}
    return found if text is None or text.pprint else {**found, "pprint": False}


def _set_shell(values: Plain) -> None:
    text = sys.modules["IPython"].get_ipython().display_formatter.formatters["text/plain"]
    for name, value in values.items():
        setattr(text, name, ("" if name == "float_precision" else True) if value is None else value)


def _environment() -> Plain:
    return dict(os.environ)


def _set_environment(values: Plain) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _paths() -> Plain:
    return {"path": list(sys.path)}


def _set_paths(values: Plain) -> None:
    """Those that the run added; what else this process has stays."""
    kept = values["path"] or []
    sys.path[:] = [*(one for one in kept if one not in sys.path and one == kept[0]), *sys.path]
    sys.path += [one for one in kept if one not in sys.path]


def _filters() -> Plain:
    return {"filters": [[action, _text(m), f"{k.__module__}:{k.__qualname__}", _text(n), line]
                        for action, m, k, n, line in warnings.filters if isinstance(k, type)]}  # fmt: skip


def _set_filters(values: Plain) -> None:
    made = []
    for action, message, category, module, line in values["filters"]:
        home, _, name = category.partition(":")
        kind = getattr(sys.modules.get(home), name, None)
        if kind is not None:
            patterns = [one if one is None else re.compile(one, re.IGNORECASE) for one in (message, module)]
            made.append((action, patterns[0], kind, patterns[1], line))
    missing = [one for one in made if one not in warnings.filters]
    warnings.filters[:0] = missing  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _text(pattern: Any) -> Any:
    return getattr(pattern, "pattern", pattern)


SETTINGS: Mapping[str, Setting] = {
    "os.environ": Setting("os", _environment, _set_environment, counts=False),
    "sys.path": Setting("sys", _paths, _set_paths, counts=False),
    "warnings": Setting("warnings", _filters, _set_filters, counts=False),
    "numpy print options": Setting("numpy", _numpy, _set_numpy),
    "pandas options": Setting("pandas._config.config", _pandas, _set_pandas),
    "rcParams": Setting("matplotlib", _rc, _set_rc),
    "IPython formatter": Setting("IPython", _shell, _set_shell),
}


@dataclass(frozen=True, slots=True)
class Process:
    """The process at one moment."""

    folder: str
    settings: Mapping[str, Plain]

    def counted(self) -> dict[str, bytes]:
        """Fingerprints of the settings that outputs depend on, where they are not the defaults."""
        return {
            f"settings {name}": fingerprint(now, path=name)
            for name, now in self.settings.items()
            if now and SETTINGS[name].counts
        }


def process() -> Process:
    """The process as it is now."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - a path is of no use here
    except OSError:  # it was removed
        folder = ""
    found: dict[str, Plain] = {}
    for name, setting in SETTINGS.items():
        if setting.package in sys.modules:
            try:
                found[name] = setting.read()
            except Exception:  # a library that is being imported, or whose settings are found elsewhere today
                continue
    return Process(folder, found)


_known: dict[str, dict[str, set[str]]] = {}
"""What each cell was seen to set in this process: the second time nothing differs, and it sets it all the same."""


def effects(before: Process, normal: str) -> dict[str, Plain]:
    """What a run set, by setting and name; None is back to the default.

    Args:
        normal: the code of the cell.

    Raises:
        Uncacheable: for a change that a hit cannot make again.
    """
    now = process()
    todo = "Change it in a cell of its own, which is not under the spot"
    known = _known.setdefault(normal, {})
    if now.folder != before.folder or _FOLDER.search(normal) or "folder" in known:
        known["folder"] = set()
        why = "the cell changes it, and a hit would not"
        raise Uncacheable("the working directory cannot be kept", why, todo, path="the working directory")
    named = {name for names in _WRITTEN.findall(normal) for name in names if name}
    found: dict[str, Plain] = {}
    for setting, values in now.settings.items():
        old = before.settings.get(setting, {} if SETTINGS[setting].counts else values)
        changed = {name for name in {**old, **values} if old.get(name) != values.get(name)}
        if setting == "os.environ":
            changed |= named & values.keys()
        seen = known.setdefault(setting, set())
        seen |= changed
        for name in sorted(seen):
            value = values.get(name)
            _check(setting, name, value, todo)
            found.setdefault(setting, {})[name] = value
    return found


def _check(setting: str, name: str, value: Any, todo: str) -> None:
    """Raise for a value that cannot or must not be kept."""
    told = f"{setting}[{name!r}]" if setting == "os.environ" else f"{setting} ({name})"
    if setting == "os.environ" and is_secret_name(name):
        raise Uncacheable(f"{told} cannot be kept", "the cell sets it, and it is a secret", todo, path=setting)
    if not _is_plain(value):
        raise Uncacheable(f"{told} cannot be kept", f"the cell sets it to a {type(value).__name__}", todo, path=setting)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(_is_plain, value))
    return value is None or type(value) in (str, bool, int, float)


def make_again(kept: Mapping[str, Plain]) -> None:
    """Set what a kept run set. A library that is not loaded here is imported: the run had it."""
    import importlib

    for setting, values in kept.items():
        if setting in SETTINGS:
            importlib.import_module(SETTINGS[setting].package)
            SETTINGS[setting].write(dict(values))
