"""The house stands: modules import only downwards, each heavy or dangerous import has one room, rooms stay small."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import spotmagic
from spotmagic import originals

ROOT = Path(spotmagic.__file__).parent
RANKS = {
    "errors": 0, "hooks": 0, "options": 0, "clock": 0, "files": 0, "originals": 0, "rooms": 0, "words": 0,
    "threads": 0, "terminal": 0, "view": 0, "code": 1, "reads": 1, "values": 2,
    "keys": 3, "codecs": 4, "store": 5, "limits": 5, "engine": 6, "catalog": 7, "spot": 8, "batch": 9, "jobs": 9,
    "wrap": 9, "dashboard": 10, "commands": 11, "notebook": 12, "cli": 12,
}  # fmt: skip
SOLE_SITES = {
    "IPython": "notebook", "duckdb": "catalog", "anywidget": "dashboard", "ipywidgets": "dashboard", "obstore": "store",
    "pickle": "codecs/_pickle.py", "marshal": "codecs/functions.py", "redis": "limits",
    "cloudpickle": "jobs/shipment.py", "loky": "jobs/carrier.py", "distributed": "jobs/carrier.py",
}  # fmt: skip
MODULES = {path: ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imports(path: Path) -> list[tuple[str, str, bool]]:
    """What a file imports when it runs: module, name, and whether a function does so. Those for types do not count."""
    found, tree = [], MODULES[path]
    typing_only, late = set(), set()
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test):
            typing_only |= {id(node) for node in ast.walk(block)}
        elif isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef):
            late |= {id(node) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, "", id(node) in late) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name, id(node) in late) for alias in node.names]
    return found


def test_a_module_imports_only_from_lower_ranks() -> None:
    """A higher room is asked through its front (``from spotmagic import jobs``), by the function that needs it."""
    upwards = []
    for path in MODULES:
        here = room(path)
        for module, name, late in imports(path):
            package, _, rest = module.partition(".")
            through_the_front = late and not rest
            if here in ("__init__", "__main__", "testing") or package != "spotmagic" or through_the_front:
                continue
            target = rest.partition(".")[0] or name
            if target != here and RANKS[target] >= max(RANKS[here], 1):
                upwards.append(f"{path.relative_to(ROOT)} imports {target}")
    assert upwards == []


def test_heavy_and_dangerous_imports_have_one_room() -> None:
    elsewhere = []
    for path in MODULES:
        where = str(path.relative_to(ROOT))
        for module, *_ in imports(path):
            site = SOLE_SITES.get(module.split(".")[0])
            if site is not None and where != site and not where.startswith(f"{site}/"):
                elsewhere.append(f"{where} imports {module}")
    assert elsewhere == []


def test_what_notebooks_replace_is_not_called_where_cells_and_calls_pass() -> None:
    """``json.dumps`` may be anything by the time a cell is kept: :mod:`spotmagic.originals` has Python's own."""
    rooms = {name for name, rank in RANKS.items() if rank <= RANKS["spot"]} - {"catalog", "originals"} | {"notebook"}
    asked = [
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if room(path) in rooms and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if (node.value.id, node.attr) in {("json", "dumps"), ("json", "loads")}
        or (node.value.id == "time" and node.attr in originals.__all__)
    ]
    assert asked == []


def test_the_tables_are_asked_in_the_catalog_alone() -> None:
    asked = [
        f"{path.relative_to(ROOT)}: {node.value}"
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and room(path) != "catalog"
        and re.search(r"SELECT .*FROM (entries|inputs|usage|runs)", node.value, re.S)
    ]
    assert asked == []


def test_every_room_has_a_rank() -> None:
    assert {room(path) for path in MODULES} <= {*RANKS, "__init__", "__main__", "testing"}


def test_a_file_is_under_400_lines() -> None:
    assert [path.name for path in MODULES if len(path.read_text().splitlines()) >= 400] == []


def test_a_room_has_at_most_22_files() -> None:
    files = Counter(path.parent for path in MODULES if path.parent != ROOT)
    assert [f"{folder.name}: {count}" for folder, count in files.items() if count > 22] == []


def test_no_two_classes_and_no_three_functions_have_one_name() -> None:
    classes: dict[str, list[str]] = {}
    functions: dict[str, list[str]] = {}
    for path, tree in MODULES.items():
        for node in tree.body:
            where = str(path.relative_to(ROOT))
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(where)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                functions.setdefault(node.name, []).append(where)
    assert {name: files for name, files in classes.items() if len(files) > 1} == {}
    assert {name: files for name, files in functions.items() if len(files) > 2} == {}


def test_public_names_are_the_written_ones() -> None:
    assert spotmagic.__all__ == [
        "Batch", "Job", "KeyGen", "Limit", "Retry", "Service", "Source", "Spot", "current", "last",
        "load_ipython_extension", "panel", "register", "running", "unload_ipython_extension",
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


def test_the_files_and_names_of_architecture_are_there() -> None:
    text = (ROOT.parent / "ARCHITECTURE.md").read_text()
    files = set(re.findall(r"`((?!tests)[a-z_]+/[a-z_/]+\.py)`", text))
    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).exists()] == []
    for file, name in re.findall(r"`([a-z_]+/[a-z_]+\.py)` `(\w+)`", text):
        assert f"def {name}(" in (ROOT / file).read_text(), (file, name)


def test_every_row_of_the_threat_table_has_a_test_file_with_a_control() -> None:
    """SECURITY.md says what is promised, and each file of tests/security first shows that the naive way fails."""
    here = Path(__file__).parent
    rows = re.findall(r"^\| (\d+) \|", (here.parent / "SECURITY.md").read_text(), re.MULTILINE)
    files = sorted((here / "security").glob("test_*.py"))
    assert [int(row) for row in rows] == list(range(1, 21)) == [int(path.name[5:7]) for path in files]
    without = [path.name for path in files if not re.search(r'"""[^"]*\bcontrol\b', path.read_text())]
    assert without == []
