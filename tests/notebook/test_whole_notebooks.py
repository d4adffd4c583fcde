"""Notebooks run from top to bottom by nbclient, and cells that somebody else kept."""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from notebook_kernels import Kernel, environment

pytestmark = pytest.mark.kernel


def notebook(*cells: str) -> Any:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in ("%load_ext spotmagic", *cells)])


def execute(book: Any, folder: Path, home: Path) -> Any:
    book = nbformat.from_dict(book)
    client = NotebookClient(book, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    return client.execute(env=environment(home))


def outputs(book: Any) -> list[list[Any]]:
    """What the notebook shows, badges apart."""
    shown = []
    for cell in book.cells:
        kept = [dict(each) for each in cell.outputs if "spotmagic" not in each.get("metadata", {})]
        shown.append([{k: v for k, v in each.items() if k != "execution_count"} for each in kept])
    return shown


def verdicts(book: Any) -> list[str]:
    return [
        each.metadata["spotmagic"]["verdict"]
        for cell in book.cells
        for each in cell.outputs
        if "spotmagic" in each.get("metadata", {})
    ]


BOOK = notebook(
    "import pandas as pd\ndef clean(df):\n    return df.assign(b=df.a * 2)",
    "%%spot\ndf = pd.DataFrame({'a': [1, 2, 3]})\nprint(len(df), 'rows')\ndf",
    "%%spot key=clean-v1\nimport sys\ntidy = clean(df)\nprint('cleaned', file=sys.stderr)\ntidy.describe()",
    "%spot quiet\nimport asyncio\nasync def embed(x):\n    await asyncio.sleep(0.01)\n    return [x, x + 1]\nvectors = await asyncio.gather(*[embed(x) for x in tidy.b])\nvectors",
    "%%spot\nhandle = display('starting', display_id=True)\nfor i in range(3):\n    handle.update(f'{i + 1}/3')\ntotal = sum(map(sum, vectors))\nprint('total', total)",
    "%%time\n%%spot\nbest = tidy.b.max()",
    "best, total",
)


def test_the_second_run_in_a_fresh_kernel_runs_nothing_and_shows_the_same(tmp_path: Path, own_home: Path) -> None:
    first, second = (execute(BOOK, tmp_path, own_home) for _ in range(2))
    assert verdicts(first) == ["ran"] * 4
    assert verdicts(second) == ["hit"] * 4
    for number, (one, other) in enumerate(zip(outputs(first), outputs(second), strict=True)):
        if number != 6:  # %%time tells another time
            assert one == other, number


def test_an_error_stops_the_run(tmp_path: Path, own_home: Path) -> None:
    book = notebook("%%spot\nopen('before', 'w').close()\n1/0", "open('after', 'w').close()")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(book, tmp_path, own_home)
    assert (tmp_path / "before").exists() and not (tmp_path / "after").exists()


def test_of_somebody_elses_cell_only_text_and_pictures_show(tmp_path: Path) -> None:
    """Two people, one folder: values without code in them are shared, outputs cannot run script."""
    body = "%%spot\nfrom IPython.display import HTML\nx = {'a': [1, 2]}\nprint('text')\ndisplay(HTML('<script>alert(1)</script>'))\nx"
    mine, theirs = (Kernel(tmp_path, environment(tmp_path / name)) for name in ("me", "them"))
    try:
        assert mine.run(body).badge["stored"]
        output = theirs.run(body)
        assert (output.verdict, theirs.value("x")) == ("hit", "{'a': [1, 2]}")
        assert "script" not in str([m["content"] for m in output.messages])
        assert ("stdout", "text\n") in output.log
        assert ("execute_result", {"text/plain": "{'a': [1, 2]}"}) in output.log
    finally:
        mine.close()
        theirs.close()


def test_somebody_elses_pickle_is_not_loaded(tmp_path: Path) -> None:
    body = "%%spot\nimport fractions, collections\nclass A: pass\nx = A(); x.n = 5\ny = collections.Counter('aab')"
    mine, theirs = (Kernel(tmp_path, environment(tmp_path / name)) for name in ("me", "them"))
    try:
        assert mine.run(body).badge["stored"]
        output = theirs.run(body)
        assert output.verdict == "ran" and "foreign" in output.badge["reason"]
    finally:
        mine.close()
        theirs.close()


def test_a_result_that_does_not_come_back_is_made_again(start: Callable[..., Kernel], tmp_path: Path) -> None:
    """The class that the kept value needs is gone from its module."""
    (tmp_path / "shapes.py").write_text("class Point:\n    def __init__(self, x): self.x = x\n")
    body = "%%spot\nimport shapes\np = getattr(shapes, 'Point', dict)(x=1)"
    assert start().run(body).badge["stored"]
    (tmp_path / "shapes.py").write_text("other = 1\n")
    fresh = start()
    output = fresh.run(body)
    assert (output.status, output.verdict) == ("ok", "ran")
    assert fresh.value("p") == "{'x': 1}"


def test_options_of_the_engine_reach_it(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run("import spotmagic\ntries = []")
    body = "%%spot ignore=tries price={lambda r: r * 2} retry={spotmagic.Retry(attempts=3, wait=0, on=OSError)}\ntries.append(1)\nif len(tries) < 3: raise OSError('busy')\n5"
    output = kernel.run(body)
    assert output.status == "ok", output.traceback
    assert (output.verdict, output.badge["price"], kernel.value("len(tries)")) == ("ran", 10.0, "3")
    hit = kernel.run(body)
    assert (hit.verdict, hit.badge["saved_price"]) == ("hit", 10.0)
    expired = (
        kernel.run("%%spot ttl=50ms\na = 1")
        and kernel.run("import time; time.sleep(0.1)")
        and kernel.run("%%spot ttl=50ms\na = 1")
    )
    assert expired.verdict == "ran" and "expired" in expired.badge["reason"]


def test_rates_on_a_cell_pace_it(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run("%%spot name=paced rpm=20\nx = 1")
    waited = kernel.run("%%spot name=paced rpm=20\nx = 2").badge["waited"]
    assert 0.3 < waited <= 3.1
    assert kernel.run("%%spot name=paced rpm=20\nx = 2").badge["waited"] == 0


def test_credentials_of_a_source_are_in_no_file_badge_or_listing(start: Callable[..., Kernel], tmp_path: Path) -> None:
    """In shell lines, magics, texts and f-strings, wherever in them; variables of the environment come last."""
    secret = "sk-proj-Zx81kQ0vT4nBq77Lm2dR"
    kernel = start()
    told = ""
    for cell in (
        f"!echo -H 'Authorization: Bearer {secret}' > /dev/null\nx = 1",
        f"!true curl -s -u me:{secret} http://127.0.0.1:9/\nw = 5",
        f"r = !echo {secret}\ny = len(r)",
        f"api_key = '{secret}'\nk = 4",
        f"url = f'https://a.example/v1?key={secret}&q=1'\nz = len(url)",
        f"h = {{'Authorization': 'Bearer {secret}'}}\nn = 2",
        f"import os\nos.environ['OPENAI_API_KEY'] = '{secret}'\nm = 3",
        f"%env STORY_TOKEN={secret}",
        f"%env OPENAI_API_KEY {secret}",
    ):
        output = kernel.run(f"%%spot\n{cell}")
        assert (output.status, output.verdict) == ("ok", "ran"), cell
        told += f"{output.badge}{output.badge_text}"
    told += "".join(kernel.run(line).text for line in ("%spot", "%spot ls", "%spot explain"))
    assert secret not in told
    files = [path for path in (tmp_path / ".spotmagic").rglob("*") if path.is_file()]
    assert files and not any(secret.encode() in path.read_bytes() for path in files)
