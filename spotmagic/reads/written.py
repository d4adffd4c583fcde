"""The files that a run wrote: kept beside its result, and written again where that is brought back.

A row is ``[path, way, content]``. What a run wrote anew is put there as a whole; what it added to a file is added
again, as an append asks nothing of what is there. A file that is too large to keep must still be as the run left it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spotmagic.errors import Uncacheable
from spotmagic.reads.noting import REMOVED, true_stat, wrote_here
from spotmagic.reads.stand_ins import true_open

_scandir = os.scandir
_CHILDREN = re.compile(r"\b(get_ipython\(\)\.(system|getoutput)|subprocess|os\.system|Popen)\b")

MOST = 32 << 20  # bytes that are kept of all the files of one run
CHILDS = -2  # in the place of a size: a child process wrote the file
Row = list[Any]


@contextmanager
def note_files(wrote: dict[str, int | None], source: str) -> Iterator[None]:
    """Around a run of this source: what it writes is put into ``wrote``, as :func:`keep` takes it.

    What child processes write nobody sees. So if it starts some, the working directory is looked at before and after.
    Others may have written there meanwhile, so nothing of that is written again: the cell is not kept.
    """
    folder = _working_directory() if _CHILDREN.search(source) else ""
    before = _listing(folder)
    try:
        yield
    finally:
        now = _listing(folder)
        wrote.update(dict.fromkeys(before.keys() - now.keys(), REMOVED))
        wrote.update((path, CHILDS) for path, state in now.items() if before.get(path) != state)
        wrote.update(wrote_here())


def _listing(folder: str) -> dict[str, tuple[int, int]]:
    try:
        with _scandir(folder) as found:
            return {one.path: (one.stat().st_size, one.stat().st_mtime_ns) for one in found if _counts(one)}
    except OSError:
        return {}


def _counts(found: os.DirEntry[str]) -> bool:
    """Whether it is a file. Notebooks are saved at any moment."""
    return found.is_file() and not found.name.endswith(".ipynb")


def keep(wrote: Mapping[str, int | None]) -> list[Row]:
    """What was written, as rows.

    Args:
        wrote: the paths, each with the size of a file to which the run only added (:func:`noting.wrote_here`). Those
            below the working directory are kept as seen from there.

    Raises:
        Uncacheable: the run removed a file that was there before, or let another process write one.
    """
    rows: list[Row] = []
    room, folder = MOST, _working_directory() if wrote else ""
    for path, before in sorted(wrote.items()):
        name = path[len(folder) :].lstrip(os.sep) if path.startswith(os.path.join(folder, "")) else path  # noqa: PTH118
        try:
            found = true_stat(path)
        except OSError:
            if before == REMOVED:
                raise Uncacheable(f"`{name}` cannot be kept", "the cell removes the file", path=name) from None
            continue  # the run took it away again
        if stat.S_ISDIR(found.st_mode):
            rows.append([name, "folder", b""])
            continue
        if not stat.S_ISREG(found.st_mode):
            continue
        start = before if before is not None and 0 <= before <= found.st_size else None
        if before == CHILDS:
            raise Uncacheable(f"`{name}` cannot be kept", "a program that the cell starts writes it", path=name)
        if found.st_size - (start or 0) > room:
            rows.append([name, "there", [found.st_size, found.st_mtime_ns]])
            continue
        with true_open(path, "rb") as file:
            file.seek(start or 0)
            content = file.read()
        room -= len(content)
        rows.append([name, "written" if start is None else "added", content])
    return rows


def check(rows: Iterable[Row]) -> None:
    """Raise ``LookupError`` if a file that was too large to keep is not as the run left it."""
    for path, way, content in rows:
        if way == "there":
            try:
                found = true_stat(path)
            except OSError:
                raise LookupError(f"file `{path}` is gone") from None
            if [found.st_size, found.st_mtime_ns] != content:
                raise LookupError(f"file `{path}` changed")


def write_again(rows: Iterable[Row], *, added: bool) -> None:
    """Write files as the run did: those that it wrote anew, or those that it ``added`` to."""
    for path, way, content in rows:
        if way == "there" or (way == "added") is not added:
            continue
        os.makedirs(path if way == "folder" else os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        if way == "added":
            with true_open(path, "ab") as file:
                file.write(content)
        elif way == "written" and _content(path) != content:
            with true_open(path, "wb") as file:
                file.write(content)


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted
        return os.sep


def _content(path: str) -> bytes | None:
    try:
        with true_open(path, "rb") as file:
            return bytes(file.read())
    except OSError:
        return None
