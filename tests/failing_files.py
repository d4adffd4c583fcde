"""Input and output that fails when told: the n-th operation on the files below a folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OPERATIONS = (
    "open", "read", "pread", "preadv", "write", "pwrite", "fsync", "fdatasync", "ftruncate", "fstat", "stat", "lstat",
    "listdir", "mkdir", "rename", "replace", "unlink", "link",
)  # fmt: skip


class GuardedFiles:
    """While it is entered, functions of ``os`` are guarded, as :meth:`_guarded` of a subclass says.

    Args:
        folder: files elsewhere are left alone.
    """

    names: tuple[str, ...]

    def __init__(self, folder: Path) -> None:
        self.folder = os.fsencode(folder)
        self._real: dict[str, Callable[..., Any]] = {}

    def __enter__(self) -> Self:
        for name in self.names:
            self._real[name] = getattr(os, name)
            setattr(os, name, self._guarded(name, self._real[name]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, real in self._real.items():
            setattr(os, name, real)

    def _guarded(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        raise NotImplementedError


class FailingFiles(GuardedFiles):
    """While it is entered, operations on files below a folder fail from the n-th on.

    A failing write writes half of its bytes first, as a full disk does.

    Args:
        folder: files elsewhere are left alone.
        fail_at: the first operation to fail, counted from 1; 0 for none, to count them only.
        times: how many fail.
        error: the ``errno`` they fail with.
        lose: raise :class:`Killed` instead and let nothing after it reach the disk, as when the process is killed.

    Attributes:
        count: operations so far.
    """

    names = OPERATIONS

    def __init__(
        self, folder: Path, fail_at: int = 0, *, times: int = 1 << 60, error: int = errno.ENOSPC, lose: bool = False
    ) -> None:
        super().__init__(folder)
        self.fail_at, self.times, self.error, self.lose = fail_at, times, error, lose
        self.count = 0

    def _guarded(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            if not args or not self._is_below(args[0]):
                return real(*args, **options)
            self.count += 1
            if not self.fail_at or not self.fail_at <= self.count < self.fail_at + self.times:
                return real(*args, **options)
            if name in ("write", "pwrite") and self.count == self.fail_at:
                real(args[0], memoryview(args[1])[: len(args[1]) // 2], *args[2:])
            if self.lose:
                raise Killed
            raise OSError(self.error, os.strerror(self.error), f"operation {self.count}: {name}")

        return guarded

    def _is_below(self, target: Any) -> bool:
        if isinstance(target, int):
            try:
                target = Path(f"/proc/self/fd/{target}").readlink()
            except OSError:
                return False
        elif not isinstance(target, str | bytes | os.PathLike):
            return False
        return os.fsencode(target).startswith(self.folder)


class Killed(BaseException):
    """Stands for the end of the process."""


class ReadOnlyFiles(GuardedFiles):
    """While it is entered, files below a folder can be read alone, as on a disk that is mounted so. Root included."""

    names = ("open", "mkdir", "rename", "replace", "unlink", "link", "ftruncate", "chmod", "access")

    def _guarded(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **options: Any) -> Any:
            target = args[0] if args else None
            if isinstance(target, str | bytes | os.PathLike) and os.fsencode(target).startswith(self.folder):
                if name == "access":
                    return not args[1] & os.W_OK and real(*args, **options)
                if name != "open" or args[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                    if name == "mkdir" and Path(os.fsdecode(target)).exists():
                        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
                    raise OSError(errno.EROFS, os.strerror(errno.EROFS), target)
            return real(*args, **options)

        return guarded
