"""The pytest plug-in: users' test suites run on recorded calls, offline and for nothing.

::

    @pytest.mark.spot("httpx", match="api.openai.com/*")
    def test_a_title_is_short():
        assert len(title_of("a long text")) < 60

``pytest`` records what is not there yet and replays the rest; ``pytest --spot-mode=replay`` (for CI) never asks a
server: what was not recorded fails with the reason. Without the mark and the ``spot`` fixture nothing of it is there.
Nothing is imported before a test asks for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from spotmagic import Spot

_MODES = ("auto", "record", "replay", "mock", "off")
_IGNORED = (
    "# What can be made again. Commit the rest: it is what the tests replay.\n*.lock\nepoch\nspent*\nspot.duckdb*\n"
)
_MARK = (
    "spot(*targets, **options): run the test under the `spot` fixture with these targets wrapped, such as "
    'spot("httpx", match="api.openai.com/*")'
)
_opened = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--spot-mode`` and ``--spot-folder``."""
    group = parser.getgroup("spotmagic", "recorded calls (spotmagic)")
    group.addoption(
        "--spot-mode",
        choices=_MODES,
        help="what the spot fixture does: auto records what is not there (the default), replay never runs a call",
    )
    group.addoption("--spot-folder", help="where recorded calls lie; .spotmagic beside the tests by default")


def pytest_configure(config: pytest.Config) -> None:
    """The mark is known, also under --strict-markers."""
    config.addinivalue_line("markers", _MARK)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with the mark has the fixture."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and "spot" not in names and item.get_closest_marker("spot") is not None:
            names.append("spot")


@pytest.fixture
def spot(request: pytest.FixtureRequest) -> Iterator[Spot]:
    """A spot in ``tests/.spotmagic``, in the mode of ``--spot-mode``; the targets of the test's marks are wrapped."""
    from spotmagic import Spot

    root = _folder(request.config)
    with Spot(root=root, mode=request.config.getoption("spot_mode")) as spot:
        refused = spot.engine.ledger.refused
        refused.clear()
        request.node.stash[_opened] = refused
        with contextlib.ExitStack() as wrapped:
            for mark in reversed([*request.node.iter_markers("spot")]):  # that of the test itself last, so it holds
                if mark.args or mark.kwargs:
                    wrapped.enter_context(spot.wrap(*mark.args, **mark.kwargs))
            yield spot


def _folder(config: pytest.Config) -> Path:
    """The folder of the spots. A new one says to git what of it is worth keeping."""
    given = config.getoption("spot_folder")
    tests = config.rootpath / "tests"
    root = Path(given) if given else (tests if tests.is_dir() else config.rootpath) / ".spotmagic"
    ignore = root / "default" / ".gitignore"
    try:
        if not ignore.parent.exists():
            ignore.parent.mkdir(mode=0o700, parents=True)
            ignore.write_text(_IGNORED)
    except OSError:
        pass  # the spot tells what it cannot use
    return root


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that asked for what was not recorded fails with the reason, whatever its client made of the error."""
    outcome: Any = yield
    refused = [*(item.stash.get(_opened, None) or ())]
    if not refused:
        return
    reasons = list(dict.fromkeys(str(error) for error in refused))
    error = outcome.excinfo[1] if outcome.excinfo is not None else None
    if error is None:
        outcome.force_exception(pytest.fail.Exception("\n".join(reasons), pytrace=False))
    elif all(error is not one for one in refused) and hasattr(error, "add_note"):
        for reason in reasons:
            error.add_note(f"spotmagic: {reason}")
