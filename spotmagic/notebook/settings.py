"""What of the process a cell may change beside the notebook: its environment, its paths, settings of libraries.

A change is judged by what it is, not by how it was made, so one through a helper counts as well. Plain ones are kept
and made again on a hit; those that outputs depend on (print options, rcParams) are inputs of later cells too.
"""

from __future__ import annotations

import ast
import functools
import io
import os
import re
import sys
import warnings
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from spotmagic.code.origin import is_user_module
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.keys.process import COUNTED, ERRORS, LOCAL_TIME, NUMPY, Plain, as_written, now, pattern_text, words_used
from spotmagic.originals import dumps, loads
from spotmagic.reads import variables
from spotmagic.values.notes import is_secret_name

_FOLDER = re.compile(r"^(os\.)?chdir\(|^get_ipython\(\)\.run_line_magic\('(cd|pushd|popd)'", re.MULTILINE)
_WRITTEN = re.compile(
    r"environ\[['\"](\w+)['\"]\] = |environ\.(?:setdefault|pop)\(['\"](\w+)|putenv\(['\"](\w+)|env', '(\w+)[= ]"
)


class Setter(NamedTuple):
    """How the settings of one library are made again.

    Attributes:
        package: they exist where this is loaded.
        read: those that differ from the defaults; values that are not plain make a cell that changes them refused.
        write: sets some of them; None stands for the default.
    """

    package: str
    read: Callable[[], Plain]
    write: Callable[[Plain], None]

    @classmethod
    def of(cls, name: str, write: Callable[[Plain], None]) -> Self:
        """Of settings that results depend on."""
        return cls(COUNTED[name].package, functools.partial(now, name), write)


def _set_pandas(values: Plain) -> None:
    config = sys.modules["pandas._config.config"]
    for name, value in values.items():
        config.set_option(name, config._registered_options[name].defval if value is None else value)


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


def _set_environment(values: Plain) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _set_paths(values: Plain) -> None:
    """Those that the run added; what else this process has stays."""
    kept = values["path"] or []
    sys.path[:] = [*(one for one in kept if one not in sys.path and one == kept[0]), *sys.path]
    sys.path += [one for one in kept if one not in sys.path]


def _filters() -> Plain:
    """The filters of warnings with their places, counted from the last: a new one comes before all others."""
    return {text: place for place, text in enumerate(map(_filter_text, reversed(warnings.filters)))}


@functools.lru_cache(maxsize=1024)
def _filter_text(one: tuple[Any, ...]) -> str:
    action, message, kind, module, line = one
    return dumps([action, pattern_text(message), _name(kind), pattern_text(module), line])


def _name(kind: Any) -> Any:
    return f"{kind.__module__}:{kind.__qualname__}" if isinstance(kind, type) else [_name(one) for one in kind]


def _set_filters(values: Plain) -> None:
    held = {_filter_text(one): one for one in warnings.filters}
    set_first = sorted((text for text in values if values[text] is not None), key=lambda text: -values[text])
    made = [held.get(text) or _filter(text) for text in set_first]
    stays = [one for text, one in held.items() if text not in values]
    warnings.filters[:] = [*(one for one in made if one is not None), *stays]  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _filter(text: str) -> tuple[Any, ...] | None:
    """The filter, as ``filterwarnings`` makes it; None where its class is not there."""
    action, message, kind, module, line = loads(text)
    home, _, name = kind.partition(":") if isinstance(kind, str) else ("", "", "")
    found = getattr(sys.modules.get(home), name, None) if name else None
    patterns = message and re.compile(message, re.IGNORECASE), module and re.compile(module)
    return found and (action, patterns[0], found, patterns[1], line)


def _drawing() -> Plain:
    """Whether the notebook's way of drawing is there: it registers what shows a figure that is a cell's result."""
    return {"loaded": True} if "matplotlib_inline.backend_inline" in sys.modules else {}


def _set_drawing(values: Plain) -> None:
    if values.get("loaded") and not _drawing():
        import matplotlib.pyplot as plt

        plt.switch_backend(sys.modules["matplotlib"].get_backend())


def _shown() -> Plain:
    """Whether a cell shows its figures when it ends: not after ``plt.ioff()``. Only where the notebook draws them."""
    matplotlib: Any = sys.modules["matplotlib"] if _drawing() else None
    # Asked as a plain dict: matplotlib itself would choose a way of drawing where none is chosen.
    draws = matplotlib is not None and "inline" in str(dict.__getitem__(matplotlib.rcParams, "backend"))
    return {"shown": False} if draws and not matplotlib.is_interactive() else {}


def _set_shown(values: Plain) -> None:
    sys.modules["matplotlib"].interactive(values["shown"] is None)


def _set_decimal(values: Plain) -> None:
    decimal = sys.modules["decimal"]
    context, usual = decimal.getcontext(), decimal.DefaultContext
    for name, value in values.items():
        if name == "traps":
            on = [kind.__name__ for kind, trapped in usual.traps.items() if trapped] if value is None else value
            context.traps.update({kind: kind.__name__ in on for kind in context.traps})
        else:
            setattr(context, name, getattr(usual, name) if value is None else value)


def _levels() -> Plain:
    manager = sys.modules["logging"].root.manager
    loggers = {"": manager.root, **manager.loggerDict}
    return {name: one.level for name, one in loggers.items() if getattr(one, "level", 0)}


def _set_levels(values: Plain) -> None:
    for name, level in values.items():
        sys.modules["logging"].getLogger(name).setLevel(level or 0)


def _handlers() -> Plain:
    """The handlers of loggers, which nothing plain can stand for; those of packages apart, made by their import."""
    logging = sys.modules["logging"]
    loggers = {"root": logging.root, **logging.root.manager.loggerDict}
    return {
        name: tuple(found)
        for name, one in loggers.items()
        if (found := [each for each in getattr(one, "handlers", ()) if type(each) is not logging.NullHandler])
        and (((home := name.partition(".")[0]) not in sys.modules and home != "bokeh") or is_user_module(home))
    }


def _records() -> Plain:
    """How much the handlers of loggers hold: records in their lists, and text in a stream of memory."""
    logging = sys.modules["logging"]
    found: Plain = {}
    for name, one in {"root": logging.root, **logging.root.manager.loggerDict}.items():
        for handler in getattr(one, "handlers", ()):
            home = type(handler).__module__
            if home.partition(".")[0] != "logging" and not is_user_module(home):
                continue  # a package's own, such as dask's
            held = [len(each) for each in vars(handler).values() if isinstance(each, list | dict | deque)]
            stream = getattr(handler, "stream", None)
            held += [stream.tell()] if isinstance(stream, io.StringIO) and not stream.closed else []
            if any(held):
                found[name] = (*found.get(name, ()), handler, *held)
    return found


def _set_handlers(values: Plain) -> None:
    for name in values:  # only what a cell took away is kept
        sys.modules["logging"].getLogger(name).handlers.clear()


def _callbacks() -> Plain:
    """The user's functions that IPython calls: at its events, on the text and tree of each cell, to show values."""
    if (shell := sys.modules["IPython"].get_ipython()) is None:
        return {}
    lists = {**shell.events.callbacks, "ast": shell.ast_transformers}
    lists |= {name: getattr(shell, f"input_transformers_{name}", ()) for name in ("cleanup", "post")}
    for mime, formatter in shell.display_formatter.formatters.items():
        lists |= {f"{mime} of {kind.__qualname__}": (one,) for kind, one in formatter.type_printers.items()}
    # What `init_printing` puts in is the user's.
    of_users = functools.cache(lambda home: is_user_module(home) or home == "sympy.interactive.printing")

    def is_users(callback: Any) -> bool:
        return of_users(getattr(callback, "__module__", None) or type(callback).__module__)

    found = {name: tuple(filter(is_users, held)) for name, held in lists.items()}
    return {name: held for name, held in found.items() if held}


def _set_callbacks(values: Plain) -> None:
    """Nothing: what a cell took away, a later cell finds taken away only where it was put in under the spot."""


def _set_locale(values: Plain) -> None:
    locale = sys.modules["locale"]
    for name, value in values.items():
        locale.setlocale(getattr(locale, name.replace("all", "LC_ALL")), value or "C")


def _by_keywords(package: str, word: str, usual: Callable[[], Plain]) -> Callable[[Plain], None]:
    """Sets what a function of a package takes by name: ``numpy.seterr(divide="raise")``.

    Args:
        usual: gives the defaults.
    """

    def write(values: Plain) -> None:
        given = {name: usual()[name] if value is None else value for name, value in values.items()}
        getattr(sys.modules[package], word)(**given)

    return write


SETTINGS: Mapping[str, Setter] = {
    "os.environ": Setter("os", variables.now, _set_environment),
    "sys.path": Setter("sys", lambda: {"path": list(sys.path)}, _set_paths),
    "warnings": Setter("warnings", _filters, _set_filters),
    "recursion limit": Setter(
        "sys", lambda: {"limit": sys.getrecursionlimit()}, lambda now: sys.setrecursionlimit(now["limit"])
    ),
    "levels of loggers": Setter("logging", _levels, _set_levels),
    "handlers of loggers": Setter("logging", _handlers, _set_handlers),
    "records of loggers": Setter("logging", _records, lambda _: None),  # what a cell logs into them is not kept
    "disabled logging": Setter(
        "logging",
        lambda: {"level": sys.modules["logging"].root.manager.disable},
        lambda now: sys.modules["logging"].disable(now["level"] or 0),
    ),
    "callbacks of IPython": Setter("IPython", _callbacks, _set_callbacks),
    "characters of the locale": Setter(
        "locale", lambda: {"LC_CTYPE": sys.modules["locale"].setlocale(sys.modules["locale"].LC_CTYPE)}, _set_locale
    ),
    "drawing": Setter("matplotlib.pyplot", _drawing, _set_drawing),
    "figures": Setter("matplotlib.pyplot", _shown, _set_shown),
    "IPython formatter": Setter("IPython", _shell, _set_shell),
    "locale": Setter.of("locale", _set_locale),
    "numpy errors": Setter.of("numpy errors", _by_keywords("numpy", "seterr", lambda: ERRORS)),
    "decimal context": Setter.of("decimal context", _set_decimal),
    "numpy print options": Setter.of("numpy print options", _by_keywords("numpy", "set_printoptions", lambda: NUMPY)),
    "pandas options": Setter.of("pandas options", _set_pandas),
    "rcParams": Setter.of("rcParams", _set_rc),
    "scikit-learn configuration": Setter.of(
        "scikit-learn configuration",
        _by_keywords("sklearn", "set_config", lambda: as_written("sklearn._config", "_global_config")),
    ),
    "xarray options": Setter.of(
        "xarray options", _by_keywords("xarray", "set_options", lambda: as_written("xarray.core.options", "OPTIONS"))
    ),
    "warnings that raise": Setter.of("warnings that raise", lambda _: None),  # they are among the warnings
}


def counted(words: Collection[str]) -> dict[str, Plain]:
    """The settings that outputs depend on, as they are now.

    Args:
        words: names in the code of the cell.
    """
    local = LOCAL_TIME in words_used(words, "")
    names = [name for name, one in COUNTED.items() if one.package in sys.modules and (local or name != "time zone")]
    return {name: now(name) for name in names} | _read(["IPython formatter", "figures"])


def prints(now: Mapping[str, Plain]) -> dict[str, bytes]:
    """Fingerprints of settings, where they are not the defaults, as inputs."""
    return {f"settings {name}": fingerprint(values, path=name) for name, values in now.items() if values}


@dataclass(frozen=True, slots=True)
class Process:
    """The process at one moment."""

    folder: str
    settings: Mapping[str, Plain]


def process() -> Process:
    """The process as it is now."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - a path is of no use here
    except OSError:  # it was removed
        folder = ""
    return Process(folder, {name: now(name) for name in COUNTED} | _read(SETTINGS.keys() - COUNTED.keys()))


def _read(names: Collection[str]) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for name, setting in SETTINGS.items():
        if name in names and setting.package in sys.modules:
            try:
                found[name] = setting.read()
            except Exception:  # a library that is being imported, or whose settings are found elsewhere today
                continue
    return found


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
        old = before.settings.get(setting, {})
        changed = {name for name in {**old, **values} if old.get(name) != values.get(name)}
        if setting == "os.environ":
            changed |= named & values.keys()
        seen = known.setdefault(setting, set())  # of this cell's runs: one that sets it again differs from nothing
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
    if setting not in SETTINGS:
        raise Uncacheable(f"{told} cannot be kept", "the cell sets it, and a hit would not", todo, path=setting)
    if not _is_plain(value):
        kind = type(value[0] if isinstance(value, tuple) else value).__name__
        raise Uncacheable(f"{told} cannot be kept", f"the cell sets it to a {kind}", todo, path=setting)


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
