"""Two users of one machine, and a module that both work with."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spotmagic import last
from spotmagic.errors import SpotWarning

SOURCE = '''
import os
from pathlib import Path


class Planted:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path, text):
        self.path, self.text = path, text

    def __reduce__(self):
        return leave, (str(self.path), self.text)


def leave(path, text):
    if Path(f"{path}.armed").exists():
        Path(path).write_text("the code of another user ran")
    return Planted(path, text)


def rows(n):
    print("ran")
    return {"rows": [n] * 3}


def planted(path):
    print("ran")
    return Planted(path, "text")
'''

Another = Callable[..., list[str]]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that all users work with."""
    (tmp_path / "shared_work.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shared_work", raising=False)
    import shared_work  # type: ignore[import-not-found]

    return shared_work


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Another:
    """Calls a function of the module as another user, who has a secret of their own. Gives the lines it printed."""

    def call(function: str, argument: object, user: str = "else") -> list[str]:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import shared_work; from spotmagic import Spot\n"
            "with Spot('test', root=sys.argv[1]) as spot:\n"
            f"    spot.mark(shared_work.{function})({argument!r})\n"
        )
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / f"home of {user}"))
        try:
            done = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
            )
        finally:
            monkeypatch.undo()
        return done.stdout.split()

    return call


def asked(function: Callable[..., Any], *args: Any) -> tuple[str, list[str]]:
    """The verdict of a call and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args)
    outcome = last()
    assert outcome is not None
    return outcome.verdict, [str(each.message) for each in caught if each.category is SpotWarning]
