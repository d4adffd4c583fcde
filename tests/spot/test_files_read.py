"""Files that a call reads count: another content is another result, and the one before comes back with its file."""

from __future__ import annotations

import asyncio
import builtins
import functools
import gzip
import io
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from telling import reason, verdict

from spotmagic import Spot
from spotmagic.errors import OptionError, RecordMissing


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    with Spot("test", root=tmp_path / "kept") as spot:
        yield spot


READERS: dict[str, str] = {
    "open": "open('data.csv').read()",
    "pathlib": "pathlib.Path('data.csv').read_text()",
    "io": "io.open('data.csv').read()",
    "json": "json.load(open('data.json'))",
    "gzip": "gzip.open('data.gz').read()",
    "one line": "linecache.getline('data.csv', 2)",
    "all lines": "linecache.getlines('data.csv')",
    "bz2": "bz2.open('data.bz2').read()",
    "zip": "zipfile.ZipFile('data.zip').read('n')",
    "pandas csv": "int(pd.read_csv('data.csv').n.sum())",
    "pandas parquet": "int(pd.read_parquet('data.parquet').n.sum())",
    "pandas pickle": "int(pd.read_pickle('data.pkl').n.sum())",
    "polars csv": "pl.read_csv('data.csv')['n'].sum()",
    "polars lazily, a pattern": "pl.scan_parquet('*.parquet').collect()['n'].sum()",
    "arrow": "pq.read_table('data.parquet').to_pylist()",
    "arrow file": "pq.ParquetFile('data.parquet').read().to_pylist()",
    "arrow dataset": "ds.dataset('data.parquet').to_table().to_pylist()",
    "duckdb": "duckdb.sql(\"select sum(n) from 'data.csv'\").fetchall()",
    "duckdb connection": "duckdb.connect().execute(\"select sum(n) from read_csv('data.csv')\").fetchall()",
    "numpy": "np.load('data.npy').tolist()",
    "numpy text": "np.loadtxt('data.csv', skiprows=1).tolist()",
    "PIL": "Image.open('data.png').getpixel((0, 0))",
    "sqlite": "sqlite3.connect('data.db').execute('select n from t').fetchall()",
}
_SESSION = """
import bz2, gzip, io, json, linecache, pathlib, sqlite3, sys, zipfile
import duckdb, numpy as np, pandas as pd, polars as pl, pyarrow.dataset as ds, pyarrow.parquet as pq
from PIL import Image
from spotmagic import Spot, last

number = int(sys.argv[1])
frame = pd.DataFrame({"n": [number]})
frame.to_csv("data.csv", index=False)
frame.to_parquet("data.parquet")
frame.to_pickle("data.pkl")
pathlib.Path("data.json").write_text(json.dumps(number))
pathlib.Path("data.gz").write_bytes(gzip.compress(str(number).encode(), mtime=0))
pathlib.Path("data.bz2").write_bytes(bz2.compress(str(number).encode()))
with zipfile.ZipFile("data.zip", "w") as packed:
    packed.writestr(zipfile.ZipInfo("n"), str(number))
np.save("data.npy", np.array([number]))
Image.new("RGB", (1, 1), (number, 0, 0)).save("data.png")
pathlib.Path("data.db").unlink(missing_ok=True)
db = sqlite3.connect("data.db")
db.execute("create table t (n)")
db.execute("insert into t values (?)", (number,))
db.commit()
db.close()
spot, said = Spot("files", root="kept"), {}
for name, text in READERS.items():
    value = spot.mark(text)()
    said[name] = [repr(value), last().verdict, last().reason]
spot.close()
print(json.dumps(said))
"""


def _session(folder: Path, number: int) -> dict[str, list[str]]:
    path = folder / "session.py"
    functions = [f"def read_{place}():\n    return {text}" for place, text in enumerate(READERS.values())]
    table = ", ".join(f"{name!r}: read_{place}" for place, name in enumerate(READERS))
    beginning, end = _SESSION.split("spot, said =")
    path.write_text("\n".join([beginning, *functions, f"READERS = {{{table}}}", f"spot, said ={end}"]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path), str(number)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("files")
    return [_session(folder, number) for number in (1, 1, 2, 1, 2)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", READERS)
def test_another_content_is_another_result_over_processes(sessions: list[dict[str, list[str]]], name: str) -> None:
    one = [said[name] for said in sessions]
    assert [verdict for _, verdict, _ in one] == ["ran", "hit", "ran", "hit", "hit"], one
    assert "data." in one[2][2] and "changed" in one[2][2]
    assert one[0][0] == one[1][0] == one[3][0] != one[2][0] == one[4][0]


def test_a_file_that_appears_is_a_change(spot: Spot) -> None:
    @spot.mark
    def read() -> str:
        try:
            return Path("later.txt").read_text()
        except FileNotFoundError:
            return "none"

    assert [read(), read()] == ["none", "none"]
    Path("later.txt").write_text("there")
    assert read() == "there"
    assert reason() == "file `later.txt` changed"
    Path("later.txt").unlink()
    assert (read(), verdict()) == ("none", "hit")


def test_what_a_call_inside_reads_counts_for_the_call_around_it(spot: Spot) -> None:
    Path("a.txt").write_text("a")

    @spot.mark
    def inner() -> str:
        with open("a.txt") as file:  # noqa: PTH123
            return file.read()

    @spot.mark
    def outer() -> str:
        return inner() + "!"

    inner()  # so that outer meets a hit
    assert [outer(), verdict(), outer(), verdict()] == ["a!", "ran", "a!", "hit"]
    Path("a.txt").write_text("b")
    assert [outer(), verdict(), outer(), verdict()] == ["b!", "ran", "b!", "hit"]


def test_threads_of_a_run_are_noted(spot: Spot) -> None:
    Path("a.txt").write_text("a")

    @spot.mark
    def read() -> list[str]:
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(Path("a.txt").read_text()))
        thread.start()
        thread.join()
        return found

    read()
    Path("a.txt").write_text("b")
    assert read() == ["b"]


def test_an_async_call_notes_its_tasks_and_threads_and_no_others(spot: Spot) -> None:
    Path("a.txt").write_text("a")
    Path("b.txt").write_text("a")

    @spot.mark(price=1)
    async def read(name: str) -> str:
        await asyncio.sleep(0)
        return await asyncio.to_thread(Path(name).read_text)

    async def both() -> list[str]:
        return list(await asyncio.gather(read("a.txt"), read("b.txt")))

    asyncio.run(both())
    Path("a.txt").write_text("b")
    assert asyncio.run(both()) == ["b", "a"]
    assert spot.stats().price_paid == 3, "a, b, and a once more"


def test_a_file_that_the_run_wrote_is_no_input(spot: Spot) -> None:
    @spot.mark
    def work(text: str) -> str:
        Path("out.txt").write_text(text)
        return Path("out.txt").read_text()

    work("a")
    Path("out.txt").write_text("other")
    assert (work("a"), verdict()) == ("a", "hit")


def test_a_file_that_a_library_in_rust_or_c_wrote_is_no_input(spot: Spot) -> None:
    @spot.mark
    def work(number: int) -> int:
        pl.DataFrame({"a": [number]}).write_csv("out.csv")
        with pa.OSFile("out.bin", "wb") as file:
            file.write(b"a")
        assert isinstance(file, pa.OSFile)
        assert pa.OSFile("out.bin").read() == b"a"
        return int(pl.read_csv("out.csv")["a"][0])

    assert (work(1), verdict()) == (1, "ran")
    Path("out.csv").write_text("a\n7\n")
    assert (work(1), verdict()) == (1, "hit")
    assert type(pa.OSFile("out.bin")) is pa.OSFile


def test_a_class_of_c_that_reads_is_noted(spot: Spot) -> None:
    @spot.mark
    def read(folder: Path) -> bytes:
        return pa.OSFile(str(folder / "in.bin")).read()

    Path("in.bin").write_bytes(b"a")
    assert (read(Path.cwd()), verdict()) == (b"a", "ran")
    assert (read(Path.cwd()), verdict()) == (b"a", "hit")
    Path("in.bin").write_bytes(b"b")
    assert (read(Path.cwd()), verdict()) == (b"b", "ran")


def test_a_temporary_file_is_no_input(spot: Spot) -> None:
    @spot.mark
    def work() -> str:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("a")
            file.flush()
            return Path(file.name).read_text()

    assert [work(), work(), verdict()] == ["a", "a", "hit"]


KEEPS_OPEN = """
from io import open
def look():
    with open('kept.txt') as file:
        return file.read()
"""


def test_an_open_that_a_module_of_the_user_keeps_is_seen_and_given_back(
    spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a module that is loaded in the place of another one, so that there are no more than before."""
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("kept.txt").write_text("a")

    for text, expected in (("a", ["ran", "hit"]), ("b", ["ran", "hit"])):
        (tmp_path / "keeps_open.py").write_text(KEEPS_OPEN)
        monkeypatch.delitem(sys.modules, "keeps_open", raising=False)
        import keeps_open  # type: ignore[import-not-found]

        Path("kept.txt").write_text(text)
        seen = []
        for _ in range(2):
            assert spot.mark(keeps_open.look)() == text
            seen.append(verdict())
        assert seen == expected
        assert keeps_open.open is builtins.open


def test_a_file_that_is_read_and_written_is_refused_by_name(spot: Spot) -> None:
    Path("count.txt").write_text("1")

    @spot.mark
    def count() -> int:
        number = int(Path("count.txt").read_text()) + 1
        Path("count.txt").write_text(str(number))
        return number

    assert [count(), count()] == [2, 3]
    assert "not stored: changed `count.txt`" in reason()


def test_a_file_that_another_changes_meanwhile_is_refused_by_name(spot: Spot) -> None:
    Path("a.txt").write_text("a")

    @spot.mark
    def read() -> str:
        text = Path("a.txt").read_text()
        subprocess.run([sys.executable, "-c", "open('a.txt', 'w').write('long')"], check=True)
        return text

    read()
    assert "not stored: `a.txt` changed while it ran" in reason()


def test_ignore_takes_patterns_of_files_away_and_files_adds(spot: Spot) -> None:
    Path("a.log").write_text("a")
    Path("prompt.txt").write_text("a")

    @spot.mark(ignore="*.log", files=("prompt.txt", "not-there.txt"))
    def read() -> str:
        return Path("a.log").read_text()

    read()
    Path("a.log").write_text("b")
    assert (read(), verdict()) == ("a", "hit")
    Path("prompt.txt").write_text("b")
    assert (read(), reason()) == ("b", "file `prompt.txt` changed")
    Path("not-there.txt").write_text("")
    assert (read(), reason()) == ("b", "file `not-there.txt` changed")
    with pytest.raises(OptionError, match="nope"):
        spot.mark(ignore="nope")(lambda x: x)


def test_peek_replay_explain_and_forget_agree(spot: Spot) -> None:
    Path("a.txt").write_text("a")

    def read() -> str:
        return Path("a.txt").read_text()

    marked: Any = spot.mark(read)
    marked()
    Path("a.txt").write_text("b")
    with pytest.raises(RecordMissing, match=r"file `a.txt` changed"):
        marked.peek()
    spot.set_mode("replay")
    with pytest.raises(RecordMissing, match=r"file `a.txt` changed"):
        marked()
    spot.set_mode(None)
    assert marked.explain().reason == "file `a.txt` changed"
    assert marked() == marked.peek() == "b"
    Path("a.txt").write_text("a")
    assert marked.peek() == "a"
    assert marked.forget()
    assert (marked(), verdict()) == ("a", "ran")
    Path("a.txt").write_text("b")
    assert (marked(), verdict()) == ("b", "ran"), "every edition was forgotten"


def test_an_accepted_edit_keeps_its_files(spot: Spot) -> None:
    Path("a.txt").write_text("a")
    spaces: list[dict[str, Any]] = []
    for text in ("read_text()", "read_text(encoding=None)"):
        space: dict[str, Any] = {"__name__": "__main__"}
        Path("main.py").write_text(f"from pathlib import Path\ndef read():\n    return Path('a.txt').{text}\n")
        exec(compile(Path("main.py").read_text(), str(Path("main.py").absolute()), "exec"), space)
        spaces.append(space)
        marked = spot.mark(space["read"])
        if len(spaces) == 1:
            marked()
    assert marked.accept() == ["code"]  # type: ignore[attr-defined, unused-ignore]
    assert (marked(), verdict()) == ("a", "hit")
    Path("a.txt").write_text("b")
    assert (marked(), verdict()) == ("b", "ran")


def test_a_kept_error_hangs_on_its_files(spot: Spot) -> None:
    Path("a.txt").write_text("a")

    @spot.mark(errors=ValueError)
    def read() -> int:
        return int(Path("a.txt").read_text())

    for _ in range(2):
        with pytest.raises(ValueError, match="'a'"):
            read()
    assert verdict() == "hit"
    Path("a.txt").write_text("1")
    assert read() == 1


def test_open_is_as_it_was_when_nothing_runs(spot: Spot) -> None:
    true: tuple[Callable[..., Any], ...] = (builtins.open, io.open)
    taken: list[Any] = []

    @spot.mark
    def read() -> str:
        from io import open as mine

        taken.append(mine)
        return "a"

    read()
    assert (builtins.open, io.open) == true
    Path("a.txt").write_text("a")
    with taken[0]("a.txt") as file:
        assert file.read() == "a"


def test_a_users_error_shows_no_line_of_ours(spot: Spot) -> None:
    import traceback

    @spot.mark
    def read() -> str:
        return open("nowhere.txt").read()  # noqa: PTH123, SIM115

    with pytest.raises(FileNotFoundError) as caught:
        read()
    assert "reads/noting.py" not in "".join(traceback.format_tb(caught.value.__traceback__))


def test_files_of_packages_do_not_count(spot: Spot) -> None:
    @spot.mark
    def read() -> int:
        return len(Path(np.__file__).read_bytes()) + len(gzip.compress(b""))

    read()
    kept = spot.store.recent(spot.entries()[0].name)[0]
    assert not [name for name in kept.inputs if name.startswith("file ")]


def test_a_list_of_files_that_makes_no_sense_never_holds() -> None:
    from spotmagic.store.editions import unchanged

    for text in ("{", "[1]", "[[1, 2]]", '[["a\\u0000", 1, 1, 1, ""]]', '[["/dev/zero", 1, 1, 1, ""]]', "[" * 100_000):
        assert not unchanged(text)


def test_many_threads_run_and_read_at_once(spot: Spot) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(40):
        Path(f"{number}.txt").write_text("a")

    @spot.mark
    def read(number: int) -> str:
        return Path(f"{number}.txt").read_text()

    read(0)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(40))) == {"a"}
        Path("7.txt").write_text("b")
        assert list(pool.map(read, range(40))).count("b") == 1
        for entry in spot.store.recent(spot.entries()[0].name):
            assert len([name for name in entry.inputs if name.startswith("file ")]) == 1, "its own and no other's"


@functools.cache
def _prompt(name: str) -> str:
    return (Path() / f"{name}.txt").read_text()


def test_what_a_function_keeps_of_a_file_that_changed_is_not_stored_until_it_is_read_anew(spot: Spot) -> None:
    """A hit elsewhere would give what only this process still remembers."""
    _prompt.cache_clear()
    Path("kept.txt").write_text("one")

    @spot.mark
    def ask(question: str) -> str:
        return f"{_prompt('kept')} {question}"

    assert ask("a") == "one a"
    Path("kept.txt").write_text("two and more")
    assert ask("b") == "one b"
    assert "`kept.txt` changed since `_prompt` read it" in reason()
    _prompt.cache_clear()
    assert ask("b") == "two and more b"
    assert ask("c") == "two and more c"
    assert [ask("b"), verdict()] == ["two and more b", "hit"]
    assert [ask("c"), verdict()] == ["two and more c", "hit"]
    _prompt.cache_clear()


def test_a_module_that_finds_files_beside_it_is_none_of_them(
    spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Path(__file__).parent`` is a place: an edit elsewhere in the module pays for nothing again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "from pathlib import Path\n\ndef ask(x):\n    return (Path(__file__).parent / 'prompt.txt').read_text()\n"
    home = tmp_path / "beside_it.py"
    home.write_text(text)
    Path("prompt.txt").write_text("one")
    import beside_it  # type: ignore[import-not-found]

    ask = spot.mark(beside_it.ask)
    assert ask(1) == "one"
    home.write_text(f"{text}\ndef other():\n    return 1\n")
    assert (ask(1), verdict()) == ("one", "hit")
    Path("prompt.txt").write_text("two")
    assert (ask(1), verdict()) == ("two", "ran")
