"""Payloads that ask a canary when any of them comes alive, and a script that plants them wherever a spot keeps text."""

from __future__ import annotations

from loopback import Answering, Loopback

FETCH = "fetch('U')"
PAYLOADS = [
    "<img src=U>",
    f'<img src=x: onerror="{FETCH}">',
    f"<script>{FETCH}</script>",
    "<script src=U></script>",
    f'<svg onload="{FETCH}"></svg>',
    f"<svg><script>{FETCH}</script></svg>",
    "<svg width=9 height=9><image href=U width=9 height=9 /></svg>",
    "<iframe src=U></iframe>",
    "<iframe srcdoc='<img src=U>'></iframe>",
    "<iframe src='data:text/html,<img src=U>'></iframe>",
    "<object data=U></object>",
    "<embed src=U>",
    "<link rel=stylesheet href=U>",
    "<link rel=preload as=image href=U>",
    "<style>@import 'U';</style>",
    "<style>body, :host, .panel { background: url(U) }</style>",
    "<p style='background: url(U)'>p",
    "<p style='list-style-image: url(U); display: list-item'>p",
    "<style>@font-face { font-family: f; src: url(U) } * { font-family: f }</style>letters",
    "<video src=U autoplay></video>",
    "<video poster=U></video>",
    "<video autoplay><source src=U></video>",
    "<audio src=U autoplay></audio>",
    "<img srcset='U 1x'>",
    "<picture><source srcset=U><img></picture>",
    "<input type=image src=U>",
    "<table background=U><tr><td>cell</table>",
    f'<body onload="{FETCH}">',
    f'<details open ontoggle="{FETCH}"><summary>s</details>',
    f'<input autofocus onfocus="{FETCH}">',
    f'<style>@keyframes k {{}}</style><p style="animation: k 1ms" onanimationstart="{FETCH}">p',
    f'<style>@keyframes t {{ to {{ color: red }} }}</style><p style="animation: t 1ms" onanimationend="{FETCH}">p',
    "<meta http-equiv=refresh content='0; url=U'>",
    "<base href=U><img src=x>",
    "<math><mtext><mglyph><style><img src=U></style></mglyph></mtext></math>",
    '<noscript><p title="</noscript><img src=U>">',
    "<svg><style><img src=U></style></svg>",
    "<div><template shadowrootmode=open><img src=U></template></div>",
    "</textarea></title></style></script><!--><img src=U>-->",
    "<svg><foreignObject width=9 height=9><iframe src=U></iframe></foreignObject></svg>",
    "<form action=U><input name=q></form><script>document.forms[0].submit()</script>",
    "<svg width=9 height=9><rect width=9 height=9 filter='url(U#f)' fill='url(U#g)' /></svg>",
]

PLANT = """
import pandas as pd
from spotmagic import Spot
from spotmagic.codecs import encode
from spotmagic.errors import tell
from spotmagic.store.entry import Entry, Part

bad = __BAD__
spot = Spot("demo")


def plant(name, value, **options):
    def function(x):
        if isinstance(value, Exception):
            raise value
        return value
    function.__qualname__ = function.__name__ = name
    try:
        spot.mark(**options)(function)(name)
    except ValueError:
        pass


def plant_cell(key, name, log, source):
    encoded = encode({"log": log})
    part = Part("outputs", encoded.codecs, encoded.head, encoded.buffers)
    entry = Entry(key=key.to_bytes(16, "big"), name=name, kind="cell", parts=(part,), code=bytes([key]) * 16,
                  created=1_800_000_000.0 + key, seconds=1.0, notes={"source": source})
    spot.store.put(entry)


def shown(mime):
    return [["display", "", {mime: one, "text/plain": one}, {}, "", False] for one in bad]


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">%s</svg>'
for one in bad:
    plant(one, one, content_type="text/html", version=one)
plant("a drawing", SVG % "".join(bad[:7]), content_type="image/svg+xml")
plant("a text", "\\n".join(bad))
plant("a tree", {one: [one, {one: (one, one.encode())}] for one in bad})
plant("a table", pd.DataFrame({one: [one, one] for one in bad}, index=bad[:2]))
plant("an error", ValueError(*bad), errors=ValueError)
plant("a failure", ValueError("".join(bad)))
plant_cell(1, "pages " + bad[0], shown("text/html"), "\\n".join(bad))
plant_cell(2, "pages " + bad[0], shown("text/html"), "\\n".join(bad[::-1]))
plant_cell(3, "drawings", [["display", "", {"image/svg+xml": SVG % one}, {}, "", False] for one in bad], bad[0])
plant_cell(4, "texts", [[kind, one, {}, {}, "", False] for kind in ("stdout", "stderr") for one in bad[:24]], "")
plant_cell(5, "other", [*shown("text/markdown")[:25], *shown("application/json")[:25]], "")
for one in bad[:5]:
    spot.limits.get(one, rpm=60)


def fails(x):
    raise ValueError(x + "".join(bad))


fails.__qualname__ = fails.__name__ = bad[1]
fails = spot.mark(version=bad[0])(fails)
spot.map(fails, bad, name=bad[0])
job = fails.submit("x")
try:
    job.result()
except Exception:
    pass
spot.flush()
for n, one in enumerate(bad[:4]):
    tell(one, one, one, once=f"{spot.folder} {n}")
tell("".join(bad), f"{spot.folder} {bad[0]}", "".join(bad), once="put")
"""
PLANTED = len(PAYLOADS) + 10  # one failure is not kept


class Canary(Loopback):
    """A server that remembers who came."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.heard: set[str] = set()

    def payloads(self) -> list[str]:
        """The payloads, each asking for a path of its own."""
        return [payload.replace("U", f"{self.address}/{n}") for n, payload in enumerate(PAYLOADS)]

    def plant(self) -> str:
        """The script that plants the payloads in a spot ``demo``."""
        return PLANT.replace("__BAD__", repr(self.payloads()))


class _Handler(Answering):
    server: Canary

    def do_GET(self) -> None:
        self.server.heard.add(self.path)
        self.say(access_control_allow_origin="*")
