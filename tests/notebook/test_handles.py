"""Clients, locks and other handles in the inputs of a cell neither stop it from running nor from being kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loopback import Answering, Loopback, serving
from notebook_kernels import Kernel

from spotmagic import last
from spotmagic.spot import choose

SETUP = """
import httpx, logging, requests, threading
import spotmagic
client = httpx.Client(base_url="https://one.example")
session = requests.Session()
log = logging.getLogger("mine")
lock = threading.Lock()
spot = spotmagic.Spot("mine")
class Holder:
    def __init__(self): self.client, self.lock, self.n = client, lock, 1
holder = Holder()
class Told:
    def __init__(self): self.n, self.rows = 1, (row for row in ())
spotmagic.register(Told, fingerprint=lambda told: told.n)
told = Told()
"""


@pytest.fixture
def verdict(shell: Any) -> Callable[[str], tuple[str, bool]]:
    """Runs a cell and gives what came of it."""
    shell.extension_manager.load_extension("spotmagic")
    shell.run_cell(SETUP, store_history=True).raise_error()

    def run(body: str) -> tuple[str, bool]:
        shell.run_cell(f"%%spot\n{body}", store_history=True).raise_error()
        outcome = last()
        assert outcome is not None
        return outcome.verdict, outcome.stored

    choose(shell.user_ns["spot"])
    yield run
    shell.user_ns["spot"].close()


@pytest.mark.parametrize(
    "body",
    [
        "y = str(client.base_url)",
        "y = session.max_redirects",
        "with lock:\n    y = 1",
        "y = spot.name",
        "y = str(holder.client.base_url)",
        "holder.n = holder.n + 1\ny = holder.n",
        "@spot.mark\ndef f(x): return x\ny = f(1)",
        "y = told.n",
        "log.info('said')\ny = 1",
        "rows = {}\nrows['a'] = log.name\ny = rows.pop('a')",
    ],
)
def test_a_cell_that_uses_one_is_kept(verdict: Callable[[str], tuple[str, bool]], shell: Any, body: str) -> None:
    assert verdict(body) == ("ran", True)
    made = shell.user_ns.pop("y")
    shell.user_ns["holder"].n = 1
    assert verdict(body) == ("hit", True)
    assert shell.user_ns["y"] == made


@pytest.mark.parametrize(
    "body",
    [
        "client.base_url = 'https://two.example'",
        "told.n = 2",
        "client.timeout = 5",
        "session.headers['X-Team'] = 'one'",
        "session.headers.update({'X-Team': 'one'})",
        "log.handlers.clear()",
        "def set_up(): session.max_redirects = 1\nset_up()",
    ],
)
def test_a_cell_that_changes_one_is_not_kept(verdict: Callable[[str], tuple[str, bool]], body: str) -> None:
    assert verdict(body) == ("ran", False)


def test_another_server_is_another_input(verdict: Callable[[str], tuple[str, bool]], shell: Any) -> None:
    verdict("y = str(client.base_url)")
    shell.run_cell("client = httpx.Client(base_url='https://two.example')")
    assert verdict("y = str(client.base_url)") == ("ran", True)


def test_a_variable_that_is_an_input_s_client_is_that_very_client(
    verdict: Callable[[str], tuple[str, bool]], shell: Any
) -> None:
    verdict("same = holder.client")
    shell.user_ns.pop("same")
    assert verdict("same = holder.client") == ("hit", True)
    assert shell.user_ns["same"] is shell.user_ns["client"]


class _Till(Answering):
    """Bills every POST, and answers GET for nothing."""

    paid = 0

    def do_POST(self) -> None:
        type(self).paid += 1
        self.say(b"4")

    def do_GET(self) -> None:
        self.say(b"open")


@pytest.mark.kernel
def test_a_client_a_paid_loop_and_a_plot_in_one_cell_cost_nothing_in_a_second_kernel(
    start: Callable[..., Kernel],
) -> None:
    _Till.paid = 0
    with serving(Loopback(_Till)) as server:
        cell = (
            "%%spot\nimport httpx, matplotlib.pyplot as plt, spotmagic\n"
            f"client = httpx.Client(base_url='{server.address}')\n"
            "@spotmagic.current().mark(price=0.01)\n"
            "def ask(client, question): return float(client.post('/ask', content=question).text)\n"
            "answers = [ask(client, question) for question in ('a', 'b', 'c')]\n"
            "plt.plot(answers);"
        )
        runs = []
        for _ in range(2):
            kernel = start(MPLBACKEND="module://matplotlib_inline.backend_inline")
            runs.append((kernel.run(cell), _Till.paid, kernel.run("print(client.get('/').text, answers)").text))
        (first, paid, said), (second, paid_then, said_then) = runs
        assert (first.status, first.verdict, second.verdict) == ("ok", "ran", "hit"), (first, second.badge_text)
        assert paid == paid_then == 3
        assert said == said_then == "open [4.0, 4.0, 4.0]\n"
        assert first.log == second.log and "image/png" in str(first.log)
