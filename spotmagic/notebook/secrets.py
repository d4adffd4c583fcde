"""Credentials, which stand in no file, badge or listing: masked in sources, and never among what is kept of a cell."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spotmagic.errors import Uncacheable
from spotmagic.store.entry import Part
from spotmagic.values.notes import is_secret_name

_NAME = r"(?:api_?key|token|secret|password|passwd|credentials?|authorization)"
_KNOWN = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai|pplx|tvly|lsv2|r8|glpat|gh[pousr]|github_pat|xox[abprs]|AKIA|ASIA|AIza|ya29|eyJ)[\w.\-]{12,}"
)
_BEARER = re.compile(r"\b(?:Bearer|Basic|Token)\s+([\w.~+/\-]{8,}=*)")
_IN_URL = re.compile(r"(?<=://)[^\s/'\"@]+:([^\s/'\"@]+)@")
_GIVEN = re.compile(
    rf"(?i)(?:(?:\b|[_\-]){_NAME}['\"]?\s*[=:]\s*['\"]?|[?&](?:key|sig|signature|auth|pwd)=)([\w.~+\-]{{8,}}=*)"
)
_RANDOM = re.compile(r"(?<![\w/+.\-])(?=[\w+\-]*\d)(?=[\w+\-]*[A-Za-z])[\w+\-]{32,}={0,2}(?![\w/+.\-])")
_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_ASKS = re.compile(r"\b(input|getpass)\(")
_SHORTEST = 8


def mask(source: str) -> str:
    """A source without the credentials in it, wherever in a text, a shell line or a magic they stand."""
    found = {*literals(source), *(one for text in _TEXT.findall(source) for one in _RANDOM.findall(text[1:-1]))}
    for secret in sorted(found, key=len, reverse=True):
        source = source.replace(secret, "…")
    return source


def literals(source: str) -> Iterator[str]:
    """The credentials that a source holds in its texts, f-strings, shell lines and magics."""
    for text in _TEXT.findall(source):
        inside = text[1:-1]
        yield from _KNOWN.findall(inside)
        yield from _BEARER.findall(inside)
        yield from _IN_URL.findall(inside)
        yield from (one for one in _GIVEN.findall(inside) if re.search(r"\d", one))
    for found in re.finditer(r"(\w+)['\"]?\]?\s*(?:=|:)\s*[fbr]?(['\"])((?:(?!\2).)+)\2", source):
        if is_secret_name(found[1]) and len(found[3]) >= _SHORTEST:
            yield found[3]


def is_secret(name: str, value: Any) -> bool:
    """Whether a variable holds a credential: by its name, or as the value of a secret environment variable."""
    if not isinstance(value, str) or len(value) < _SHORTEST:
        return False
    return (is_secret_name(name) and " " not in value) or value in _environment() or _KNOWN.fullmatch(value) is not None


def refuse_asking(normal: str, asked: bool | None) -> None:
    """Raise for a cell that asked the user for something: what was typed is never kept.

    Args:
        asked: whether the kernel was asked for input; None where nobody can tell.
    """
    if asked or (asked is None and _ASKS.search(normal)):
        todo = "Ask in a cell of its own, which is not under the spot"
        raise Uncacheable("what is typed is not kept", "the cell asks for input", todo, path="input")


def refuse_secrets(parts: Iterable[Part], source: str) -> None:
    """Raise if what is to be kept of a cell holds a credential in clear."""
    known: Mapping[str, str] = {**dict.fromkeys(literals(source), "written in the cell"), **_environment()}
    for part in parts:
        for secret, where in known.items():
            text = secret.encode("utf-8", "surrogatepass")
            if len(text) >= _SHORTEST and any(text in bytes(data) for data in (part.head, *part.buffers)):
                raise Uncacheable(
                    f"{part.name} cannot be kept",
                    f"it holds a secret ({where})",
                    "Make it in a cell of its own, or leave it out with outputs=",
                    path=part.name,
                )


def _environment() -> dict[str, str]:
    """The secret values of the environment, with the variables that hold them."""
    return {
        value: f"the environment's {name}"
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST and is_secret_name(name)
    }
