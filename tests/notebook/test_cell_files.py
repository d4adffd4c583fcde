"""Files that a cell reads count, in a real kernel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from notebook_kernels import Kernel

pytestmark = pytest.mark.kernel


def test_files_that_cells_read_count(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    kernel.run("from pathlib import Path\nimport pandas as pd")
    cells = {
        "open": "text = open('a.txt').read()\nprint(text)",
        "pathlib": "other = Path('a.txt').read_text()\nprint(other)",
        "awaits": "import asyncio\nthird = await asyncio.to_thread(Path('a.txt').read_text)\nprint(third)",
        "pandas": "n = pd.read_csv('a.txt', header=None)[0].tolist()\nprint(n)",
    }
    for content, verdicts in (("a", ["ran", "hit"]), ("b", ["ran", "hit"]), ("a", ["hit", "hit"])):
        (tmp_path / "a.txt").write_text(content)
        for name, code in cells.items():
            for wanted in verdicts:
                out = kernel.run(f"%%spot\n{code}")
                assert (out.status, out.verdict) == ("ok", wanted), (name, out.badge_text, out.traceback)
                assert content in out.text
    assert "reads" not in kernel.run("%%spot\nopen('nowhere.txt')").traceback


def test_a_changed_file_is_drift_under_a_given_key(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    (tmp_path / "a.txt").write_text("a")
    cell = "%%spot key=text-v1\ntext = open('a.txt').read()\nprint(text)"
    assert kernel.run(cell).verdict == "ran"
    (tmp_path / "a.txt").write_text("b")
    out = kernel.run(cell)
    assert (out.verdict, out.text) == ("hit", "a\n")
    assert "file a.txt" in str(out.badge), out.badge
    kernel.run("%spot accept text-v1")
    out = kernel.run(cell)
    assert (out.verdict, "a.txt" in str(out.badge.get("drift"))) == ("hit", False)


def test_patterns_and_files_are_options_of_a_cell(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    (tmp_path / "a.log").write_text("a")
    cell = "%%spot ignore=*.log files=prompt.txt\ntext = open('a.log').read()\nprint(text)"
    assert kernel.run(cell).verdict == "ran"
    (tmp_path / "a.log").write_text("b")
    assert kernel.run(cell).verdict == "hit"
    (tmp_path / "prompt.txt").write_text("there")
    assert kernel.run(cell).verdict == "ran"


WRITERS = {
    "pandas": "pd.DataFrame({'a': [1, 2]}).to_parquet('made')",
    "polars, in a folder of its own": (
        "Path('made').mkdir()\nfor i in range(2):\n    pl.DataFrame({'a': [i]}).write_csv(Path('made') / f'{i}.csv')"
    ),
    "pyarrow": "pq.write_table(pa.table({'a': [1]}), 'made')",
    "a writer of pyarrow": "with pq.ParquetWriter('made', pa.schema([])) as _w:\n    pass\ndel _w",
    "a class of C": "with pa.OSFile('made', 'wb') as _f:\n    _f.write(b'abc')\ndel _f",
    "a folder of parts": "pq.write_to_dataset(pa.table({'a': [1], 'b': ['x']}), 'made', partition_cols=['b'])",
    "SQL of DuckDB": "duckdb.sql(\"copy (select 1 as a) to 'made'\")",
    "a relation of DuckDB": "duckdb.sql('select 1 as a').write_csv('made')",
    "SQLite": "_c = sqlite3.connect('made')\n_c.execute('create table t(a)')\n_c.commit()\n_c.close()\ndel _c",
}  # fmt: skip


def test_files_that_libraries_write_in_c_or_rust_come_back(start: Callable[..., Kernel], tmp_path: Path) -> None:
    """A hit leaves the same files as a run, whoever wrote them."""
    kernel = start()
    kernel.run("import duckdb, sqlite3, pandas as pd, polars as pl, pyarrow as pa, pyarrow.parquet as pq")
    kernel.run("%load_ext spotmagic\nfrom pathlib import Path")
    place = tmp_path / "made"

    def found() -> dict[str, bytes]:
        paths = [place, *place.rglob("*")]
        return {str(one.relative_to(tmp_path)): one.read_bytes() for one in paths if one.is_file()}

    def remove() -> None:
        shutil.rmtree(place) if place.is_dir() else place.unlink()

    for name, code in WRITERS.items():
        out = kernel.run(f"%%spot\n{code}\nn = 1")
        assert (out.status, out.verdict, "stored" in out.badge_text) == ("ok", "ran", True), (name, out.badge_text)
        made = found()
        assert made, name
        remove()
        assert kernel.run(f"%%spot\n{code}\nn = 1").verdict == "hit", name
        assert found() == made, name
        remove()


def test_what_a_library_may_have_kept_of_a_file_is_not_written_again(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic\nimport sqlite3, pyarrow as pa, pyarrow.parquet as pq")
    kernel.run("c = sqlite3.connect('a.db')\nc.execute('create table t(a)')\nc.commit()\nc.close()\ndel c")
    fills = "_c = sqlite3.connect('a.db')\n_c.execute('insert into t values (1)')\n_c.commit()\n_c.close()\ndel _c"
    out = kernel.run(f"%%spot\n{fills}\nn = 1")
    assert "not stored: `a.db`" in out.badge_text, out.badge_text
    parts = "pq.write_to_dataset(pa.table({'a': [1], 'b': ['x']}), 'parts', partition_cols=['b'])"
    kernel.run(parts)
    out = kernel.run(f"%%spot\n{parts}\nn = 2")
    assert "not stored: `parts` cannot be kept: it was there before" in out.badge_text, out.badge_text
    out = kernel.run("%%spot\n_c = sqlite3.connect('open.db')\n_c.execute('create table t(a)')\nn = 3")
    assert "not stored: `_c` cannot be kept" in out.badge_text, out.badge_text


LINKS = {
    "os.symlink": "os.symlink('a.txt', 'link')",
    "pathlib": "from pathlib import Path\nPath('link').symlink_to('a.txt')",
    "a link to nowhere": "os.symlink('nowhere', 'link')",
    "a folder": "os.symlink('folder', 'link')\nn = sorted(os.listdir('link'))",
    "a link that is read": "os.symlink('a.txt', 'link')\nprint(open('link').read(), os.path.exists('link'))",
    "in a folder of its own": "os.makedirs('link/deep')\nos.symlink('../../a.txt', 'link/deep/er')",
    "made anew": "open('link', 'w').write('x')\nos.remove('link')\nos.symlink('a.txt', 'link')",
}


@pytest.mark.parametrize("body", LINKS.values(), ids=LINKS)
def test_links_that_a_cell_made_are_made_again(start: Callable[..., Kernel], tmp_path: Path, body: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "folder").mkdir()

    def links() -> dict[str, str]:
        return {str(one.relative_to(tmp_path)): str(one.readlink()) for one in tmp_path.rglob("*") if one.is_symlink()}

    kernel = start()
    kernel.run("import os, shutil")
    left = {}
    for wanted in ("ran", "hit"):
        out = kernel.run(f"%%spot\n{body}")
        assert (out.status, out.verdict) == ("ok", wanted), (out.badge_text, out.traceback)
        left[wanted] = links()
        for one in left[wanted]:
            (tmp_path / one).unlink()
        if (tmp_path / "link").is_dir():
            shutil.rmtree(tmp_path / "link")
    assert left["hit"] == left["ran"] and len(left["ran"]) == 1


def test_what_a_hit_could_not_do_with_links_is_refused(start: Callable[..., Kernel], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    kernel = start()
    kernel.run("import os")
    for body, why in (
        ("os.symlink('b.txt', 'link')\nopen('link', 'w').write('b')", "writes through it"),
        ("open('c', 'w').write('c')\nos.link('c', 'twin')", "several names"),
    ):
        out = kernel.run(f"%%spot\n{body}")
        assert out.status == "ok" and why in out.badge["reason"], out.badge_text
    body = "%%spot\nos.symlink('a.txt', 'other')"
    assert kernel.run(body).badge["stored"]
    (tmp_path / "other").unlink()
    (tmp_path / "other").write_text("mine")
    out = kernel.run(body)
    assert (out.status, out.ename) == ("error", "FileExistsError")
    assert (tmp_path / "other").read_text() == "mine"
