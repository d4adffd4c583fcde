"""Every notebook runs, and a second time in a fresh kernel: it pays nothing, runs no kept cell, and shows the same."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from waiting import soon

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
pytestmark = pytest.mark.kernel


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    import demo

    return demo


@pytest.fixture
def api(demo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    import paid_api

    api = paid_api.serve(latency=0.0)
    monkeypatch.setenv("PAID_API_URL", api.url)
    monkeypatch.setenv("SPOTMAGIC_ROOT", str(tmp_path / "root"))
    yield api
    api.shutdown()
    api.server_close()
    sys.modules.pop("paid_api")


def badge(output: Any) -> dict[str, Any]:
    """What the badge of a cell says; empty for any other output."""
    said = output.get("metadata", {}).get("spotmagic", {})
    return said if "verdict" in said else {}


def verdicts(node: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in node.cells if cell.cell_type == "code" for output in cell.outputs]
    return [badge(output)["verdict"] for output in outputs if badge(output)]


@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_the_second_run_is_free_and_shows_the_same(name: str, demo: Any, api: Any) -> None:
    first = demo.run(NOTEBOOKS / name)
    paid = api.calls
    second = demo.run(NOTEBOOKS / name)
    assert paid > 0 and api.calls == paid and api.refused == 0
    assert set(verdicts(first)) == {"ran"} and set(verdicts(second)) == {"hit"}
    assert len(verdicts(first)) == len(verdicts(second)) > 0
    assert demo.shown(first) == demo.shown(second)


def test_an_sdk_runs_offline_in_replay_and_leaves_no_key(
    demo: Any, api: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Recorded once; then, with the server stopped and another key, all of it comes back, streams included."""
    key = "sk-live-4f9a8b7c6d5e4f3a2b1c"
    monkeypatch.setenv("PAID_API_KEY", key)
    first = demo.run(NOTEBOOKS / "sdk.ipynb")
    assert api.calls == 8
    api.shutdown()
    api.server_close()
    monkeypatch.setenv("PAID_API_KEY", "sk-another")
    monkeypatch.setenv("SPOTMAGIC_MODE", "replay")
    assert demo.shown(demo.run(NOTEBOOKS / "sdk.ipynb")) == demo.shown(first)
    raw = key.encode()
    forms = {raw, raw.hex().encode(), base64.b64encode(raw)[:-4], raw[::-1], key.encode("utf-16-le")}
    files = [path.read_bytes() for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert files and not any(form in data for form in forms for data in files)


def test_no_notebook_is_saved_with_outputs() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs"), path.name


def edited(name: str, tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """A copy of a notebook beside its modules, with words replaced."""
    text = (NOTEBOOKS / name).read_text()
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_cosmetic_edit_pays_nothing_and_a_changed_prompt_pays_one_call(demo: Any, api: Any, tmp_path: Path) -> None:
    demo.run(NOTEBOOKS / "quickstart.ipynb")
    assert api.calls == 12
    cosmetic = edited(
        "quickstart.ipynb",
        tmp_path,
        ("def summarise(doc):", "def summarise( doc ):   # as short as can be"),
        ("plt.show()", "plt.show( )  # shows it"),
        ("## A function", "## One function"),
    )
    demo.run(cosmetic)
    assert api.calls == 12
    demo.run(edited("quickstart.ipynb", tmp_path, ("Copper roofs turn green", "Copper domes turn green")))
    assert api.calls == 13


def test_an_edited_helper_runs_again_what_depends_on_it_and_says_so(demo: Any, api: Any, tmp_path: Path) -> None:
    demo.run(NOTEBOOKS / "pipeline.ipynb")
    paid = api.calls
    node = demo.run(edited("pipeline.ipynb", tmp_path, ("[a-z']+", "[a-z]+")))
    told = [badge(output) for cell in node.cells for output in cell.get("outputs", [])]
    assert "helper `words_of` was edited" in {said["reason"] for said in told if said}
    assert {"hit", "ran"} == {said["verdict"] for said in told if said}
    assert api.calls == paid  # the texts did not change, so neither did a prompt


RUNNER = """
import sys
from pathlib import Path
import nbformat
sys.path.insert(0, sys.argv[1])
from demo import run
nbformat.write(run(Path(sys.argv[2])), sys.argv[3])
"""


def start(notebook: Path, out: Path) -> subprocess.Popen[bytes]:
    """A notebook running in a kernel of its own, driven from a process of its own."""
    command = [sys.executable, "-c", RUNNER, str(NOTEBOOKS), str(notebook), str(out)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def test_two_kernels_at_once_pay_once(demo: Any, api: Any, tmp_path: Path) -> None:
    api.latency = 0.1
    outs = [tmp_path / f"{number}.ipynb" for number in (1, 2)]
    for runner in [start(NOTEBOOKS / "quickstart.ipynb", out) for out in outs]:
        assert runner.wait(120) == 0
    assert api.calls == 12 and api.refused == 0
    first, second = (demo.shown(nbformat.read(out, as_version=4)) for out in outs)
    assert first == second


def test_a_killed_kernel_loses_no_finished_call(demo: Any, api: Any, tmp_path: Path) -> None:
    api.latency = 0.1
    node = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    pid = tmp_path / "pid"
    node.cells.insert(0, nbformat.v4.new_code_cell(f"import os; open({str(pid)!r}, 'w').write(str(os.getpid()))"))
    nbformat.write(node, tmp_path / "killed.ipynb")
    runner = start(tmp_path / "killed.ipynb", tmp_path / "out.ipynb")
    assert soon(lambda: api.calls >= 6, 60)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert runner.wait(60) != 0
    paid = api.calls
    demo.run(NOTEBOOKS / "quickstart.ipynb")
    assert paid < 12 and api.calls <= 12 + 1  # the one call that was under way may be paid again
