"""Runs in several threads: what notes the files of one stands in the place of true functions for all of them."""

from __future__ import annotations

import bz2  # which has `open` under a name of its own
import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from spotmagic import Spot, last


class Beside:
    """A marked call in another thread, which is in the middle of its run between ``begin`` and ``end``."""

    def __init__(self, spot: Spot) -> None:
        inside, go = threading.Event(), threading.Event()

        def run() -> None:
            inside.set()
            assert go.wait(60)

        self._inside, self._go = inside, go
        self._thread = threading.Thread(target=spot.mark(run, version="1", ignore=("inside", "go")))

    def begin(self) -> None:
        self._thread.start()
        assert self._inside.wait(60)

    def end(self) -> None:
        self._go.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


class Flags(int):
    """Flags of a file that is opened. The look whether it is a folder lasts until the last run has ended."""

    last_run: Beside

    def __and__(self, other: int) -> int:
        if other == os.O_DIRECTORY:
            self.last_run.end()
        return int(self) & other


class Name(str):
    """The name of a variable. The look at its beginning lasts as long."""

    last_run: Beside

    def startswith(self, *args: Any) -> bool:
        self.last_run.end()
        return super().startswith(*args)


def by_open(path: Path, beside: Beside) -> Any:
    flags = Flags(os.O_RDONLY)
    flags.last_run = beside
    os.close(os.open(path, flags))
    return "read"


def by_variable(path: Path, beside: Beside) -> Any:
    name, package = Name("BESIDE"), {"os": os, "__name__": "package"}
    name.last_run = beside
    exec(compile("def read(name): return os.environ[name]", "/site-packages/package.py", "exec"), package)
    return package["read"](name)


@pytest.mark.parametrize("reads", [by_open, by_variable])
def test_who_reads_while_the_last_run_ends_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Callable[[Path, Beside], Any]
) -> None:
    monkeypatch.setenv("BESIDE", "read")
    (path := tmp_path / "a.txt").write_text("a")
    with Spot("s", root=tmp_path / "spots") as spot:
        beside = Beside(spot)
        beside.begin()
        try:
            assert reads(path, beside) == "read"
        finally:
            beside.end()


def count(names: dict[str, Any]) -> int:
    return len(names)


def test_a_namespace_that_is_looked_at_while_another_runs_is_the_one_it_was(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path) as spot:
        asked, beside = spot.mark(count), Beside(spot)
        beside.begin()
        try:
            assert asked({"open": open, "other": vars(bz2)["_builtin_open"]}) == 2
            assert last().stored, last().reason
        finally:
            beside.end()
        assert asked({"open": open, "other": vars(bz2)["_builtin_open"]}) == 2 and last().verdict == "hit"


def test_modules_may_arrive_while_those_that_are_loaded_are_looked_through(spot: Spot, tmp_path: Path) -> None:
    """Whenever garbage is collected, somebody's code may run that imports, or another thread may come between."""
    (tmp_path / "a.txt").write_text("text")

    @spot.mark
    def made(path: Path, rows: Any) -> Any:
        return lambda: path.read_text() + str(len(rows))

    arrived: list[str] = []

    def arrive(*_: object) -> None:
        arrived.append(f"arrived_{len(arrived)}")
        sys.modules[arrived[-1]] = ModuleType(arrived[-1])

    before = gc.get_threshold()
    gc.callbacks.append(arrive)
    gc.set_threshold(300, 1_000_000)
    try:
        assert made(tmp_path / "a.txt", np.zeros(3))() == "text3"
    finally:
        gc.callbacks.remove(arrive)
        gc.set_threshold(*before)
        for name in arrived:
            del sys.modules[name]
    assert last().stored, last().reason
