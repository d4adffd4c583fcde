"""Modules of a user, written and imported as a user would."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from spotmagic.keys import FunctionKey
from spotmagic.options import mark_options

MakeKey = Callable[..., FunctionKey]
_numbers = itertools.count()


def mask(data: bytes) -> bytes:
    return hashlib.blake2b(data, key=b"secret of the test", digest_size=16).digest()


class Project:
    """A folder on the import path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = f"user{next(_numbers)}_"
        self.loaded: list[str] = []

    def write(self, name: str, text: str) -> Path:
        path = self.folder / f"{self.prefix}{name}.py"
        path.write_text(dedent(text).replace("@@", self.prefix))
        importlib.invalidate_caches()
        return path

    def load(self, name: str, text: str) -> ModuleType:
        self.write(name, text)
        self.loaded.append(self.prefix + name)
        return importlib.import_module(self.prefix + name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(tmp_path)
    yield made
    for name in [name for name in sys.modules if name.startswith(made.prefix)]:
        del sys.modules[name]


@pytest.fixture
def key_of() -> MakeKey:
    def make(function: Any, **options: Any) -> FunctionKey:
        return FunctionKey(function, mark_options(options), mask=mask)

    return make
