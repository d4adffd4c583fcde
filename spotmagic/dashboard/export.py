"""Entries into an archive, as the command line writes it: a file beside the notebook, or a download of the page."""

from __future__ import annotations

import os
import secrets
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from spotmagic import files, words
from spotmagic.errors import OptionError, SpotError
from spotmagic.store.archive import write_archive
from spotmagic.store.transfer import Transfer

STEP = 1 << 18
HELD = 2  # downloads that wait to be fetched
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """An archive that was written.

    Attributes:
        name: of its file.
        text: what was written and where, in a sentence.
        ticket: where the page's server has it for download, or empty.
    """

    name: str
    text: str
    ticket: str = ""


class Beside:
    """Archives in the working directory, which is where a notebook lies. What is there is never replaced."""

    def write(self, transfer: Transfer, keys: list[bytes], name: str) -> ExportedFile:
        """Write the entries of keys to a new file.

        Raises:
            OptionError: the name is none for a new file.
            SpotError: it could not be written.
        """
        path = Path.cwd() / _file_name(name)
        try:
            os.close(files.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))  # nobody takes the name meanwhile
        except FileExistsError:
            raise OptionError(f"{path.name} is there already", todo="Say another name") from None
        except OSError as error:
            raise _unwritten(path.name, error) from error
        try:
            count, size = _write(path, transfer, keys, path.name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return ExportedFile(path.name, f"{_what(count, len(keys), size)} in {path}.")


class Download(NamedTuple):
    """An archive to be fetched: the open file, and what it is called."""

    file: BinaryIO
    name: str


class Downloads:
    """Archives that wait to be fetched. They lie in the spot's folder without a name, and are gone once they were."""

    def __init__(self) -> None:
        self._waiting: dict[str, Download] = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._waiting)

    def write(self, transfer: Transfer, keys: list[bytes], name: str) -> ExportedFile:
        """The same into a file that :meth:`take` gives once."""
        name = _file_name(name)
        path = transfer.folder / f"export-{secrets.token_hex(8)}.tmp"
        try:
            count, size = _write(path, transfer, keys, name)
            file = path.open("rb")
        finally:  # the open file outlasts its name, and is gone with this process at the latest
            with suppress(OSError):
                path.unlink(missing_ok=True)
        ticket = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._waiting) >= HELD:
                self._waiting.pop(next(iter(self._waiting))).file.close()
            self._waiting[ticket] = Download(file, name)
        return ExportedFile(name, f"{_what(count, len(keys), size)} in {name}, for your browser to keep.", ticket)

    def take(self, ticket: str) -> Download | None:
        """The file of a ticket and its name, once; it is the caller's to close."""
        with self._lock:
            return self._waiting.pop(ticket, None)


Exports = Beside | Downloads
"""Where archives go."""


def _close(waiting: dict[str, Download]) -> None:
    for download in waiting.values():
        download.file.close()


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file, which is closed at the end."""
    with file:
        while data := file.read(STEP):
            yield data


def _write(path: Path, transfer: Transfer, keys: list[bytes], name: str) -> tuple[int, int]:
    """Write an archive. Returns how many entries are in it, and its size."""
    if not keys:
        raise SpotError("nothing was exported", "no result fits", "Choose some, or show others")
    try:
        count = write_archive(path, transfer, keys)
        size = path.stat().st_size
    except OSError as error:
        raise _unwritten(name, error) from error
    if not count:
        path.unlink(missing_ok=True)
        raise SpotError("nothing was exported", "what was chosen is damaged, gone or refused", "Choose other results")
    return count, size


def _what(count: int, chosen: int, size: int) -> str:
    left = chosen - count
    out = f" ({left:,} left out: damaged, gone or refused)" if left else ""
    return f"{words.results(count)}{out}, {words.size(size)},"


def _unwritten(name: str, error: OSError) -> SpotError:
    why = error.strerror or str(error)
    return SpotError(f"{name} was not written", why, "Nothing of it is left; make room or give the right to write")


def _file_name(name: str) -> str:
    """A name that is one file's, with the ending of an archive.

    Raises:
        OptionError: it leads elsewhere, is hidden, or cannot be shown.
    """
    name = name.strip()
    fits = name and len(name.encode()) <= _LONGEST and name[0] not in ".-~"
    if not fits or not name.isprintable() or set(name) & set("/\\:"):
        raise OptionError("that cannot name the file", todo="Say a name without a folder, such as results.zip")
    return name if Path(name).suffix else f"{name}.zip"
