"""Which files count. Those of the system, of Python, of packages and of caches say nothing of the user."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

# Where tools keep caches and settings of their own: matplotlib writes the list of fonts in the first run that draws.
_OF_TOOLS = (
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
)  # fmt: skip
_IN_HOME = (".cache", ".config", ".ipython", ".jupyter", ".local/share/jupyter", ".matplotlib")
_spots: set[str] = set()


def leave_out(folder: Path) -> None:
    """Never note files in a folder: it is ours."""
    _spots.add(os.path.join(os.path.abspath(folder), ""))  # noqa: PTH118, PTH100


def whole_path(path: Any) -> str | None:
    """The whole path of a file that counts. Files of the system, of Python, of packages and of caches do not."""
    if isinstance(path, int) or not isinstance(path, str | bytes | os.PathLike):
        return None
    try:
        where = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
    except Exception:  # the true ``open`` says what is wrong with it
        return None
    return None if where.startswith((*_elsewhere(working_directory()), *_spots)) or ".spotmagic" in where else where


def working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted
        return os.sep


@functools.lru_cache(maxsize=16)
def _elsewhere(folder: str) -> tuple[str, ...]:
    home = os.path.expanduser("~")  # noqa: PTH111
    packages = [*sysconfig.get_paths().values(), *_site_packages()]
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()]
    kept = [one for one in prefixes if (one in packages and "packages" in one) or not _is_in(folder, one)]
    said = [os.environ.get(name) for name in _OF_TOOLS]
    own = [*(os.path.abspath(one) for one in said if one), *(f"{home}/{one}" for one in _IN_HOME)]  # noqa: PTH100
    system = ["/dev", "/proc", "/sys", "/etc", "/usr/lib", "/usr/share", "/usr/local/lib"]
    return tuple({os.path.join(one, "") for one in [*kept, *_site_packages(), *own, *system]})  # noqa: PTH118


def _site_packages() -> list[str]:
    return [one for one in sys.path if one.endswith(("site-packages", "dist-packages"))]


def _is_in(folder: str, other: str) -> bool:
    return folder.startswith(os.path.join(other, ""))  # noqa: PTH118
