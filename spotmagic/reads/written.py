"""The files that a run wrote: kept beside its result, and written again where that is brought back.

A row is ``[path, way, content]``. What a run wrote anew is put there as a whole; what it added to a file is added
again, as an append asks nothing of what is there. A symbolic link is made again. A file that is
too large to keep must still be as the run left it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spotmagic.errors import Uncacheable
from spotmagic.reads.noting import CHILDS, LINK, REMOVED, THROUGH, UNSEEN, here, true_stat
from spotmagic.reads.paths import working_directory
from spotmagic.reads.stand_ins import true_open
from spotmagic.reads.supposed import changed

_scandir = os.scandir
_CHILDREN = re.compile(r"\b(get_ipython\(\)\.(system|getoutput)|subprocess|os\.system|Popen)\b")

MOST = 32 << 20  # bytes that are kept of all the files of one run
Row = list[Any]

_REFUSED: dict[int | None, str] = {
    CHILDS: "a program that the cell starts writes it",
    UNSEEN: "it was there before, and a library that is not seen at it wrote it or into it",
    THROUGH: "the cell makes a link and writes through it",
}
_OPEN = ("-wal", "-journal", ".wal")  # what SQLite and DuckDB put beside a file that they have not written whole


@contextmanager
def note_files(wrote: dict[str, int | None], source: str) -> Iterator[None]:
    """Around a run of this source: what it writes is put into ``wrote``, as :func:`keep` takes it.

    What child processes write nobody sees. So if it starts some, the working directory is looked at before and after.
    Others may have written there meanwhile, so nothing of that is written again: the cell is not kept. A path that the
    cell is told of may be written unseen by a native library: what is new there is kept.
    """
    folder = working_directory() if _CHILDREN.search(source) else ""
    before = _listing(folder)
    try:
        yield
    finally:
        now = _listing(folder)
        wrote.update(dict.fromkeys(before.keys() - now.keys(), REMOVED))
        wrote.update((path, CHILDS) for path, state in now.items() if before.get(path) != state)
        noting = here()
        if noting is not None:
            wrote.update((path, None if state is None else UNSEEN) for path, state in changed(noting).items())
            wrote.update(noting.wrote())


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
        wrote: the paths, each with the size of a file to which the run only added (:meth:`Noting.wrote`). Those below
            the working directory are kept as seen from there, and all that is in a folder which the run made.

    Raises:
        Uncacheable: the run removed a file that was there before, or let another process or a library write one unseen,
            or a database that it made is still open.
    """
    rows: list[Row] = []
    room, folder = MOST, working_directory() if wrote else ""
    for path, before in sorted({**_inside(wrote), **wrote}.items()):
        name = path[len(folder) :].lstrip(os.sep) if path.startswith(os.path.join(folder, "")) else path  # noqa: PTH118
        if (before == LINK or path not in wrote) and os.path.islink(path):  # noqa: PTH114
            rows.append([name, "link", os.readlink(path)])  # noqa: PTH115
            continue
        try:
            found = true_stat(path)
        except OSError:
            if before == REMOVED:
                raise Uncacheable(f"`{name}` cannot be kept", "the cell removes the file", path=name) from None
            continue  # the run took it away again
        if before in _REFUSED:
            raise Uncacheable(f"`{name}` cannot be kept", _REFUSED[before], path=name)
        if stat.S_ISDIR(found.st_mode):
            rows.append([name, "folder", b""])
            continue
        if not stat.S_ISREG(found.st_mode):
            continue
        if found.st_nlink > 1 and before is None:
            raise Uncacheable(f"`{name}` cannot be kept", "it is one of several names of a file", path=name)
        if any(os.path.exists(path + ending) for ending in _OPEN):  # noqa: PTH110
            raise Uncacheable(f"`{name}` cannot be kept", "it is a database that is open", "Close it", path=name)
        start = before if before is not None and 0 <= before <= found.st_size else None
        if found.st_size - (start or 0) > room:
            rows.append([name, "there", [found.st_size, found.st_mtime_ns]])
            continue
        with true_open(path, "rb") as file:
            file.seek(start or 0)
            content = file.read()
        room -= len(content)
        rows.append([name, "written" if start is None else "added", content])
    return rows


def _inside(wrote: Mapping[str, int | None]) -> dict[str, None]:
    """What is in the folders that the run made."""
    found: dict[str, None] = {}
    for top in (path for path, before in wrote.items() if before is None and os.path.isdir(path)):  # noqa: PTH112
        for folder, folders, names in os.walk(top):
            found.update(dict.fromkeys(os.path.join(folder, one) for one in (*folders, *names)))  # noqa: PTH118
    return found


def check(rows: Iterable[Row]) -> None:
    """Raise ``LookupError`` if a file that was too large to keep is not as the run left it, or no link can be made."""
    for path, way, content in rows:
        if way == "link" and os.path.lexists(path) and _target(path) != content:
            raise LookupError(f"`{path}` is there, and no link to `{content}`")
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
        if way == "link" and os.path.lexists(path):
            continue
        os.makedirs(path if way == "folder" else os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        if way == "added":
            with true_open(path, "ab") as file:
                file.write(content)
        elif way == "link":
            os.symlink(content, path)  # noqa: PTH211
        elif way == "written" and _content(path) != content:
            with true_open(path, "wb") as file:
                file.write(content)


def _target(path: str) -> str | None:
    return os.readlink(path) if os.path.islink(path) else None  # noqa: PTH114, PTH115


def _content(path: str) -> bytes | None:
    try:
        with true_open(path, "rb") as file:
            return bytes(file.read())
    except OSError:
        return None
