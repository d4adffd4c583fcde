"""A server that counts, and a spot under which things are wrapped; afterwards nothing is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot, wrap

collect_ignore = ["example"]  # a user's suite, which test_pytest_plugin.py runs
sys.path.insert(0, str(Path(__file__).parent))
from wrap_server import Server  # noqa: E402


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    with Spot("wrapped", root=tmp_path) as spot:
        yield spot
        wrap.off()
