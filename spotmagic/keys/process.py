"""What results depend on although no code names it: settings of libraries, the locale, the time zone, as they are now.

A setting counts where it is not the default, for code that uses its library and for arguments of it. Who looks at it
again asks for its *state* alone, which is quick to have.
"""

from __future__ import annotations

import ast
import contextlib
import decimal
import enum
import functools
import locale
import os
import re
import sys
import time
import types
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spotmagic.code.normal import parse
from spotmagic.code.origin import is_user_module
from spotmagic.code.texts import may_be_paths
from spotmagic.errors import Uncacheable
from spotmagic.keys import environment, patched
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.owned import Read
from spotmagic.values.encode import Encoder
from spotmagic.values.notes import Mask, Notes, is_secret_name

Plain = dict[str, Any]
NUMPY = {
    "edgeitems": 3, "threshold": 1000, "floatmode": "maxprec", "precision": 8, "suppress": False, "linewidth": 75,
    "nanstr": "nan", "infstr": "inf", "sign": "-", "legacy": False,
}  # fmt: skip
ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_TORCH = {
    "get_default_dtype": "torch.float32", "get_default_device": "cpu", "get_float32_matmul_precision": "highest",
    "is_grad_enabled": "True", "are_deterministic_algorithms_enabled": "False",
}  # fmt: skip
_POLARS = {
    "set_fmt_float": "mixed", "set_thousands_separator": "", "set_decimal_separator": ".",
    "set_trim_decimal_zeros": False,
}  # fmt: skip
_OF_BACKENDS = re.compile(r"backend|interactive|webagg\.|figure\.max_open_warning|date\.epoch|timezone")
_BY_LANGUAGE = ("LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY")
_LOCAL = frozenset({"localtime", "mktime", "ctime", "fromtimestamp", "timestamp", "astimezone", "tzname", "altzone"})
_BY_LOCALE = re.compile(r"f''\('[^']*n'\)|:[^:{}]*n\}|, '[^']*n'\)|%[aAbBcxXp]")
LOCAL_TIME, LOCAL_NUMBERS = "local time", "local numbers"
"""What code uses like a library, by the words in it."""


class Setting(NamedTuple):
    """Settings of one library.

    Attributes:
        package: they exist where this is loaded.
        users: the libraries, as :func:`used_by` names them, whose results depend on it.
        read: those that differ from the defaults.
        state: what they are read from, quick to have: what equals a copy of it reads alike.
    """

    package: str
    users: frozenset[str]
    read: Callable[[], Plain]
    state: Callable[[], Any]


def _differing(now: Mapping[str, Any], usual: Mapping[str, Any]) -> Plain:
    return {name: now[name] for name, default in usual.items() if name in now and now[name] != default}


def _numpy_state() -> Any:
    held = sys.modules.get("numpy._core.printoptions")
    return sys.modules["numpy"].get_printoptions() if held is None else held.format_options.get()


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


def _rc() -> Plain:
    mpl = sys.modules["matplotlib"]
    now = ((name, dict.get(mpl.rcParams, name), default) for name, default in _rc_defaults())
    return {name: _rc_text(value) for name, value, default in now if value != default}


def _rc_text(value: Any) -> Any:
    """A setting as style files write it: enums and cyclers are classes of their own."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    return f"cycler{value.by_key()}" if type(value).__name__ == "Cycler" else value


@functools.lru_cache(maxsize=1)
def _rc_defaults() -> tuple[tuple[str, Any], ...]:
    defaults = dict.items(sys.modules["matplotlib"].rcParamsDefault)
    return tuple((name, value) for name, value in defaults if not _OF_BACKENDS.match(name))


def _context() -> Any:
    now = decimal.getcontext()
    traps = [one for one, on in now.traps.items() if on]
    return now.prec, now.rounding, now.Emin, now.Emax, now.capitals, now.clamp, traps


def _decimal() -> Plain:
    now, usual = decimal.getcontext(), decimal.DefaultContext
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    found = {name: getattr(now, name) for name in names if getattr(now, name) != getattr(usual, name)}
    traps = sorted(kind.__name__ for kind, on in now.traps.items() if on)
    return found | (
        {"traps": traps} if traps != sorted(kind.__name__ for kind, on in usual.traps.items() if on) else {}
    )


def _torch_state() -> Plain:
    torch = sys.modules["torch"]
    return {name: str(getattr(torch, name)()) for name in _TORCH if hasattr(torch, name)}


def _held_in(module: str, name: str) -> Callable[[], Any]:
    """The table in which a library keeps its settings, as it is."""
    return lambda: getattr(sys.modules[module], name)


def _answer_of(module: str, name: str) -> Any:
    """What a function of a library answers."""
    return getattr(sys.modules[module], name)()


@functools.lru_cache(maxsize=8)
def as_written(module: str, name: str) -> Plain:
    """The plain values of a table in the text of its module."""
    found: Plain = {}
    for node in parse(Path(sys.modules[module].__file__ or "").read_text("utf-8")).body:
        table = getattr(node, "value", None)
        if isinstance(table, ast.Dict) and any(getattr(one, "id", "") == name for one in ast.walk(node)):
            for key, value in zip(table.keys, table.values, strict=True):
                with contextlib.suppress(ValueError):  # it asks the environment
                    found[ast.literal_eval(key or value)] = ast.literal_eval(value)
    return found


def _polars_state() -> Any:
    direct = getattr(sys.modules["polars.config"], "_POLARS_CFG_DIRECT_VARS", {})
    return [getattr(os.environ, "_data", None), *(ask() for ask in direct.values())]


def _polars() -> Plain:
    said = sys.modules["polars.config"].Config.state(if_set=True)
    return {name: value for name, value in said.items() if value is not None and value != _POLARS.get(name)}


def _raising() -> Plain:
    """The filters that make an error of a warning. Those of a test are its runner's."""
    if "PYTEST_CURRENT_TEST" in os.environ:
        return {}
    found = [[pattern_text(m), f"{k.__module__}:{k.__qualname__}", pattern_text(n), line]
             for action, m, k, n, line in warnings.filters if action == "error" and isinstance(k, type)]  # fmt: skip
    return {"filters": found} if found else {}


def pattern_text(pattern: Any) -> Any:
    """What a filter of warnings looks for, as text: Python keeps it compiled, others as it was given."""
    return getattr(pattern, "pattern", pattern)


def _locale() -> Plain:
    now = {name: locale.setlocale(getattr(locale, name)) for name in _BY_LANGUAGE}
    return _differing(now, dict.fromkeys(_BY_LANGUAGE, "C"))


def _zone() -> Plain:
    if time.timezone == time.altzone == 0 and time.tzname[0] in ("UTC", "GMT"):
        return {}
    return {"names": list(time.tzname), "offsets": [time.timezone, time.altzone]}


def _setting(package: str, read: Callable[[], Plain], state: Callable[[], Any], *users: str) -> Setting:
    return Setting(package, frozenset(users or (package.partition(".")[0],)), read, state)


def _differing_from(usual: Plain, package: str, state: Callable[[], Any]) -> Setting:
    """Settings that are kept as a table, with these defaults."""
    return _setting(package, lambda: _differing(state(), usual), state)


def _written(module: str, table: str, state: Callable[[], Any]) -> Setting:
    """Settings whose defaults stand in a table in the text of the library."""
    return _setting(module, lambda: _differing(state(), as_written(module, table)), state)


COUNTED: Mapping[str, Setting] = {
    "numpy print options": _setting(
        "numpy", lambda: _differing(sys.modules["numpy"].get_printoptions(), NUMPY), _numpy_state
    ),
    "numpy errors": _differing_from(ERRORS, "numpy", functools.partial(_answer_of, "numpy", "geterr")),
    "pandas options": _setting("pandas._config.config", _pandas, _held_in("pandas._config.config", "_global_config")),
    "rcParams": _setting("matplotlib", _rc, lambda: list(dict.values(sys.modules["matplotlib"].rcParams))),
    "decimal context": _setting("decimal", _decimal, _context),
    "torch defaults": _differing_from(_TORCH, "torch", _torch_state),
    "scikit-learn configuration": _written(
        "sklearn._config", "_global_config", functools.partial(_answer_of, "sklearn", "get_config")
    ),
    "xarray options": _written("xarray.core.options", "OPTIONS", _held_in("xarray.core.options", "OPTIONS")),
    "polars configuration": _setting("polars.config", _polars, _polars_state),
    "precision of mpmath": _differing_from({"prec": 53}, "mpmath", lambda: {"prec": sys.modules["mpmath"].mp.prec}),
    "locale": _setting("locale", _locale, lambda: locale.setlocale(locale.LC_ALL), "locale", LOCAL_NUMBERS),
    "time zone": _setting("time", _zone, lambda: (time.tzname, time.timezone), LOCAL_TIME),
    "warnings that raise": _setting("warnings", _raising, lambda: warnings.filters, "warnings", "numpy"),
}
"""The settings that results depend on."""
_USERS = frozenset(user for setting in COUNTED.values() for user in setting.users)


def counted_for(packages: frozenset[str]) -> tuple[str, ...]:
    """The settings that count for who uses these libraries, of libraries that are not loaded too."""
    return _counted_for(packages, len(sys.modules))


@functools.lru_cache(maxsize=1024)
def _counted_for(packages: frozenset[str], _: int) -> tuple[str, ...]:
    users = frozenset().union(*map(_used_by, packages))
    return tuple(name for name, setting in COUNTED.items() if not setting.users.isdisjoint(users))


_last: dict[str, tuple[Any, Plain]] = {}


def now(name: str) -> Plain:
    """A setting as it is now, where it is not the default. What cannot be read today has none."""
    setting = COUNTED[name]
    if setting.package not in sys.modules:
        return {}
    try:
        state = setting.state()
        known = _last.get(name)
        if known is None or known[0] != state:
            _last[name] = known = copied(state), setting.read()  # libraries change their tables in place
        return known[1]
    except Exception:  # a library that is being imported, or whose settings are found elsewhere today
        return {}


def copied(state: Any) -> Any:
    """What a state was, for one that is changed in place."""
    if isinstance(state, dict):
        return {name: copied(value) for name, value in state.items()}
    return [copied(one) for one in state] if type(state) is list else state


def words_used(words: Collection[str], text: str) -> Iterator[str]:
    """What code uses by the words and the text in it, beside the libraries that it names.

    ``to_pandas``, ``toPandas`` and ``from_numpy`` tell of the library.
    """
    if not _LOCAL.isdisjoint(words):
        yield LOCAL_TIME
    if "strftime" in words or _BY_LOCALE.search(text):
        yield LOCAL_NUMBERS
    named = "\n".join(words).lower()
    yield from (user for user in _USERS if user in named)


def _used_by(package: str) -> frozenset[str]:
    """A library, and those with settings that stand in its modules, as pandas does in those of seaborn."""
    found: set[str] = set()
    inside = f"{package}."
    own = package in sys.stdlib_module_names or is_user_module(package)
    for name, module in () if own else sys.modules.copy().items():
        if name == package or name.startswith(inside):
            held = list(getattr(module, "__dict__", {}).values())
            found |= {one.__name__.partition(".")[0] for one in held if type(one) is types.ModuleType}
    return frozenset((found - sys.stdlib_module_names | {package}) & _USERS)


def beside(packages: set[str], known: set[str], names: Collection[str]) -> list[tuple[str, Any]]:
    """What counts of the libraries of arguments beside those of the code: settings, and what was put into classes."""
    more = frozenset(packages - known)
    if not more:
        return []
    own = counted_for(frozenset(known))
    found = {f"settings {name}": now(name) for name in counted_for(more) if name not in own}
    put = [(f"{base.__qualname__}.{name}", value) for base, name, value in patched.put_in(more, names)]
    return [(name, values) for name, values in found.items() if values] + put


class WalkInputs:
    """The inputs of one walk.

    Attributes:
        values: what was found, in order.
        paths: texts in code and values that may be paths of files.
    """

    def __init__(self, encoder: Encoder, guards: Guards, notes: Notes, mask: Mask | None) -> None:
        self.values: list[Read] = []
        self.paths: set[str] = set()
        self._encoder, self._guards, self._notes, self.mask = encoder, guards, notes, mask
        self._labels: set[str] = set()

    def label(self, label: str) -> str:
        """A label that nothing else has."""
        count, unique = 1, label
        while unique in self._labels:
            count += 1
            unique = f"{label} ({count})"
        self._labels.add(unique)
        return unique

    def value(self, label: str, path: str, value: Any, own: bool) -> None:
        """Count a value. Raises Uncacheable for one without a fingerprint."""
        if path.rpartition(".")[2] != "__file__":  # which says where other files lie
            self.paths |= may_be_paths([value])
        try:
            packed = self._encoder.pack(value, path)
        except Uncacheable as error:
            raise Uncacheable(error.what, f"{error.why} ({label})", error.todo, path=error.path) from None
        if is_secret_name(path.rpartition(".")[2]) and isinstance(value, str | bytes):
            packed = self._masked(packed)
        else:
            self._guards.live(value, packed)
        self.values.append(Read(self.label(label), packed, own))

    def once(self, label: str, make: Callable[[], Any]) -> None:
        """Count what hangs on the process, not on a name."""
        if label not in self._labels:
            self.value(label, label, make(), False)

    def variable(self, name: str) -> None:
        """Count a variable of the environment."""
        label = f"env {name}"
        if label in self._labels:
            return
        environment.guard(self._guards, name)
        packed = self._encoder.pack(os.environ.get(name), name)
        packed = self._masked(packed) if is_secret_name(name) else packed
        self.values.append(Read(self.label(label), packed, False))

    def settings(self) -> None:
        """Count the settings of the libraries that were reached."""
        for name in counted_for(frozenset(self._notes.packages)):
            setting = COUNTED[name]
            if setting.package not in sys.modules:
                self._guards.name(sys.modules, setting.package, MISSING)
                continue
            values = now(name)
            self._guards.state(setting.state, copied(setting.state()))  # a copy: libraries change theirs in place
            if values:
                self.values.append(Read(self.label(f"settings {name}"), self._encoder.pack(values, name), False))

    def _masked(self, packed: bytes) -> bytes:
        self._notes.secret = True
        return self.mask(packed) if self.mask else packed
