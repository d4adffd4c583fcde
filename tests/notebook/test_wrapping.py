"""Functions of a library under a mark, without touching anybody's code."""

# ruff: noqa: E501
from __future__ import annotations

import functools
import sys
import types

import pytest

from spotmagic.errors import OptionError
from spotmagic.notebook.line import split
from spotmagic.notebook.wrapping import Wrapping, targets


@pytest.fixture
def library(monkeypatch):
    module = types.ModuleType("paid_library")
    exec(
        "def ask(x): return x + 1\nclass Client:\n    def get(self, x): return x\n    @staticmethod\n    def ping(): return 'pong'\n    @classmethod\n    def of(cls): return cls.__name__\nRATE = 5",
        vars(module),
    )
    monkeypatch.setitem(sys.modules, "paid_library", module)
    return module


def mark(function):
    @functools.wraps(function)
    def marked(*args, **kwargs):
        return ("marked", function(*args, **kwargs))

    return marked


def test_a_function_is_wrapped_where_it_is_and_where_it_was_imported_to(library):
    names = {"ask": library.ask, "same": library.ask, "other": len, "_": library.ask}
    wrapping = Wrapping(names)
    assert wrapping.on("paid_library:ask", mark) == 2
    assert library.ask(1) == names["ask"](1) == names["same"](1) == ("marked", 2)
    assert names["_"](1) == 2


def test_off_puts_everything_back(library):
    original, names = library.ask, {"ask": library.ask}
    wrapping = Wrapping(names)
    wrapping.on("paid_library:ask", mark)
    wrapping.off("paid_library:ask")
    assert library.ask is original and names["ask"] is original


def test_twice_is_wrapped_once(library):
    wrapping = Wrapping({})
    wrapping.on("paid_library:ask", mark)
    wrapping.on("paid_library:ask", mark)
    assert library.ask(1) == ("marked", 2)
    wrapping.off_all()
    assert library.ask(1) == 2


def test_methods_of_all_kinds(library):
    before = dict(vars(library.Client))
    wrapping = Wrapping({})
    for name in ("get", "ping", "of"):
        wrapping.on(f"paid_library:Client.{name}", mark)
    assert library.Client().get(3) == ("marked", 3)
    assert library.Client.ping() == ("marked", "pong")
    assert library.Client.of() == ("marked", "Client")
    wrapping.off_all()
    assert dict(vars(library.Client)) == before


def test_what_somebody_else_put_there_meanwhile_stays(library):
    wrapping = Wrapping({})
    wrapping.on("paid_library:ask", mark)
    library.ask = theirs = lambda x: "theirs"
    wrapping.off("paid_library:ask")
    assert library.ask is theirs


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("paid_library", "no target"),
        ("paid_library:", "no target"),
        ("paid_librari:ask", "No module named"),
        ("paid_library:aks", "Did you mean ask?"),
        ("paid_library:Client.gte", "Did you mean get?"),
        ("paid_library:RATE", "is no function"),
        ("paid_library:Client", "is no function"),
    ],
)
def test_an_impossible_target_is_a_clear_error(library, target, said):
    with pytest.raises(OptionError) as caught:
        Wrapping({}).on(target, mark)
    assert said in str(caught.value)


def test_off_of_what_is_not_wrapped_names_the_nearest(library):
    wrapping = Wrapping({})
    wrapping.on("paid_library:ask", mark)
    with pytest.raises(OptionError, match="Did you mean paid_library:ask"):
        wrapping.off("paid_library:aks")


def test_the_words_of_a_line():
    assert targets(split("a:b c:d ttl=7d"))[:2] == (["a:b", "c:d"], False)
    assert targets(split("a:b off"))[:2] == (["a:b"], True)
    assert [word.name for word in targets(split("a:b ttl=7d"))[2]] == ["ttl"]
