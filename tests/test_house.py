"""The house stands: modules import only downwards, each heavy or dangerous import has one room, rooms stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import spotmagic

ROOT = Path(spotmagic.__file__).parent
RANKS = {
    "errors": 0, "options": 0, "clock": 0, "files": 0, "words": 0, "code": 1, "values": 2, "keys": 3, "codecs": 4,
    "store": 5, "limits": 5, "engine": 6, "catalog": 7, "spot": 8, "batch": 9, "jobs": 9, "wrap": 9, "notebook": 10,
    "dashboard": 10, "cli": 11,
}  # fmt: skip
SOLE_SITES = {
    "IPython": "notebook", "duckdb": "catalog", "anywidget": "dashboard", "ipywidgets": "dashboard", "obstore": "store",
    "pickle": "codecs/_pickle.py", "marshal": "codecs/functions.py", "redis": "limits",
}  # fmt: skip
DOORS = {("spot", "panel")}  # what a lower room may ask of the package's public names
MODULES = sorted(path for path in ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, str]]:
    """Every (module, name) a file imports when it runs, also inside functions; imports for types alone do not count."""
    found = []
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_lower_ranks(path: Path) -> None:
    here = room(path)
    if here in ("__init__", "__main__", "testing"):
        return
    for module, name in imports(path):
        if module == "spotmagic":
            target = name
            if (here, name) in DOORS:
                continue
        elif module.startswith("spotmagic."):
            target = module.split(".")[1]
        else:
            continue
        assert target == here or RANKS[target] < RANKS[here] or RANKS[here] == 0 == RANKS[target], (
            f"{here} imports {target}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_and_dangerous_imports_have_one_room(path: Path) -> None:
    where = str(path.relative_to(ROOT))
    for module, _ in imports(path):
        site = SOLE_SITES.get(module.split(".")[0])
        assert site is None or where == site or where.startswith(f"{site}/"), f"{where} imports {module}"


def test_every_room_has_a_rank() -> None:
    assert {room(path) for path in MODULES} <= {*RANKS, "__init__", "__main__", "testing"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_under_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 400


def test_public_names_are_the_written_ones() -> None:
    assert spotmagic.__all__ == [
        "KeyGen", "Limit", "Retry", "Spot", "current", "last", "load_ipython_extension", "panel", "register", "running",
        "unload_ipython_extension",
    ]  # fmt: skip
    for name in spotmagic.__all__:
        assert getattr(spotmagic, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'spot_'"):
        _ = spotmagic.spot_


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_loads_nothing_heavy() -> None:
    heavy = "duckdb anywidget ipywidgets IPython numpy pandas msgpack cloudpickle pickle obstore pyarrow redis"
    code = f"import sys, spotmagic; print([m for m in {heavy.split()!r} if m in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_a_hit_loads_neither_duckdb_nor_anywidget(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from spotmagic import Spot, last\n"
        f"spot = Spot('lean', root={str(tmp_path)!r})\n"
        "@spot.mark\n"
        "def double(x):\n"
        "    return 2 * x\n"
        "double(4)\n"
        "assert double(4) == 8 and last().verdict == 'hit'\n"
        "heavy = 'duckdb anywidget ipywidgets IPython numpy pandas cloudpickle pickle obstore pyarrow redis'.split()\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
