"""What can go wrong with the file of a catalog, sorted by what is to be done about it."""

from __future__ import annotations

import errno
import os
import re

import duckdb

_LOCKED = re.compile(
    r"Could not set lock|Conflicting lock|[Uu]nique file handle conflict|different configuration|already attached"
)
_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")
_NUMBERS = ["ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "EMFILE", "ENFILE", "ESTALE", "EIO"]
_MACHINE = tuple(os.strerror(getattr(errno, name)) for name in _NUMBERS if hasattr(errno, name))


class CatalogError(Exception):
    """The catalog cannot be used as it is. Answered inside this room, never raised to callers."""


class Busy(CatalogError):
    """Another program or kernel has the catalog. The text says which."""


class Unusable(CatalogError):
    """The disk, the rights or the memory do not allow a catalog now."""


class Damaged(CatalogError):
    """The file is not a catalog of this version."""


def sorted_out(error: duckdb.Error) -> Busy | Unusable | Damaged:
    """Which kind of trouble an error of DuckDB with a file of ours is."""
    text = str(error)
    if _LOCKED.search(text):
        holder = _HOLDER.search(text)
        return Busy(
            f"{holder[1]} (PID {holder[2]}) has it open"
            if holder
            else f"this process (PID {os.getpid()}) has it open elsewhere"
        )
    if isinstance(error, duckdb.OutOfMemoryException) or any(reason in text for reason in _MACHINE):
        return Unusable(text.splitlines()[0])
    return Damaged(text.splitlines()[0])


def is_damage(error: duckdb.Error) -> bool:
    """Whether an error of a query tells of the file, and not of the query."""
    kinds = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
    return (type(error) is duckdb.Error or isinstance(error, kinds)) and isinstance(sorted_out(error), Damaged)


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is how DuckDB tells of Ctrl-C."""
    return isinstance(error, duckdb.InterruptException) or (type(error) is RuntimeError and "interrupted" in str(error))
