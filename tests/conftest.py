"""Every test has a home of its own: no secret, limit or cache of the machine is touched."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from spotmagic import Spot
from spotmagic.testing import FakeClock

# A busy machine takes long over the first example: that says nothing about a test.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")
SLOW = frozenset(Path(__file__).with_name("slow.txt").read_text().splitlines())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """What ``slowest.py`` found to take long is slow, so that ``make test-quick`` leaves it out.

    Tests of a file that are prepared once run in one worker (``--dist loadgroup``): two would prepare them twice.
    """
    for item in items:
        if item.nodeid.partition("[")[0] in SLOW:
            item.add_marker("slow")
        fixtures = itertools.chain.from_iterable(item._fixtureinfo.name2fixturedefs.values())
        if any(one.scope == "module" for one in fixtures):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_configure() -> None:
    """Interrupts arrive, also where the suite runs in the background of a shell, which has them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name, folder in {
        "HOME": "", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache", "IPYTHONDIR": "ipython", "JUPYTER_DATA_DIR": "jupyter",
        "JUPYTER_RUNTIME_DIR": "runtime", "MPLCONFIGDIR": "mpl",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(home / folder))
    for name in ("ROOT", "MODE", "OFF", "KEYS"):
        monkeypatch.delenv(f"SPOTMAGIC_{name}", raising=False)
    return home


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    """A spot of the test's own: that of the plug-in is kept for the next run."""
    with Spot("test", root=tmp_path) as spot:
        yield spot
