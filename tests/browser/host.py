"""Pages that look like other hosts of widgets, round the real bundle and a real spot.

The names and values are those the hosts really use, read in their sources: the webview of VS Code (classes and data of
``body``, one variable per theme colour on ``html``), its Jupyter extension (a white ground behind every widget, and
JupyterLab's variables with light values, which come with ipywidgets), Colab (``html[theme]`` and its ``--colab-``
variables, and again ipywidgets' light ones).
"""

from __future__ import annotations

import functools
import http.server
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopback import Answering, Loopback, serving
from playwright.sync_api import Locator, Page

from spotmagic import Spot
from spotmagic.dashboard.backend import Backend

STATIC = Path(__file__).parents[2] / "spotmagic" / "dashboard" / "static"

# What ipywidgets sets on the root of every page that is not JupyterLab (labvariables.css).
IPYWIDGETS = {
    "jp-content-font-color0": "black",
    "jp-layout-color0": "white",
    "jp-brand-color1": "#2196f3",
    "jp-border-color1": "#9e9e9e",
    "jp-border-color2": "#e0e0e0",
    "jp-ui-font-family": '"Helvetica Neue", Helvetica, Arial, sans-serif',
    "jp-code-font-family": "monospace",
}


@dataclass(frozen=True)
class Host:
    """A host of widgets in one of its themes."""

    ground: tuple[int, int, int]  # what stands behind an output
    dark: bool
    variables: Mapping[str, str]
    html: str = ""  # attributes of the elements
    body: str = ""
    css: str = ""
    classes: tuple[str, ...] = ()  # of the elements round an output, from the outside in
    rest: Mapping[str, str] = field(default_factory=lambda: IPYWIDGETS)

    def page(self) -> str:
        """The page as text."""
        root = "".join(f"--{name}: {value};" for name, value in self.rest.items())
        theme = "".join(f"--{name}: {value};" for name, value in self.variables.items()).replace('"', "&quot;")
        inside = '<div id="output"></div>'
        for name in reversed(self.classes):
            inside = f'<div class="{name}">{inside}</div>'
        ground = "rgb({}, {}, {})".format(*self.ground)
        css = f":root {{ {root} }} html {{ background: {ground}; }} body {{ margin: 0; }} {self.css}"
        return (
            f'<!doctype html><html lang="en" {self.html} style="{theme}"><head><meta charset="utf-8">'
            f"<title>A host</title><style>{css}</style></head>"
            f'<body {self.body}><main>{inside}</main><script type="module">{MOUNT}</script></body></html>'
        )


# What anywidget does with the module: a model of its own, an element, a signal.
MOUNT = """
import panel from "./panel.js";
const { state, ...rest } = await window.spotmagicState();
const handlers = new Map();
const emit = (event, ...args) => [...(handlers.get(event) ?? [])].forEach((handler) => handler(...args));
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; emit(`change:${name}`); },
  save_changes: () => {},
  on: (event, handler) => handlers.set(event, (handlers.get(event) ?? new Set()).add(handler)),
  off: (event, handler) => handlers.get(event)?.delete(handler),
  send: (content) => void window.spotmagicAsk(content).then((reply) => reply && emit("msg:custom", reply, [])),
};
const el = document.getElementById("output");
panel.render({ model, el, signal: new AbortController().signal });
"""


def vscode(kind: str, ground: str, ink: str, link: str, line: str, box: str, **more: str) -> Host:
    """The notebook of VS Code in a theme of this kind."""
    kinds = "vscode-high-contrast-light vscode-high-contrast" if kind == "vscode-high-contrast-light" else kind
    names = {
        "vscode-editor-background": ground, "vscode-editor-foreground": ink, "vscode-foreground": ink,
        "vscode-textLink-foreground": link, "vscode-panel-border": line, "vscode-dropdown-border": box,
        "vscode-font-family": 'system-ui, "Ubuntu", "Droid Sans", sans-serif',
        "vscode-editor-font-family": '"Droid Sans Mono", "monospace", monospace',
        "vscode-font-size": "13px", "vscode-textPreformat-foreground": "#d7ba7d",
        **{f"vscode-{name}": value for name, value in more.items()},
    }  # fmt: skip
    return Host(
        ground=tuple(bytes.fromhex(ground[1:])),  # type: ignore[arg-type]
        dark=kind in ("vscode-dark", "vscode-high-contrast"),
        variables=names,
        body=f'class="{kinds}" data-vscode-theme-kind="{kind}" data-vscode-theme-id="A Theme"',
        css="body { color: var(--vscode-editor-foreground); font-family: var(--vscode-font-family); padding: 0 20px; }"
        "code { color: var(--vscode-textPreformat-foreground); }"
        ".cell-output-ipywidget-background { background-color: white !important; }",
        classes=("output_container", "output", "cell-output-ipywidget-background", "lm-Widget jupyter-widgets"),
    )


def colab(theme: str, ground: str, ink: str, **more: str) -> Host:
    """The output frame of Colab in a theme."""
    names = {"primary-surface-color": ground, "primary-text-color": ink, **more}
    return Host(
        ground=tuple(bytes.fromhex(ground[1:])),  # type: ignore[arg-type]
        dark=theme == "dark",
        variables={f"colab-{name.replace('_', '-')}": value for name, value in names.items()},
        html=f'theme="{theme}"',
        classes=("output-body", "colab-lumino-adapter", "jupyter-widgets"),
    )


HOSTS = {
    "vscode-dark": vscode("vscode-dark", "#1f1f1f", "#cccccc", "#4daafc", "#2b2b2b", "#3c3c3c"),
    "vscode-light": vscode("vscode-light", "#ffffff", "#3b3b3b", "#005fb8", "#e5e5e5", "#cecece"),
    "vscode-high-contrast": vscode(
        "vscode-high-contrast", "#000000", "#ffffff", "#21a6ff", "#6fc3df", "#6fc3df", contrastBorder="#6fc3df"
    ),
    "vscode-high-contrast-light": vscode(
        "vscode-high-contrast-light", "#ffffff", "#292929", "#0f4a85", "#0f4a85", "#0f4a85", contrastBorder="#0f4a85"
    ),
    "colab-light": colab(
        "light", "#ffffff", "#212121", anchor_color="#00e", border_color="#dadada", input_border_color="#a9a9a9"
    ),
    "colab-dark": colab(
        "dark", "#383838", "#d5d5d5", anchor_color="#64b5f6", border_color="#616161", input_border_color="#a9a9a9"
    ),
    # A host that says nothing, and one that is unknown but says dark.
    "bare-light": Host((255, 255, 255), False, {}, rest={}),
    "bare-dark": Host((18, 18, 18), True, {}, css=":root { color-scheme: dark; }", rest={}),
}


class _Pages(Answering, http.server.SimpleHTTPRequestHandler):
    pages: Mapping[str, str] = {}

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        text = self.pages.get(self.path.strip("/"))
        if text is None:
            super().do_GET()
        else:
            self.say(text.encode(), content_type="text/html; charset=utf-8")


@contextmanager
def hosts() -> Iterator[str]:
    """The address under which every host has its page."""
    pages = {name: host.page() for name, host in HOSTS.items()}
    handler = functools.partial(type("Pages", (_Pages,), {"pages": pages}), directory=str(STATIC))
    with serving(Loopback(handler)) as server:
        yield server.address


def mount(page: Page, address: str, name: str, spot: Spot) -> Locator:
    """The panel of a spot on the page of a host."""
    backend = Backend(spot, {})

    def answer(content: Any) -> Any:
        reply = backend.reply(content)
        return reply and json.loads(json.dumps(reply[0]))

    page.expose_function("spotmagicAsk", answer)
    page.expose_function("spotmagicState", lambda: {"state": {"first": backend.first(), "feed": "", "twin": ""}})
    page.goto(f"{address}/{name}")
    return page.locator("section.panel")
