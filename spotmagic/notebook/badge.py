"""What people see of a cell: the badge under it, its name, a value in a few words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.engine.call import Outcome
from spotmagic.engine.explain import ARGUMENTS
from spotmagic.errors import tell
from spotmagic.notebook.graph import is_code
from spotmagic.terminal import plain
from spotmagic.values.secrets import is_private, is_secret
from spotmagic.values.short import pack, texts
from spotmagic.values.written import mask
from spotmagic.words import counted, duration, markup, money

_GREEN, _TROUBLE = "light-dark(#1a7f37,#3fb950)", "light-dark(#bc4c00,#f0883e)"
_COLOURS = {
    "hit": _GREEN,
    "joined": _GREEN,
    "mocked": "light-dark(#8250df,#a371f7)",
    "ran": "light-dark(#0969da,#58a6ff)",
    "bypassed": "light-dark(#57606a,#8b949e)",
}
_SHOWN = {field.name for field in fields(Outcome)} - {"value"}
_SHAPED = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch", "scipy"})
_SIZED = (list, tuple, dict, set, frozenset)
_LINE = 60
_LONG = 64  # the length of a short text could tell something of a password


def publish(shell: Any, outcome: Outcome, *, note: str = "") -> None:
    """Show the badge of an outcome as one display of html and plain text.

    Args:
        note: one more thing to say, such as what a failed cell will not pay again.
    """
    told = " · ".join(filter(None, [*phrases(outcome), note]))
    trouble = bool(outcome.drift) or (outcome.verdict == "ran" and not outcome.stored)
    colour = _TROUBLE if trouble else _COLOURS[outcome.verdict]
    verdict, rest = markup(outcome.verdict), markup(told.removeprefix(outcome.verdict))
    html = (
        f'<div role="note" style="font:12px/1.6 system-ui,sans-serif;border-left:3px solid {colour};padding-left:8px;'
        f'margin:4px 0;opacity:.85"><b style="color:{colour}">{verdict}</b>{rest}</div>'
    )
    account = {name: getattr(outcome, name) for name in sorted(_SHOWN)}
    account["changed"], account["drift"] = list(outcome.changed), list(outcome.drift)
    shell.display_pub.publish({"text/plain": f"spot: {plain(told)}", "text/html": html}, {"spotmagic": account})


def phrases(outcome: Outcome) -> list[str]:
    """What is to be said about an outcome, its verdict first."""
    if outcome.verdict in ("hit", "mocked", "joined"):
        saved = [duration(outcome.saved_seconds)] if outcome.saved_seconds > 0.0005 else []
        saved += [money(outcome.saved_price)] if outcome.saved_price else []
        said = [
            outcome.verdict,
            f"{duration(outcome.age)} old",
            f"saved {' and '.join(saved)}" if saved else "",
            outcome.reason,
        ]
        if outcome.drift:
            names = ", ".join(f"`{name}`" for name in outcome.drift)
            said.append(f"drift: {names} differ{'s' if len(outcome.drift) == 1 else ''} from the kept result "
                        f"(%spot accept {outcome.name}, or refresh)")  # fmt: skip
        return said
    took = (
        f"ran in {duration(outcome.seconds)}" if outcome.verdict == "ran" else f"bypassed, {duration(outcome.seconds)}"
    )
    waited = f"waited {duration(outcome.waited)}" if outcome.waited >= 0.05 else ""
    return [
        took,
        money(outcome.price) if outcome.price else "",
        waited,
        outcome.reason,
        "stored" if outcome.stored else "",
    ]


def summary(value: Any) -> str:
    """What a value is: ``"list, 3 items"``, ``"DataFrame, 100 x 5"``, ``"ndarray of float64, 2 x 3"``, ``"int"``."""
    kind = type(value)
    name = kind.__name__
    if kind.__module__.partition(".")[0] in _SHAPED:  # asking others for a shape would run code of the user
        return _shaped(value, name)
    if isinstance(value, _SIZED):
        return f"{name}, {counted(len(value), 'item')}"
    if isinstance(value, str | bytes | bytearray) and len(value) >= _LONG:
        return f"{name}, {counted(len(value), 'character' if isinstance(value, str) else 'byte')}"
    return name


def described(inputs: Iterable[str], namespace: Mapping[str, Any], *, in_full: bool) -> dict[str, str]:
    """The notes that tell of a cell's inputs: each in a few words, and the data among them in short texts."""
    found = {name: namespace[name] for name in inputs if name in namespace}
    told = {f"input {name}": summary(value) for name, value in found.items()}
    if not in_full:
        return told
    data = {name: value for name, value in found.items() if not (is_code(value) or is_secret(name, value))}
    if not data:
        return told
    try:
        packed = pack(texts(data, {name: value for name, value in dict(namespace).items() if is_private(name)}))
    except Exception as error:  # a text for people is not worth a result
        tell("the inputs of a cell are not listed", f"{type(error).__name__}: {error}", once="inputs of cells")
        return told
    return {**told, ARGUMENTS: packed} if packed else told


def _shaped(value: Any, name: str) -> str:
    try:
        shape = " x ".join(f"{length:,}" for length in value.shape)
        kind = getattr(value, "dtype", None)
    except Exception:
        return name
    return f"{name}{f' of {kind}' if kind is not None else ''}{f', {shape}' if shape else ''}"


def label(code: CellCode) -> str:
    """What a cell is called that was given no name: by what it writes, else by its first line."""
    names = (name for name in code.writes - code.defined if not name.startswith("_"))
    if found := ", ".join(sorted(names, key=lambda name: (code.normal.find(name), name))[:3]):
        return found
    line = mask(code.normal).partition("\n")[0]
    return (line if len(line) <= _LINE else textwrap.shorten(line, _LINE, placeholder="…")) or "cell"
