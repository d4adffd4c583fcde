"""Readers and writers that open files in C++ or Rust, past the ``open`` of Python: each notes its paths first.

They are put in place while something is noted, in modules that are loaded, and in those that get loaded meanwhile.
"""

from __future__ import annotations

import functools
import glob
import inspect
import linecache
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from spotmagic.reads import looks, standing

_POLARS = (
    "read_avro read_csv read_csv_batched read_delta read_excel read_ipc read_ipc_schema read_ipc_stream read_json "
    "read_ndjson read_ods read_parquet read_parquet_metadata read_parquet_schema scan_csv scan_delta scan_ipc "
    "scan_ndjson scan_parquet"
)
_DUCKDB = "connect execute from_csv_auto from_parquet from_query query read_csv read_json read_parquet sql"
READERS: Mapping[str, str] = {
    "pyarrow": "memory_map input_stream OSFile",
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
    "linecache": "getline getlines",
}
_PARQUET = "write_table write_metadata write_to_dataset ParquetWriter"
WRITERS: Mapping[str, str] = {
    "pyarrow": "output_stream",
    "pyarrow.parquet": _PARQUET,
    "pyarrow.parquet.core": _PARQUET,
    "pyarrow.csv": "write_csv",
    "pyarrow.feather": "write_feather",
    "pyarrow.orc": "write_table",
    "pyarrow.dataset": "write_dataset",
    "polars": (
        "DataFrame.write_avro DataFrame.write_csv DataFrame.write_excel DataFrame.write_ipc DataFrame.write_ipc_stream "
        "DataFrame.write_json DataFrame.write_ndjson DataFrame.write_parquet LazyFrame.sink_csv LazyFrame.sink_ipc "
        "LazyFrame.sink_ndjson LazyFrame.sink_parquet"
    ),
    "duckdb": (
        "DuckDBPyRelation.to_csv DuckDBPyRelation.to_parquet DuckDBPyRelation.write_csv DuckDBPyRelation.write_parquet"
    ),
    "cv2": "imwrite",
    "soundfile": "write",
    "pyogrio": "write_dataframe write_arrow",
    "safetensors.numpy": "save_file",
    "safetensors.torch": "save_file save_model",
}
TABLED = frozenset({*READERS, *WRITERS})
"""The modules that have some of them."""
_TARGETS = frozenset(
    {"where", "root_path", "output_file", "dest", "base_dir", "file", "path", "target", "source", "filename", "uri"}
)  # what writers call the path
_Way = Literal["reads", "makes", "asks", "writes"]  # one that makes reads, or makes what is not there; asks in SQL
_COPIED = re.compile(r"\bto\s+'((?:[^']|'')+)'", re.IGNORECASE)
_QUOTED = re.compile(r"'((?:[^']|'')+)'|\"([^\"]+)\"")
_MAKES = frozenset({"connect", "File", "open_file", "OSFile"})  # a file that is not there is made
_PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_LONGEST = 4096
_TRUE_SOURCE = inspect.findsource
_SHOWING = frozenset(map(id, (_TRUE_SOURCE, linecache.getline, linecache.getlines)))  # asked for tracebacks as well

_CALL = compile("__read__(*__args__, **__kwargs__)", "<reader>", "eval")

_Place = tuple[Any, str, Any, Any]  # a module or class, a name, the true function, and ours
_ready: dict[str, _Ready] = {}
_loaded: list[ModuleType] = []  # those of the table


def install() -> None:
    """Put the noting readers and writers in place."""
    for module in _loaded:
        place(module)


def arrived() -> None:
    """Look which modules of the table are loaded: for whoever sees that there are others than before."""
    _loaded[:] = [module for name in TABLED if (module := sys.modules.get(name)) is not None]


def remove() -> None:
    """Put back what was there. What stands in classes stays, and is what was there from now on."""
    swap([(ready.space, ready.ours, ready.true) for ready in _ready.values()])


def ours_for(value: Any) -> Any:
    """What notes in the place of a function that reads or writes, or None for any other."""
    if getattr(value, "__name__", "") not in _NAMES:
        return None
    modules = (sys.modules[name] for name in TABLED if name in sys.modules)
    ready = (_ready.get(module.__name__) or _made_ready(module) for module in modules)
    return next((ours for each in ready for true, ours in each.pairs() if true is value), None)


_NAMES = frozenset(
    name.rpartition(".")[2] for names in (*READERS.values(), *WRITERS.values()) for name in names.split()
)


class _Ready(NamedTuple):
    """What is to be put in place for a module: functions by name into its namespace, the others into classes."""

    space: dict[str, Any]
    true: dict[str, Any]
    ours: dict[str, Any]
    of_classes: dict[Any, dict[str, standing.Standing]]

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Each true function with ours."""
        yield from ((self.true[name], self.ours[name]) for name in self.true)
        yield from ((one.true, one.ours) for stand in self.of_classes.values() for one in stand.values())


def _made_ready(module: ModuleType) -> _Ready:
    places, of_classes = _places(module), dict[Any, dict[str, standing.Standing]]()
    for holder, name, true, ours in places:
        of_package = (
            getattr(holder, "__module__", "").partition(".")[0].lstrip("_") == module.__name__.partition(".")[0]
        )
        if of_package and (one := standing.stand(holder, name, true, ours)) is not None:
            of_classes.setdefault(holder, {})[name] = one
    functions = [place for place in places if place[0] is module]
    true, ours = ({place[1]: place[n] for place in functions} for n in (2, 3))
    return _Ready(vars(module), true, ours, of_classes)


Swap = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""A namespace, functions in it by name, and those that take their places."""


def swap(swaps: Iterable[Swap]) -> bool:
    """Put functions in the place of others. Returns whether all: somebody else may have put something there."""
    all_there = True
    for space, old, new in swaps:
        for name, one in old.items():
            if space.get(name) is one:
                space[name] = new[name]
            else:
                all_there = False
    return all_there


def place(module: ModuleType) -> None:
    """Put the readers of a module in place. Wrappers are made once, and anew where somebody changed what they wrap."""
    ready = _ready.get(module.__name__)
    if ready is not None and swap([(ready.space, ready.true, ready.ours)]):
        for holder, stand in ready.of_classes.items():
            if not stand.items() <= vars(holder).items():
                break
        else:
            return
    _ready[module.__name__] = ready = _made_ready(module)
    swap([(ready.space, ready.true, ready.ours)])


def _places(module: ModuleType) -> list[_Place]:
    name = module.__name__
    reads, writes = READERS.get(name, "").split(), WRITERS.get(name, "").split()
    way: _Way = "asks" if name == "duckdb" else "reads"
    found = [_of(module, one, "makes" if one in _MAKES else way) for one in reads]
    if name == "duckdb":
        found += [_of(getattr(module, "DuckDBPyConnection", None), one, "asks") for one in reads]
    for one in writes:
        owner, _, own = one.rpartition(".")
        found.append(_of(getattr(module, owner, None) if owner else module, own, "writes"))
    return [place for place in found if place is not None]


def _of(holder: Any, name: str, way: _Way) -> _Place | None:
    """A class is left in its place, so that everybody's checks hold: only how it is made is ours."""
    true = vars(holder).get(name) if holder is not None else None
    if isinstance(true, type) and true.__flags__ & _PYTHON_CLASS:
        holder, name = next(base for base in true.__mro__ if "__init__" in vars(base)), "__init__"
        true = vars(holder)[name]
    if isinstance(true, standing.Standing):
        return holder, name, true.true, true.ours
    if not callable(true) or getattr(true, "__code__", None) is CODE:
        return None
    ours = _wrapper(true, way)
    if isinstance(true, type):
        ours = _Maker(
            true.__name__,
            (true,),
            {"__doc__": true.__doc__, "__module__": true.__module__, "true": true, "make": staticmethod(ours)},
        )
    return holder, name, true, ours


class _Maker(type):
    """The class of what stands in for a class of C, into which nothing can be put: it makes objects of the true one."""

    true: type
    make: Callable[..., Any]

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.make(*args, **kwargs)

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, cls.true)


def _wrapper(true: Callable[..., Any], way: _Way) -> Callable[..., Any]:
    def read(*args: Any, **kwargs: Any) -> Any:
        if not standing.noting or (id(true) in _SHOWING and not _is_users(sys._getframe(1))):
            pass
        elif true is _TRUE_SOURCE:
            _tell_source(args[0] if args else None)
        elif way == "writes":
            _tell_written((*args[:3], *(kwargs[name] for name in _TARGETS & kwargs.keys())))
        else:
            _tell((*args[:3], *kwargs.values()), way)
        if way != "asks":
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
_MADE: Any = _Maker.__call__
CODES = frozenset({CODE, _CALL, _MADE.__code__})


def _is_users(frame: Any) -> bool:
    """Whether the user's code asks for a text that others ask for to show it.

    Packages ask for code, to give a step its name or to find what it imports, and so do we; tracebacks ask for lines.
    """
    while frame is not None and frame.f_globals.get("__name__") in ("inspect", "linecache"):
        frame = frame.f_back
    return frame is not None and looks.users(str(frame.f_globals.get("__name__")).partition(".")[0], frame) is not None


def _tell_source(code: Any) -> None:
    """Note the file of code whose text is asked for: its comments count nowhere else."""
    try:
        path = inspect.getfile(code)
    except (TypeError, OSError):
        return  # the true one says so
    if os.path.exists(path):  # noqa: PTH110
        standing.note(path)
    elif path in linecache.cache:
        standing.spoil(f"it reads the text of {getattr(code, '__qualname__', 'code')}, which is in no file")


def _tell_written(values: Iterable[Any]) -> None:
    """Note every file that the arguments of a writer name."""
    for value in values:
        if isinstance(value, str | os.PathLike) and _is_path(path := os.fspath(value)):
            standing.note_filled(path)


def _tell(values: tuple[Any, ...], way: _Way) -> None:
    """Note every file that the arguments of a reader name. Our trouble is never the reader's."""
    if way == "makes" and not {"w", "wb", "w-", "x"}.isdisjoint(value for value in values if isinstance(value, str)):
        _tell_written(values[:2])  # an object, and the path
        return
    for value in values:
        try:
            for one in value if isinstance(value, list | tuple) else (value,):
                if not isinstance(one, str | os.PathLike):
                    continue
                text = os.fsdecode(one)
                found = [text.removeprefix("file:").partition("?")[0] if text.startswith("file:") else text]
                if way == "asks":
                    copied = [path.replace("''", "'") for path in _COPIED.findall(text)]
                    _tell_written(copied)
                    found += [(a or b).replace("''", "'") for a, b in _QUOTED.findall(text)]
                    found = [path for path in found if path not in copied]
                for path in found:
                    _note_all(path, way)
                if way == "makes":
                    return  # what follows are options
        except (OSError, ValueError):
            continue


def _is_path(text: Any) -> bool:
    if not isinstance(text, str) or not text or len(text) > _LONGEST or text == ":memory:":
        return False
    return "\n" not in text and "\0" not in text and "://" not in text


def _note_all(path: str, way: _Way) -> None:
    """Note a file, every file of a folder, or what a pattern means now."""
    if not _is_path(path):
        return
    path = os.path.expanduser(path)  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        for one in sorted(Path(path).rglob("*")):
            if one.is_file():
                standing.note(os.fspath(one))
    elif os.path.exists(path):  # noqa: PTH110
        standing.note(path)
    elif glob.has_magic(path):
        for each in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207
            standing.note(each)
    elif way == "makes":
        standing.note_filled(path)
    elif way == "reads" and re.search(r"\.\w{1,8}$", path):
        standing.note(path)
