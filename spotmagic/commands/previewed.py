"""A preview of the panel as people read it in a terminal: texts, tables and trees; of all else what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spotmagic import words
from spotmagic.view import Number, View

_NUMBERS = ("int", "uint", "float", "Int", "UInt", "Float", "double", "decimal")


def previewed(name: str, preview: Mapping[str, Any]) -> View:
    """The view of one preview, under the name of its part."""
    kind = preview["view"]
    if kind == "table":
        return _table(name, preview)
    if kind == "tree":
        return View(name, list(_tree("", preview["tree"], "  ")))
    if kind == "list":
        return View(name, parts=[previewed("", item) for item in preview["items"]])
    if text := preview.get("text"):
        return View(name, [f"  {line}" for line in text.splitlines()])
    facts = [preview.get("type") or preview.get("mime"), preview.get("why")]
    if "first" in preview:
        facts += [words.counted(preview["size"], "number"), f"{', '.join(preview['first'])} …"]
    elif isinstance(preview.get("size"), int):
        facts.append(words.size(preview["size"]))
    return View(name, ["  " + (", ".join(str(fact) for fact in facts if fact) or kind)])


def _table(name: str, preview: Mapping[str, Any]) -> View:
    columns = [
        Number(one["name"]) if one["type"].startswith(_NUMBERS) else str(one["name"]) for one in preview["columns"]
    ]
    rows = [[label, *row] for label, row in zip(preview["labels"], preview["rows"], strict=True)]
    return View(f"{name}: {preview['height']:,} x {preview['width']:,}", (), ("", *columns), rows)


def _tree(name: str, node: Mapping[str, Any], indent: str) -> Iterator[str]:
    label = f"{name}: " if name else ""
    if "children" not in node:
        first, *more = str(node.get("text", node["type"])).splitlines() or [""]
        yield f"{indent}{label}{first}"
        yield from (f"{indent}  {line}" for line in more)
        return
    yield f"{indent}{label}{node['type']} of {node['size']}"
    for child, inner in node["children"]:
        yield from _tree(child, inner, indent + "  ")
