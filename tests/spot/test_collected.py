"""A stream that the garbage collector closes in the midst of a write disturbs nothing, and is kept as partial."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.store.folder import Folder


def numbers(n: int) -> Iterator[int]:
    yield from range(n)


def double(x: int) -> int:
    return 2 * x


def test_a_stream_is_collected_in_the_midst_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true, depths, within = Folder.append, [0], [0]

    def write(self: Folder, *args: Any, **given: Any) -> int:
        within[0] += 1
        depths[0] = max(depths[0], within[0])
        try:
            gc.collect()
            return true(self, *args, **given)
        finally:
            within[0] -= 1

    gc.disable()
    try:
        with Spot("test", root=tmp_path) as spot:
            f, g = spot.mark(double), spot.mark(numbers)
            f(0)
            circle: list[Any] = [g(5)]
            assert next(circle[0]) == 0
            circle.append(circle)
            del circle
            monkeypatch.setattr(Folder, "append", write)
            assert f(1) == 2
            monkeypatch.undo()
            assert any(spot.entries(status="partial") or time.sleep(0.01) for _ in range(1000))
            assert f.peek(1) == 2 and spot.verify().good
            assert list(g(5)) == [0, 1, 2, 3, 4]
    finally:
        gc.enable()
    assert depths == [1], "no write began inside another one of the same thread"
