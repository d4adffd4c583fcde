"""The panel in a real kernel: shown again and again it stays one, and a saved notebook shows it once."""

from __future__ import annotations

import json
from collections.abc import Callable

import nbformat
from nbconvert import HTMLExporter, MarkdownExporter
from notebook_kernels import Kernel

MAKE = """
from spotmagic import Spot
spot = Spot("shown")

@spot.mark(price=0.5)
def ask(question):
    return question.upper()

ask("why"), ask("why")
"""
COUNTED = """__import__("json").dumps([
    len(get_ipython().kernel.comm_manager.comms),
    len(__import__("ipywidgets.widgets.widget", fromlist=["_"])._instances),
    sum(one.name.startswith("spotmagic") for one in __import__("threading").enumerate()),
])"""
VIEW = "application/vnd.jupyter.widget-view+json"


def counted(kernel: Kernel) -> list[int]:
    """Comms, widgets and threads of ours in a kernel."""
    found: list[int] = json.loads(kernel.value(COUNTED).strip("'"))
    return found


def test_a_cell_that_shows_the_panel_fifty_times_leaves_one(start: Callable[..., Kernel]) -> None:
    """Also where the cell makes its spot anew, as notebooks do."""
    kernel = start()
    kernel.run(MAKE)
    shown = kernel.run("spot.panel()")
    assert shown.status == "ok", shown.traceback
    before = counted(kernel)
    for turn in range(50):
        kernel.run("spot.panel()" if turn % 2 else "Spot('shown').panel()")
    assert counted(kernel) == before
    kernel.run("other = Spot('other'); other.panel()")
    assert [now - then for now, then in zip(counted(kernel), before, strict=True)] == [*before[:2], 1]


def test_a_saved_notebook_shows_the_panel_once(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run(MAKE)
    messages: list[dict[str, object]] = []
    kernel.client.execute_interactive("spot.panel()", output_hook=messages.append, timeout=60)  # type: ignore[arg-type]
    data = [one["content"]["data"] for one in messages if one["msg_type"] == "display_data"]  # type: ignore[index]
    assert [sorted(one) for one in data] == [["text/html", "text/plain"], [VIEW, "text/plain"]]
    cell = nbformat.v4.new_code_cell(
        "spot.panel()", outputs=[nbformat.v4.new_output("display_data", one) for one in data]
    )
    book = nbformat.v4.new_notebook(cells=[cell])
    for exporter in (HTMLExporter(), MarkdownExporter()):
        text, _ = exporter.from_notebook_node(book)
        assert text.count("hit rate") == 1, exporter
        assert "Error displaying widget" not in text
