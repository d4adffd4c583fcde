"""Bodies that are read piece by piece: passed on while they come, replayed chunk by chunk, kept only when whole."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from wrap_server import EVENTS

from spotmagic import Spot, last
from spotmagic.errors import BudgetSpent, RecordMissing

PACKAGES = [name for name in ("httpx", "httpx2", "requests") if importlib.util.find_spec(name)]
CLIENTS = [*PACKAGES, *(f"{name} async" for name in PACKAGES if name != "requests")]
pytestmark = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(autouse=True)
def wrapped(client: str, spot: Spot) -> Any:
    return spot.wrap(client.partition(" ")[0].removesuffix("2"))


@pytest.fixture
def read(client: str) -> Any:
    """Reads a stream up to a number of pieces: bytes, or lines."""
    name, _, is_async = client.partition(" ")
    package = importlib.import_module(name)

    def pieces(url: str, most: int = 99, *, lines: bool = False, each: Any = None, method: str = "POST") -> list[Any]:
        got: list[Any] = []

        def take(piece: Any) -> bool:
            got.append(piece)
            if each is not None:
                each(len(got))
            return len(got) >= most

        async def later() -> None:
            async with package.AsyncClient(verify=False) as session, session.stream(method, url) as response:
                async for piece in response.aiter_lines() if lines else response.aiter_bytes():
                    if take(piece):
                        break

        if is_async:
            asyncio.run(later())
        elif name == "requests":
            with package.Session() as session, session.request(method, url, stream=True) as response:
                for piece in response.iter_lines() if lines else response.iter_content(None):
                    if take(piece):
                        break
        else:
            with package.Client(verify=False) as session, session.stream(method, url) as response:
                for piece in response.iter_lines() if lines else response.iter_bytes():
                    if take(piece):
                        break
        return got

    return pieces


def test_a_stream_is_replayed_chunk_by_chunk(read: Any, server: Any) -> None:
    one = read(f"{server.url}/events")
    assert last().verdict == "ran" and last().stored
    two = read(f"{server.url}/events")
    assert last().verdict == "hit" and one == two == EVENTS and len(server.asked) == 1


def test_lines_come_back_as_lines(read: Any, server: Any) -> None:
    assert read(f"{server.url}/lines", lines=True) == read(f"{server.url}/lines", lines=True)
    assert len(server.asked) == 1


def test_chunks_pass_while_they_come(read: Any, server: Any) -> None:
    """The server sends the next chunk only when the one before was read."""
    server.gates = [threading.Event() for _ in EVENTS]
    server.gates[0].set()
    got = read(f"{server.url}/events", each=lambda count: count < len(EVENTS) and server.gates[count].set())
    assert got == EVENTS


def test_a_stream_that_was_stopped_is_partial_and_asked_again(read: Any, server: Any, spot: Spot) -> None:
    server.gates = [threading.Event() for _ in EVENTS]
    for gate in server.gates[:2]:
        gate.set()
    assert read(f"{server.url}/events", 2) == EVENTS[:2]
    assert not last().stored and "kept as partial" in last().reason
    for gate in server.gates:
        gate.set()
    assert [row.status for row in spot.entries(status=None)] == ["partial"]
    assert read(f"{server.url}/events") == EVENTS and len(server.asked) == 2
    assert read(f"{server.url}/events") == EVENTS and len(server.asked) == 2


def test_a_stream_that_breaks_off_is_partial_and_asked_again(read: Any, server: Any, spot: Spot) -> None:
    server.headers = {"Content-Length": "99999", "Connection": "close"}
    for _ in range(2):
        with pytest.raises(Exception, match=r"(?i)incomplete|without sending|payload"):
            read(f"{server.url}/bytes", method="GET")
        assert not last().stored and "kept as partial" in last().reason
    assert len(server.asked) == 2 and [row.status for row in spot.entries(status=None)] == ["partial"]


def test_one_that_is_stopped_while_another_reads_on_takes_no_place(read: Any, server: Any, spot: Spot) -> None:
    server.gates = [threading.Event() for _ in EVENTS]

    def each(count: int) -> None:
        """At the first piece the whole is read by another."""
        for gate in server.gates:
            gate.set()
        server.gates = []
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(read, f"{server.url}/events").result() == EVENTS

    server.gates[0].set()
    assert read(f"{server.url}/events", 1, each=each) == EVENTS[:1]
    assert sorted(row.status for row in spot.entries(status=None)) == ["live", "partial"]
    assert read(f"{server.url}/events") == EVENTS and len(server.asked) == 2


def test_a_stream_that_was_stopped_was_paid_all_the_same(read: Any, spot: Spot, server: Any, client: str) -> None:
    spot.budget.total = 1.0
    spot.wrap(client.partition(" ")[0].removesuffix("2"), price=0.75)
    assert read(f"{server.url}/events", 1) and last().price == 0.75
    with pytest.raises(BudgetSpent):
        read(f"{server.url}/events")


def test_a_stream_left_after_its_last_event_is_whole(read: Any, server: Any) -> None:
    """Clients of chat APIs stop reading at ``[DONE]``."""
    assert read(f"{server.url}/events", len(EVENTS)) == read(f"{server.url}/events", len(EVENTS)) == EVENTS
    assert len(server.asked) == 1


def test_a_body_read_at_once_answers_one_read_in_pieces_and_back(read: Any, server: Any, client: str) -> None:
    package = importlib.import_module(client.partition(" ")[0])
    if client.endswith("async"):
        return
    with package.Session() if client == "requests" else package.Client(verify=False) as session:
        whole = session.request("POST", f"{server.url}/events").content
        assert b"".join(read(f"{server.url}/events")) == whole == b"".join(EVENTS)
        pieces = read(f"{server.url}/bytes", method="GET")
        assert session.request("GET", f"{server.url}/bytes").content == b"".join(pieces) == bytes(range(256)) * 300
    assert len(server.asked) == 2


def test_a_failed_stream_passes_with_its_status(read: Any, server: Any) -> None:
    server.statuses = [503]
    assert b"".join(read(f"{server.url}/events")) == b'{"error": 1}'
    assert last().reason.endswith("answered 503 Service Unavailable")
    assert read(f"{server.url}/events") == EVENTS


def test_modes_hold_for_streams(read: Any, server: Any, spot: Spot) -> None:
    read(f"{server.url}/events")
    spot.set_mode("replay")
    assert read(f"{server.url}/events") == EVENTS
    with pytest.raises(RecordMissing):
        read(f"{server.url}/lines")
    spot.set_mode("off")
    assert read(f"{server.url}/events") == EVENTS and len(server.asked) == 2
    spot.set_mode("record")
    assert read(f"{server.url}/events") == EVENTS and len(server.asked) == 3


def test_prices_limits_and_budget_hold_for_streams(read: Any, server: Any, spot: Spot, client: str) -> None:
    spot.budget.total = 1.0
    spot.wrap(
        client.partition(" ")[0].removesuffix("2"),
        price=lambda answer: len(answer.text) and 1.0,
        rpm=6000,
        concurrency=1,
    )
    read(f"{server.url}/events")
    assert last().price == 1.0
    read(f"{server.url}/events")
    with pytest.raises(BudgetSpent):
        read(f"{server.url}/lines")


def test_a_stream_tells_its_model_and_its_tokens_at_its_end(read: Any, server: Any, spot: Spot) -> None:
    assert read(f"{server.url}/messages") and last().verdict == "ran"
    (row,) = spot.entries("*/messages")
    assert (row.model, row.tokens) == ("tiny", 12)


def test_a_download_is_not_held_in_memory_to_be_kept(
    read: Any, server: Any, spot: Spot, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotmagic.wrap.answer.MOST_KEPT", 50_000)
    for _ in range(2):
        assert b"".join(read(f"{server.url}/bytes", method="GET")) == bytes(range(256)) * 300
        assert "larger than 64 MB" in last().reason
    assert len(server.asked) == 2 and not spot.entries(status=None)


def test_a_response_that_is_dropped_gives_its_place_back(server: Any, spot: Spot, client: str) -> None:
    name = client.partition(" ")[0]
    if client.endswith("async"):
        return
    package = importlib.import_module(name)
    spot.wrap(name.removesuffix("2"), concurrency=1, timeout="5s")
    for number in range(2):
        with package.Session() if name == "requests" else package.Client(verify=False) as session:
            if name == "requests":
                response = session.get(f"{server.url}/bytes?{number}", stream=True)
            else:
                response = session.send(session.build_request("GET", f"{server.url}/bytes?{number}"), stream=True)
            del response
            gc.collect()  # a response of httpx and its stream hold each other
    assert len(server.asked) == 2
