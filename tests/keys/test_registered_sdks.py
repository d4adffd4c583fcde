"""What the user hands to libraries, which call it by themselves, counts for all calls that use the library."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from tests.keys.conftest import MakeKey, Project

YAML = """
import functools
import yaml

PRE = "one"

def deep(value):
    return PRE + value

def make(loader, node):
    return deep(node.value)

class Made:
    def __init__(self, value):
        self.value = value
    def shown(self):
        return "one" + self.value
    @classmethod
    def make(cls, loader, node):
        return cls(node.value).shown()

def other(loader, node):
    return "other"

HANDED

def f(text):
    return yaml.load(text, yaml.SafeLoader)
"""
OF_YAML = {
    "a function": 'yaml.add_constructor("!x", make, Loader=yaml.SafeLoader)',
    "by a class": 'yaml.SafeLoader.add_constructor("!x", make)',
    "a lambda": 'yaml.SafeLoader.add_constructor("!x", lambda loader, node: "one" + node.value)',
    "what a lambda asks": 'yaml.SafeLoader.add_constructor("!x", lambda loader, node: deep(node.value))',
    "a text that a lambda asks": 'yaml.SafeLoader.add_constructor("!x", lambda loader, node: PRE + node.value)',
    "a method of a class": 'yaml.SafeLoader.add_constructor("!x", Made.make)',
    "a partial": 'yaml.SafeLoader.add_constructor("!x", functools.partial(make))',
    "an item": 'yaml.SafeLoader.yaml_constructors["!x"] = make',
    "a table": 'for tag, one in {"!x": make}.items():\n    yaml.SafeLoader.add_constructor(tag, one)',
    "a named table": 'T = {"!x": make}\nfor tag, one in T.items():\n    yaml.SafeLoader.add_constructor(tag, one)',
    "inside if": 'if PRE:\n    yaml.SafeLoader.add_constructor("!x", make)',
    "inside with and try": "from contextlib import suppress\nwith suppress(KeyError):\n    try: pass\n    finally:\n"
    '        yaml.SafeLoader.add_constructor("!x", make)',
    "inside a function": 'def setup():\n    yaml.SafeLoader.add_constructor("!x", make)\nsetup()',
    "by a function of one's own": 'def add(tag, one):\n    yaml.SafeLoader.add_constructor(tag, one)\nadd("!x", make)',
    "by a name that was imported": 'from yaml import SafeLoader as S, add_constructor as add\nadd("!x", make, S)',
}
CASES: dict[str, tuple[str, tuple[str, str]]] = {
    **{name: (YAML.replace("HANDED", text), ("one", "two")) for name, text in OF_YAML.items()},
    "a decorator of one's own": (
        """
        import yaml

        def register(tag):
            def take(function):
                yaml.SafeLoader.add_constructor(tag, function)
                return function
            return take

        @register("!x")
        def make(loader, node):
            return "one"

        def other(): return "other"

        def f(text): return yaml.safe_load(text)
        """,
        ("one", "two"),
    ),
    "a decorator of the library": (
        """
        import sqlalchemy
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        @event.listens_for(Engine, "connect")
        def connected(connection, record):
            connection.create_function("mine", 0, lambda: "one")

        def other(): return "other"

        def f(text): return sqlalchemy.create_engine("sqlite://").connect().execute(sqlalchemy.text(text)).scalar()
        """,
        ("one", "two"),
    ),
    "the library of an argument": (
        """
        import sqlalchemy
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        def connected(connection, record):
            connection.create_function("mine", 0, lambda: "one")
        event.listen(Engine, "connect", connected)

        def other(): return "other"

        ARGS = sqlalchemy.create_engine("sqlite:///a.db"), "select mine()"
        def f(engine, text): return engine.connect().exec_driver_sql(text).scalar()
        """,
        ("one", "two"),
    ),
    "an adapter": (
        """
        import sqlite3

        class Money: pass

        def adapt(money): return "one"
        sqlite3.register_adapter(Money, adapt)

        def other(): return "other"

        def f(text): return sqlite3.connect(":memory:").execute("select ?", (Money(),)).fetchall()
        """,
        ("one", "two"),
    ),
    "how it is copied": (
        """
        import copy, copyreg

        class Money:
            def __init__(self, value=""): self.value = value

        def taken(money): return Money, ("one",)
        copyreg.pickle(Money, taken)

        def other(): return "other"

        def f(text): return copy.copy(Money()).value
        """,
        ("one", "two"),
    ),
    "errors of codecs": (
        """
        import codecs

        def handle(error): return "one", error.end
        codecs.register_error("mine", handle)

        def other(): return "other"

        def f(text): return text.encode("ascii", "mine")
        """,
        ("one", "two"),
    ),
    "an object of a class": (
        """
        import matplotlib.units as units

        class Money: pass

        class Converter(units.ConversionInterface):
            @staticmethod
            def convert(value, unit, axis): return 1.0 if "one" else 0.0
        units.registry[Money] = Converter()

        def other(): return "other"

        def f(text): return units.registry.get_converter(Money()).convert(1, None, None)
        """,
        ("one", "two"),
    ),
    "a class of loggers": (
        """
        import logging

        class Telling(logging.Logger):
            def tell(self): return "one"
        logging.setLoggerClass(Telling)

        def other(): return "other"

        def f(text): return logging.getLogger("of a test").name
        """,
        ("one", "two"),
    ),
    "a filter in a table": (
        """
        import jinja2, jinja2.defaults

        def shout(value): return value + "one"
        jinja2.defaults.DEFAULT_FILTERS["shout"] = shout

        def other(): return "other"

        def f(text): return jinja2.Environment().from_string("{{ x|shout }}").render(x=text)
        """,
        ("one", "two"),
    ),
}


def loaded(project: Project, text: str) -> ModuleType:
    sys.modules.pop(f"{project.prefix}main", None)
    return project.load("main", text)


def key(make: MakeKey, module: ModuleType) -> str:
    keyed = make(module.f).keyed(getattr(module, "ARGS", ("!x 1",)), {})
    assert keyed.trouble == ""
    return keyed.key.hex()


@pytest.fixture(autouse=True)
def _loggers() -> Any:
    import logging

    before = logging.getLoggerClass()
    yield
    logging.setLoggerClass(before)


@pytest.mark.parametrize("name", CASES)
def test_what_a_library_calls_counts(project: Project, key_of: MakeKey, name: str) -> None:
    """An edit gives another key, the edit undone the one before, and any other edit leaves it."""
    text, (old, new) = CASES[name]
    first = key(key_of, loaded(project, text))
    assert key(key_of, loaded(project, text.replace(old, new))) != first
    assert key(key_of, loaded(project, text)) == first
    assert key(key_of, loaded(project, text.replace('"other"', '"another"  # it says'))) == first


NOT_HANDED = {
    "what is kept": "vf = np.vectorize(g)",
    "what is called": "np.abs(len(g(1)))",
    "what is done at its end": "import atexit\natexit.register(g)",
    "a thread": "import threading\nthreading.Thread(target=g).start()",
    "a hook of Python": "import sys\nsys.unraisablehook = sys.unraisablehook if g else None",
    "a method of an object": "import pandas as pd\npd.Series([1.0]).map(g)",
    "who runs it at once": "import anyio\nasync def run(): g(1)\nanyio.run(run)",
    "another library": 'import yaml\nyaml.add_constructor("!y", g)',
    "what only is a setting": "np.random.seed(len(g(1)))",
}
APART = """
import numpy as np

def g(*given):
    return "one"

HANDED

def f(text):
    return float(np.sin(len(text)))
"""


@pytest.mark.parametrize("name", NOT_HANDED)
def test_what_no_library_keeps_does_not_count(project: Project, key_of: MakeKey, name: str) -> None:
    """An edit of it pays for no call again."""
    text = APART.replace("HANDED", NOT_HANDED[name])
    first = key(key_of, loaded(project, text))
    assert key(key_of, loaded(project, text.replace("one", "two"))) == first


def test_what_is_handed_over_later_counts_at_once(project: Project, key_of: MakeKey) -> None:
    """In a module that is loaded after the first call, and loaded anew with another function."""
    import importlib

    module = loaded(project, "import yaml\ndef f(text): return yaml.safe_load(text)\n")
    make = key_of(module.f)
    first = make.key(("!x 1",), {})
    later = 'import yaml\ndef make(loader, node): return "one"\nyaml.SafeLoader.add_constructor("!x", make)\n'
    plugin = project.load("plugin", later)
    second = make.key(("!x 1",), {})
    project.write("plugin", later.replace("one", "three"))
    importlib.reload(plugin)
    third = make.key(("!x 1",), {})
    assert len({first, second, third}) == 3
    project.write("plugin", later)
    importlib.reload(plugin)
    assert make.key(("!x 1",), {}) == second
    project.write("plugin", later + 'yaml.SafeLoader.add_constructor("!y", make)\n')
    importlib.reload(plugin)
    assert make.renew()
    assert make.key(("!x 1",), {}) not in (first, second, third)
