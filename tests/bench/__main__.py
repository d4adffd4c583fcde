"""``make bench``: figures side by side with peers, as ratios, in one run.

``python -m tests.bench [table …]`` prints all tables or those named. Peers are installed into ``.venv-bench``, made on
first use with the newest Python found (one peer needs 3.12). ``SPOTMAGIC_BENCH_ENTRIES=100000`` makes the table of a
million entries a smaller one.
"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import peers

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv-bench"
TABLES = ("hits", "batches", "large", "fingerprints", "cells", "processes", "folding", "million", "panel", "limits")


def pythons() -> Iterator[str]:
    """Interpreters to try, the newest first."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in (14, 13, 12):
        name = f"python3.{minor}"
        yield from filter(None, [shutil.which(name)])
        yield from (str(path) for path in sorted(versions.glob(f"*/bin/{name}"), reverse=True))
    yield sys.executable


def works(python: str) -> bool:
    """Whether an interpreter starts and can make environments. (A shim may be there without its Python.)"""
    return subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def prepared() -> Path:
    """The Python of the environment with all peers, made when missing."""
    python, wanted = VENV / "bin" / "python", ROOT / "tests" / "bench" / "peers.txt"
    done = VENV / ".ready"
    asked = wanted.read_text() + (ROOT / "pyproject.toml").read_text()
    if done.exists() and done.read_text() == asked:
        return python
    if not python.exists():
        base = next(filter(works, pythons()))
        print(f"making {VENV.name} with {base}", flush=True)
        subprocess.run([base, "-m", "venv", VENV], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--editable", f"{ROOT}[redis]"], check=True)
    for line in wanted.read_text().splitlines():
        if line and not line.startswith("#") and subprocess.run([*install, line], check=False).returncode:
            print(f"{line} could not be installed and is left out", flush=True)
    done.write_text(asked)
    return python


def told() -> Iterator[str]:
    """What is compared, in which versions."""
    for name in peers.PEERS:
        try:
            yield f"{name} {peers.version(name)}"
        except Exception as error:
            yield f"{name}: left out ({type(error).__name__}: {error})"


def main(names: list[str]) -> None:
    """Print the tables of these names."""
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    print(", ".join(told()), flush=True)
    for name in names or TABLES:
        importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    wrong = [name for name in sys.argv[1:] if name not in TABLES]
    if wrong:
        sys.exit(f"no table {wrong[0]!r}; tables are {', '.join(TABLES)}")
    if Path(sys.prefix) != VENV:
        python = prepared()
        os.chdir(ROOT)
        for name in ("DATA", "STATE", "CACHE"):  # neither secret nor limit of the user is touched
            os.environ[f"XDG_{name}_HOME"] = str(VENV / "home")
        os.execv(python, [str(python), "-W", "ignore", "-m", "tests.bench", *sys.argv[1:]])
    main(sys.argv[1:])
