"""Services (rows F1, F6 to F8, F11, F12): a source, what is done with each, typed parameters, ``spotmagic exec``."""

from __future__ import annotations

import enum
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from waiting import soon

from spotmagic import Service, Source
from spotmagic.batch.parameters import Injector, cast
from spotmagic.cli import main
from spotmagic.errors import OptionError


class Size(enum.Enum):
    SMALL = 1
    LARGE = "big"


@dataclass
class Pair:
    a: int
    b: float = 0.5


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", int, 3),
        ("3", float, 3.0),
        ("a,b", str, "a,b"),
        ("Yes", bool, True),
        ("off", bool, False),
        ("2026-01-31T12:30", datetime, datetime(2026, 1, 31, 12, 30)),
        ("2026-01-31", date, date(2026, 1, 31)),
        ("90s", timedelta, timedelta(seconds=90)),
        ("a/b.txt", Path, Path("a/b.txt")),
        ("small", Size, Size.SMALL),
        ("big", Size, Size.LARGE),
        ("2", Literal[1, 2], 2),
        ("none", int | None, None),
        ("4", int | None, 4),
        ("none", str | None, None),
        ("x", int | str, "x"),
        ("7", int | str, 7),
        ("1, 2", list[int], [1, 2]),
        ('["a,b", "c"]', list[str], ["a,b", "c"]),
        ("1,x", tuple[int, str], (1, "x")),
        ("1,2,3", tuple[int, ...], (1, 2, 3)),
        ("b,a,b", set[str], {"a", "b"}),
        ('{"a": 1}', dict[str, float], {"a": 1.0}),
        ('{"a": "1"}', Mapping[str, int], {"a": 1}),
        ('{"a": 1}', Pair, Pair(1)),
        ("5", Annotated[int, "how many"], 5),
        ([1, "2"], list[int], [1, 2]),
        (3, float, 3.0),
    ],
)
def test_texts_become_what_is_annotated(text: Any, kind: Any, value: Any) -> None:
    found = cast(text, kind, "x")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("three", int, "x='three' is not int"),
        ("3.5", int, "is not int"),
        ("maybe", bool, "is not bool.*x=true"),
        ("medium", Size, "one of SMALL, LARGE"),
        ("3", Literal["a", "b"], "one of a, b"),
        ("1,two", list[int], r"is not list\[int\]"),
        ("1,2,3", tuple[int, int], "is not tuple"),
        ("[1]", dict[str, int], "is not dict"),
        (True, int, "is not int"),
        ("x", int | None, "int or None"),
    ],
)
def test_what_is_none_of_that_type_is_told_with_an_example(text: Any, kind: Any, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        cast(text, kind, "x")


def test_objects_get_what_their_constructors_ask_for_and_share_it() -> None:
    class Store:
        def __init__(self, path: Path = Path("out")) -> None:
            self.path = path

    class Pages(Source[int]):
        def __init__(self, pair: Pair, store: Store, n: int = 2) -> None:
            self.pair, self.store, self.n = pair, store, n

        def __iter__(self) -> Any:
            return iter(range(self.n))

    class Ask(Service[int]):
        def __init__(self, pages: Pages, store: Store, pair: Pair) -> None:
            self.pages, self.store, self.pair = pages, store, pair

        def process(self, item: int) -> int:
            return item

    injector = Injector([Pages, Ask, Store, Pair])
    injector.ask(Pages)
    injector.ask(Ask)
    values = injector.fill({"a": "3", "path": "here"}, {"n": 5, "whole": Pair(1, 9.0)})
    pages, ask = injector.make(Pages, values), injector.make(Ask, values)
    assert ask.pages is pages and ask.store is pages.store and ask.pair is pages.pair
    assert (pages.pair, pages.n, ask.store.path) == (Pair(3, 9.0), 5, Path("here"))
    with pytest.raises(OptionError, match=r"parameter a is missing.*Expected are a: int, b: float = 0.5"):
        injector.fill({}, {})
    with pytest.raises(OptionError, match="unknown parameter 'pth' .did you mean path"):
        injector.fill({"a": "1", "pth": "x"}, {})
    with pytest.raises(OptionError, match="unknown parameter 'paths' in the configuration"):
        injector.fill({"a": "1"}, {"paths": "x"})


PROGRAM = """
from dataclasses import dataclass
from pathlib import Path
from spotmagic import Service, Source

@dataclass
class Settings:
    out: Path
    limit: int = 4
    model: str = "small"

class Numbers(Source):
    def __init__(self, settings: Settings, broken: list[int] = []):
        self.settings, self.broken = settings, broken
    def __iter__(self):
        return iter(range(self.settings.limit))
    def __len__(self):
        return self.settings.limit
    def persist_failed(self, failed):
        (self.settings.out / "failed").write_text(repr([one.input for one in failed]))

class Ask(Service):
    retry_on = (KeyError,)
    def __init__(self, settings: Settings, broken: list[int] = [], pause: float = 0.0, gated: bool = False):
        self.model, self.broken, self.pause, self.out = settings.model, broken, pause, settings.out
        self.gated = gated
    def process(self, item):
        import time
        with (self.out / "runs").open("a") as runs:
            runs.write(f"{item}\\n")
        time.sleep(self.pause)
        while self.gated and item > 8 and not (self.out / "gate").exists():
            time.sleep(0.01)
        if item in self.broken:
            raise ValueError("broken")
        return f"{self.model} {item}"
    def finish(self, batch):
        (self.out / "finished").write_text(repr(batch.values(missing=None)))
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("serving", "packed", "starter"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "serving.py").write_text(PROGRAM.replace('(self.out / "runs")', "(self.out / 'runs')"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "large.py").write_text("model = 'large'\nlimit = 2\n")
    return tmp_path


def test_a_file_is_run_with_parameters_over_the_configuration_over_defaults(program: Path) -> None:
    out = str(program)
    assert main(["exec", "serving.py", "-p", f"out={out}", "-c", "large", "-p", "limit=3", "-o", "lines"]) == 0
    assert (program / "finished").read_text() == "['large 0', 'large 1', 'large 2']"
    lines = [json.loads(line) for line in (program / "lines").read_text().splitlines()]
    assert lines[1] == {"index": 1, "input": 1, "value": "large 1"}
    assert main(["exec", "serving.py", "-p", f"out={out}", "-c", "large"]) == 0
    assert (program / "runs").read_text().splitlines() == ["0", "1", "2"] or len(
        (program / "runs").read_text().splitlines()
    ) == 3


def test_failed_inputs_are_handed_to_the_source_and_the_code_is_1(program: Path) -> None:
    assert main(["exec", "serving.py", "-p", f"out={program}", "-p", "broken=1,3"]) == 1
    assert (program / "failed").read_text() == "[1, 3]"
    assert (program / "finished").read_text() == "['small 0', None, 'small 2', None]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "parameter out is missing"),
        (["-p", "out=.", "-p", "limt=3"], "did you mean limit"),
        (["-p", "out=.", "-p", "limit=many"], "limit='many' is not int"),
        (["-p", "out=.", "-c", "huge"], "no configuration of that name.*There are large"),
        (["-p", "out"], "-p out is no parameter"),
    ],
)
def test_a_mistake_is_2_and_lists_what_is_expected(
    program: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["exec", "serving.py", *words]) == 2
    told = capsys.readouterr().err
    assert re.search(said, told), told
    if said.startswith(("parameter", "did", "limit")):
        assert "Expected are" in told
    assert not (program / "runs").exists()


def test_a_package_is_a_program_too(program: Path) -> None:
    package = program / "packed"
    package.mkdir()
    source, service = PROGRAM.split("class Ask(Service):")
    (package / "__init__.py").write_text("")
    (package / "source.py").write_text(source)
    (package / "service.py").write_text(
        "from spotmagic import Service\nfrom packed.source import Settings\nclass Ask(Service):" + service
    )
    assert main(["exec", "packed", "-p", f"out={program}"]) == 0
    assert "small 3" in (program / "finished").read_text()


def test_the_template_works(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--new", "starter"]) == 0
    assert main(["exec", "starter.py", "-p", "limit=4", "-p", "factor=3"]) == 0
    assert "sum: 18.0" in capsys.readouterr().out
    assert main(["exec", "--new", "starter"]) == 2
    assert main(["exec", "nothing.py"]) == 2 and main(["exec"]) == 2


def started(program: Path, *words: str, runs: int = 9) -> tuple[list[str], subprocess.Popen[str]]:
    """The program, once so many of its forty inputs have begun."""
    options = ["-p", f"out={program}", "-p", "limit=40", *words]
    command = [sys.executable, "-m", "spotmagic", "exec", "serving.py", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert soon(lambda: len(begun(program)) >= runs, 60)
    return command, process


def begun(program: Path) -> list[int]:
    """The inputs whose runs have begun."""
    return [int(n) for n in (program / "runs").read_text().split()] if (program / "runs").exists() else []


def test_an_interrupt_keeps_what_is_done_and_running_again_does_the_rest(program: Path) -> None:
    command, process = started(program, "-p", "pause=0.2")
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told, told
    assert len(begun(program)) < 40 and not (program / "finished").exists()
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sorted(begun(program)) == list(range(40))


def test_a_second_interrupt_stops_at_once_and_what_was_done_is_kept(program: Path) -> None:
    """Eight calls wait at a gate that stays shut, so only giving them up ends the program."""
    command, process = started(program, "-p", "gated=yes", runs=9 + 8)
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr is not None and "interrupt again to stop at once" in process.stderr.readline()
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    # The line of progress may be told once more between the two; nothing else is.
    more = [line for line in told.splitlines() if "stopping: the process ends" not in line]
    assert process.returncode == 130 and not more, told
    assert sorted(begun(program)) == list(range(9 + 8)) and not (program / "finished").exists()
    (program / "gate").touch()
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sorted(begun(program)[9 + 8 :]) == list(range(9, 40)) and (program / "finished").exists()


@pytest.mark.kernel
def test_a_notebook_is_run_in_a_fresh_kernel_with_typed_parameters(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [
        new_code_cell("import enum\nclass Size(enum.Enum):\n    SMALL = 1\n    LARGE = 2"),
        new_code_cell(
            "n: int\nsize: Size = Size.SMALL\ntags: list[str] = []\nrate = 0.5", metadata={"tags": ["parameters"]}
        ),
        new_code_cell("print(n + 1, size, tags, rate)"),
    ]
    nbformat.write(new_notebook(cells=cells), program / "report.ipynb")
    assert main(["exec", "report.ipynb"]) == 2
    assert "parameter n is missing" in capsys.readouterr().err
    assert main(["exec", "report.ipynb", "-p", "n=1", "-p", "siz=LARGE"]) == 2
    assert "did you mean size" in capsys.readouterr().err
    words = ["-p", "n=4", "-p", "size=large", "-p", "tags=a,b", "-p", "rate=2"]
    assert main(["exec", "report.ipynb", *words]) == 0
    outputs = nbformat.read(program / "report.out.ipynb", as_version=4).cells[-1].outputs
    assert outputs[0].text == "5 Size.LARGE ['a', 'b'] 2.0\n"
    assert main(["exec", "report.ipynb", "-p", "n=many", "-o", "other.ipynb"]) == 2
    assert "n='many' is not int" in capsys.readouterr().err and (program / "other.ipynb").exists()
