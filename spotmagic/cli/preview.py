"""A preview of the panel as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def lines(preview: dict[str, Any]) -> Iterator[str]:
    """What a preview shows, line by line; of pictures and the like only what they are."""
    view = preview["view"]
    if view == "tree":
        yield from _tree("", preview["tree"], "  ")
    elif isinstance(preview.get("text"), str):
        yield from (f"  {line}" for line in preview["text"].splitlines())
    elif view == "table":
        yield "  " + "  ".join(map(str, preview["columns"]))
        for row in preview["rows"]:
            yield "  " + "  ".join(map(str, row))
    elif view == "list":
        for item in preview["items"]:
            yield from lines(item)
    else:
        yield "  " + ", ".join(
            [view, *(f"{name} {preview[name]}" for name in ("type", "size", "why") if preview.get(name))]
        )


def _tree(name: str, node: dict[str, Any], indent: str) -> Iterator[str]:
    label = f"{name}: " if name else ""
    if "children" not in node:
        yield f"{indent}{label}{node.get('text', node['type'])}"
        return
    yield f"{indent}{label}{node['type']} of {node['size']}"
    for child, inner in node["children"]:
        yield from _tree(child, inner, indent + "  ")
