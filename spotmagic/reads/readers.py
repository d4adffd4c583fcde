"""Readers that open files in C++ or Rust, where no ``open`` of Python is passed: each notes its paths first.

They are put in place while something is noted, in modules that are loaded, and in those that get loaded meanwhile.
"""

from __future__ import annotations

import functools
import glob
import importlib.machinery
import inspect
import linecache
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from spotmagic.reads import looks

_POLARS = (
    "read_avro read_csv read_csv_batched read_delta read_excel read_ipc read_ipc_schema read_ipc_stream read_json "
    "read_ndjson read_ods read_parquet read_parquet_metadata read_parquet_schema scan_csv scan_delta scan_ipc "
    "scan_ndjson scan_parquet"
)
_DUCKDB = "connect execute from_csv_auto from_parquet from_query query read_csv read_json read_parquet sql"
READERS: Mapping[str, str] = {
    "pyarrow": "memory_map input_stream",
    "pyarrow.parquet": "read_table read_metadata read_schema read_pandas ParquetFile ParquetDataset",
    "pyarrow.parquet.core": "read_table read_metadata read_schema read_pandas ParquetFile ParquetDataset",
    "pyarrow.csv": "read_csv open_csv",
    "pyarrow.json": "read_json open_json",
    "pyarrow.feather": "read_table read_feather",
    "pyarrow.orc": "read_table ORCFile",
    "pyarrow.dataset": "dataset",
    "polars": _POLARS,
    "duckdb": _DUCKDB,
    "h5py": "File",
    "h5py._hl.files": "File",
    "tables": "open_file",
    "numpy.lib._datasource": "open",
    "cv2": "imread",
    "sqlite3": "connect",
    "sqlite3.dbapi2": "connect",
    "soundfile": "read",
    "pyogrio": "read_dataframe read_arrow read_info",
    "safetensors.numpy": "load_file",
    "safetensors.torch": "load_file",
    "xarray": "open_dataset open_dataarray open_zarr",
    "inspect": "findsource",
}
_QUOTED = re.compile(r"'((?:[^']|'')+)'|\"([^\"]+)\"")
_MAKES = frozenset({"connect", "File", "open_file"})  # a file that is not there is made
_LONGEST = 4096
_TRUE_SOURCE = inspect.findsource

_CALL = compile("__read__(*__args__, **__kwargs__)", "<reader>", "eval")

_ready: dict[str, list[tuple[Any, str, Any, Any, bool]]] = {}
_loaded: list[ModuleType] = []  # those of the table
_note: Callable[..., None] | None = None
_spoil: Callable[[str], None] | None = None


class _Arrivals:
    """Puts readers into a module of the table that is loaded while something is noted."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """The spec that the other finders give, whose loader tells us of the module."""
        if name not in READERS:
            return None
        for finder in list(sys.meta_path):
            look = getattr(finder, "find_spec", None)
            spec: importlib.machinery.ModuleSpec | None = (
                look(name, path, target) if look and finder is not self else None
            )
            if spec is not None:
                loader = spec.loader
                if loader is not None and hasattr(loader, "exec_module"):
                    spec.loader = _Loader(loader)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if _note is not None:
            _place(module)


_arrivals = _Arrivals()


def install(note: Callable[..., None], spoil: Callable[[str], None]) -> None:
    """Put the noting readers in place.

    Args:
        note: takes the path of a file, and ``missing=``.
        spoil: takes why what is read cannot be known.
    """
    global _note, _spoil
    _note, _spoil = note, spoil
    for module in _loaded:
        _place(module)
    sys.meta_path.insert(0, _arrivals)


def arrived() -> None:
    """Look which modules of the table are loaded: for whoever sees that there are others than before."""
    _loaded[:] = [module for name in READERS if (module := sys.modules.get(name)) is not None]


def remove() -> None:
    """Put back what was there."""
    global _note, _spoil
    _note = _spoil = None
    for places in _ready.values():
        for holder, name, true, ours, own in places:
            if vars(holder).get(name) is ours:
                if own:
                    setattr(holder, name, true)
                else:
                    delattr(holder, name)
    if _arrivals in sys.meta_path:
        sys.meta_path.remove(_arrivals)


def ours_for(value: Any) -> Any:
    """What notes in the place of a function that reads, or None for any other."""
    if getattr(value, "__name__", "") not in _NAMES:
        return None
    modules = (sys.modules[name] for name in READERS if name in sys.modules)
    places = (place for module in modules for place in _ready.get(module.__name__) or _places(module))
    return next((ours for _, _, true, ours, _ in places if true is value), None)


_NAMES = frozenset(name for names in READERS.values() for name in names.split())


def _place(module: ModuleType) -> None:
    """Put the readers of a module in place. Wrappers are made once, and anew where somebody changed what they wrap."""
    places = _ready.get(module.__name__)
    if places is None or not all(_put(*place) for place in places):
        _ready[module.__name__] = [place for place in _places(module) if _put(*place)]


def _places(module: ModuleType) -> list[tuple[Any, str, Any, Any, bool]]:
    name = module.__name__
    holders = [module, getattr(module, "DuckDBPyConnection", None)] if name == "duckdb" else [module]
    found = (_of(holder, one, name == "duckdb") for holder in holders for one in READERS[name].split())
    return [place for place in found if place is not None]


def _of(holder: Any, name: str, is_sql: bool) -> tuple[Any, str, Any, Any, bool] | None:
    """A class is left in its place, so that everybody's checks hold: only how it is made is ours."""
    true = vars(holder).get(name) if holder is not None else None
    makes = name in _MAKES or is_sql
    if isinstance(true, type):
        holder, name, true = true, "__init__", true.__init__  # type: ignore[misc]
    if not callable(true) or getattr(true, "__code__", None) is CODE:
        return None
    return holder, name, true, _wrapper(true, is_sql, makes), name in vars(holder)


def _put(holder: Any, name: str, true: Any, ours: Any, own: bool) -> bool:
    """Whether a wrapper stands in its place now."""
    known = vars(holder).get(name)
    if known is ours:
        return True
    if known is not (true if own else None):
        return False
    try:
        setattr(holder, name, ours)
    except (AttributeError, TypeError):  # a type of C: nothing can be put there
        return False
    return True


def _wrapper(true: Callable[..., Any], is_sql: bool, makes: bool) -> Callable[..., Any]:
    def read(*args: Any, **kwargs: Any) -> Any:
        if true is _TRUE_SOURCE:
            _tell_source(args[0] if args else None)
        elif _note is not None:
            _tell(_note, (*args[:3], *kwargs.values()), is_sql, makes)
        if not is_sql:
            return true(*args, **kwargs)
        caller = sys._getframe(1)  # SQL names variables of whoever asks
        names = {**caller.f_locals, "__read__": true, "__args__": args, "__kwargs__": kwargs}
        return eval(_CALL, caller.f_globals, names)

    try:
        functools.update_wrapper(read, true)
    except (AttributeError, TypeError):
        pass
    return read


CODE: Any = next(one for one in _wrapper.__code__.co_consts if getattr(one, "co_name", "") == "read")
CODES = frozenset({CODE, _CALL})


def _tell_source(code: Any) -> None:
    """Note the file of code whose text the user's code asks for: its comments count nowhere else.

    Packages ask too, to give a step its name or to find what it imports, and so do we, to show it.
    """
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "inspect":
        frame = frame.f_back
    if frame is None or looks.users(str(frame.f_globals.get("__name__")).partition(".")[0], frame) is None:
        return
    try:
        path = inspect.getfile(code)
    except (TypeError, OSError):
        return  # the true one says so
    if os.path.exists(path):  # noqa: PTH110
        if _note is not None:
            _note(path)
    elif path in linecache.cache and _spoil is not None:
        _spoil(f"it reads the text of {getattr(code, '__qualname__', 'code')}, which is in no file")


def _tell(note: Callable[..., None], values: tuple[Any, ...], is_sql: bool, makes: bool) -> None:
    """Note every file that the arguments of a reader name. Our trouble is never the reader's."""
    if makes and not {"w", "w-", "x"}.isdisjoint(value for value in values if isinstance(value, str)):
        return
    for value in values:
        try:
            for one in value if isinstance(value, list | tuple) else (value,):
                if not isinstance(one, str | os.PathLike):
                    continue
                text = os.fsdecode(one)
                found = [text.removeprefix("file:").partition("?")[0] if text.startswith("file:") else text]
                if is_sql:
                    found += [(a or b).replace("''", "'") for a, b in _QUOTED.findall(text)]
                for path in found:
                    _note_all(note, path, makes)
        except (OSError, ValueError):
            continue


def _note_all(note: Callable[..., None], path: str, makes: bool) -> None:
    """Note a file, every file of a folder, or what a pattern means now."""
    if not path or len(path) > _LONGEST or "\n" in path or "\0" in path or "://" in path or path == ":memory:":
        return
    path = os.path.expanduser(path)  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        for one in sorted(Path(path).rglob("*")):
            if one.is_file():
                note(os.fspath(one))
    elif os.path.exists(path):  # noqa: PTH110
        note(path)
    elif glob.has_magic(path):
        for each in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207
            note(each)
    elif not makes and re.search(r"\.\w{1,8}$", path):
        note(path)
