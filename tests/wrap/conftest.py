"""A server that counts, and a spot under which things are wrapped; afterwards nothing is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import serving

from spotmagic import wrap

collect_ignore = ["example"]  # a user's suite, which test_pytest_plugin.py runs
sys.path.insert(0, str(Path(__file__).parent))
from wrap_server import Server  # noqa: E402


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


@pytest.fixture(autouse=True)
def unwrapped() -> Iterator[None]:
    yield
    wrap.off()
