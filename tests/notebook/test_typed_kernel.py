"""What a person types in a kernel while a marked function runs."""

from __future__ import annotations

from collections.abc import Callable

from notebook_kernels import Kernel, collect

SETUP = """
from getpass import getpass
from spotmagic import Spot, last
import getpass as module
spot = Spot("mine")

@spot.mark
def of_input(x):
    return input("Who? ")

@spot.mark
def of_getpass(x):
    return getpass("Who? ")

@spot.mark
def of_module(x):
    return module.getpass("Who? ")
"""


def asked(kernel: Kernel, code: str, answers: list[str]) -> str:
    """What a cell printed that was given these answers."""
    messages: list[dict[str, object]] = []
    reply = kernel.client.execute_interactive(
        code, output_hook=messages.append, timeout=60, allow_stdin=True,
        stdin_hook=lambda _: kernel.client.input(answers.pop(0)),
    )  # fmt: skip
    return collect(reply["content"], messages).text


def test_a_call_that_asked_on_the_page_is_not_kept(start: Callable[..., Kernel]) -> None:
    """In a cell and in a cell under the spot, by ``input`` and by ``getpass``."""
    kernel = start()
    asked(kernel, SETUP, [])
    for name in ("of_input", "of_getpass", "of_module"):
        told = f"print({name}(1)); print({name}(1), last().verdict)"
        assert "two ran" in asked(kernel, told, ["one", "two"]), name
        asked(kernel, f"%%spot\ny = {name}(2)", ["one"])
        assert "two ran" in asked(kernel, f"print({name}(2), last().verdict)", ["two"]), name
    assert "three" in asked(kernel, "%%spot\nprint(input())", ["three"])
    assert "four" in asked(kernel, "%%spot\nprint(input())", ["four"])
