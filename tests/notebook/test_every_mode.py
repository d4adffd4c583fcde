"""All five modes for everything that can be kept: functions, methods, cells, generators, their async kin, requests."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from loopback import Answering, Loopback, serving

from spotmagic import Spot, last, wrap
from spotmagic.errors import RecordMissing

paid: list[int] = []


class World(NamedTuple):
    """One kind of call: asked with a number it gives ten times as much."""

    ask: Callable[[int], Any]
    name: str
    marked: Any = None
    as_result: Callable[[Any], Any] = lambda value: value


def function(spot: Spot) -> World:
    @spot.mark
    def f(x: int) -> int:
        paid.append(x)
        return 10 * x

    return World(f, f.marked.name, f)


def method(spot: Spot) -> World:
    class Bot:
        @spot.mark
        def f(self, x: int) -> int:
            paid.append(x)
            return 10 * x

    return World(Bot().f, Bot.f.marked.name, Bot().f)


def async_function(spot: Spot) -> World:
    @spot.mark
    async def f(x: int) -> int:
        paid.append(x)
        await asyncio.sleep(0)
        return 10 * x

    return World(lambda x: asyncio.run(f(x)), f.marked.name, f)


def generator(spot: Spot) -> World:
    @spot.mark
    def f(x: int) -> Iterator[int]:
        paid.append(x)
        yield 4 * x
        yield 6 * x

    return World(lambda x: sum(f(x)), f.marked.name, f, lambda value: [value])


def async_generator(spot: Spot) -> World:
    @spot.mark
    async def f(x: int) -> AsyncIterator[int]:
        paid.append(x)
        yield 4 * x
        yield 6 * x

    async def ask(x: int) -> int:
        return sum([item async for item in f(x)])

    return World(lambda x: asyncio.run(ask(x)), f.marked.name, f, lambda value: [value])


def cell(spot: Spot, shell: InteractiveShell) -> World:
    shell.run_cell("%load_ext spotmagic")
    shell.run_cell(f"from spotmagic import Spot; s = Spot('test', root={str(spot.folder.parent)!r})")
    shell.user_ns["paid"] = paid

    def ask(x: int) -> int:
        shell.user_ns.pop("out", None)
        shell.user_ns["x"] = x
        result = shell.run_cell("%%spot name=work quiet ignore=paid\npaid.append(x)\nout = 10 * x", store_history=True)
        result.raise_error()
        return shell.user_ns["out"]

    return World(ask, "work")


def http(spot: Spot, url: str) -> World:
    spot.wrap("httpx")
    return World(lambda x: httpx.post(url, json={"x": x}).json(), f"POST {url.removeprefix('http://')}")


class Paid(Answering):
    """Answers ten times what it is asked with."""

    def do_POST(self) -> None:  # noqa: N802 (the name that http.server calls)
        x = json.loads(self.asked())["x"]
        paid.append(x)
        self.say(json.dumps(10 * x).encode(), content_type="application/json")


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Loopback(Paid)) as server:
        yield f"{server.address}/ask"
        wrap.off()


KINDS: dict[str, Callable[..., World]] = {
    "function": function, "method": method, "async function": async_function, "generator": generator,
    "async generator": async_generator, "cell": cell, "http": http,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_mode_of_every_kind(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    paid.clear()
    with Spot("test", root=tmp_path) as spot:
        needs = [request.getfixturevalue(name) for name in {"cell": ["shell"], "http": ["url"]}.get(kind, [])]
        ask, name, marked, as_result = KINDS[kind](spot, *needs)
        told = re.escape(name if kind == "http" else name.rpartition(".")[2])

        def does(x: int, verdict: str, runs: int) -> None:
            before = len(paid)
            assert ask(x) == 10 * x
            assert (last().verdict, len(paid) - before) == (verdict, runs), (x, verdict, last())

        def misses(x: int) -> None:
            before = len(paid)
            with pytest.raises(RecordMissing, match=f"no result of .*{told}") as caught:
                ask(x)
            assert len(paid) == before and "`x`" in str(caught.value)

        does(1, "ran", 1)
        does(1, "hit", 0)
        spot.set_mode("record", name)
        does(1, "ran", 1)
        does(2, "ran", 1)
        assert last().reason == "mode is record"
        spot.set_mode("replay", name)
        does(1, "hit", 0)
        does(2, "hit", 0)
        misses(3)
        spot.set_mode("mock", name)
        does(1, "mocked", 0)
        misses(3)
        if marked is not None:
            assert marked.mode == "mock"
            marked.outcomes.add(returns=as_result(30), when={"x": 3} if kind != "method" else (marked.__self__, 3))
            does(3, "mocked", 0)
            misses(4)
            marked.outcomes.add(raises=KeyError("made up"))
            with pytest.raises(KeyError, match="made up"):
                ask(1)
            marked.outcomes.clear()
        spot.set_mode("off", name)
        kept = len(spot.entries(status=None))
        does(1, "bypassed", 1)
        does(5, "bypassed", 1)
        assert len(spot.entries(status=None)) == kept
        spot.set_mode(None, name)
        does(1, "hit", 0)
