"""A spot on disk, and entries put into it as calls would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from spotmagic.codecs import encode
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.server import Server
from spotmagic.spot import Spot
from spotmagic.store.entry import Entry, Part
from spotmagic.testing import FakeClock
from spotmagic.values.shown import noted

from .client import Client

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m\"'`${7*7}"


class Keep(Protocol):
    def __call__(self, value: Any = ..., name: str = ..., **entry: Any) -> str: ...


@pytest.fixture
def spot(tmp_path: Path, clock: FakeClock) -> Iterator[Spot]:
    with Spot("default", root=tmp_path / ".spotmagic", clock=clock) as spot:
        yield spot


@pytest.fixture
def backend(spot: Spot) -> Backend:
    return Backend(spot)


@pytest.fixture
def keep(spot: Spot, clock: FakeClock) -> Keep:
    """Puts a value into the spot as a call that ran would, and returns its key in digits."""
    made = 0

    def keep(value: Any = "kept", name: str = "ask", **entry: Any) -> str:
        nonlocal made
        made += 1
        key = made.to_bytes(16, "big")
        reason = entry.pop("reason", "first run")
        parts = value if isinstance(value, dict) and entry.get("kind") == "cell" else {"value": value}
        known = {"seconds": 1.5, "price": 0.01, "created": clock.now(), "code": b"c" * 16, **entry}
        packed = []
        for part, content in parts.items():
            encoded = encode(content)
            packed.append(Part(part, encoded.codecs, encoded.head, encoded.buffers))
        if known.get("kind") != "cell":
            known["notes"] = {**known.get("notes", {}), **noted(value, packed[0].codecs, packed[0].size)}
        spot.store.put(Entry(key=key, name=name, parts=tuple(packed), reason=reason, **known), run=True)
        return key.hex()

    return keep


@pytest.fixture
def client(spot: Spot, keep: Keep) -> Iterator[Client]:
    keep("an answer", name="ask")
    server = Server(spot, 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Client(server)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
