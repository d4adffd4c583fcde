"""Functions of a library under a spot, without touching anybody's code."""

from __future__ import annotations

import importlib
import sys
import types

import pytest

from spotmagic import Spot, last, wrap
from spotmagic.errors import OptionError

SOURCE = """
asked = []

def ask(x):
    asked.append(x)
    return x + 1

class Client:
    def get(self, x):
        return x

    @staticmethod
    def ping():
        return "pong"

    @classmethod
    def of(cls):
        return cls.__name__

class Special(Client):
    pass

RATE = 5
"""


@pytest.fixture
def library(monkeypatch, tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "paid_library.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("paid_library")
    del sys.modules["paid_library"]


def test_a_function_is_kept_where_it_is_and_where_it_was_imported_to(library, spot):
    names = {"ask": library.ask, "same": library.ask, "other": len, "_": library.ask, "_own": library.ask}
    original = library.ask
    wrap.on(spot, ["paid_library:ask"], {}, names)
    assert library.ask(1) == names["ask"](1) == names["same"](1) == names["_own"](1) == 2
    assert library.asked == [1] and last().verdict == "hit"
    assert names["_"] is original and names["other"] is len


def test_the_users_own_modules_follow_and_come_back(library, spot, monkeypatch):
    mine, installed = types.ModuleType("mine"), types.ModuleType("installed")
    installed.__file__ = "/usr/lib/site-packages/installed.py"
    for module in (mine, installed):
        module.ask = library.ask
        monkeypatch.setitem(sys.modules, module.__name__, module)
    original = library.ask
    with spot.wrap("paid_library:ask"):
        assert mine.ask is library.ask is not original and installed.ask is original
        mine.later = library.ask
    assert mine.ask is mine.later is library.ask is original


def test_off_puts_everything_back(library, spot):
    original, names = library.ask, {"ask": library.ask}
    wrap.on(spot, ["paid_library:ask"], {}, names)
    wrap.off("paid_library:ask")
    assert library.ask is original and names["ask"] is original and wrap.names() == []


def test_twice_is_wrapped_once(library, spot):
    original = library.ask
    spot.wrap("paid_library:ask")
    again = spot.wrap("paid_library:ask")
    assert library.ask.__wrapped__ is original and wrap.names() == ["paid_library:ask"]
    again.off()
    again.off()
    assert library.ask is original


def test_what_was_wrapped_anew_is_not_taken_back_by_the_first(library, spot):
    first = spot.wrap("paid_library:ask")
    spot.wrap("paid_library:ask", ttl="7d")
    first.off()
    assert wrap.names() == ["paid_library:ask"]


def test_methods_of_all_kinds(library, spot):
    before = {name: vars(library.Client)[name] for name in ("get", "ping", "of")}
    wrapped = spot.wrap(*(f"paid_library:Client.{name}" for name in ("get", "ping", "of")))
    assert library.Client().get(3) == 3 and library.Client.ping() == "pong" and library.Client.of() == "Client"
    assert all(vars(library.Client)[name] is not before[name] for name in before)
    wrapped.off()
    assert all(vars(library.Client)[name] is before[name] for name in before)


def test_a_method_that_is_inherited_is_inherited_again(library, spot):
    with spot.wrap("paid_library:Special.get"):
        assert "get" in vars(library.Special)
    assert "get" not in vars(library.Special)


def test_what_somebody_else_put_there_meanwhile_stays(library, spot):
    wrapped = spot.wrap("paid_library:ask")
    library.ask = theirs = lambda x: "theirs"
    wrapped.off()
    assert library.ask is theirs


def test_options_of_mark_and_limiter(library, spot):
    spot.wrap("paid_library:ask", price="0.5", rpm="600", version=2)
    assert library.ask(1) == 2
    assert last().price == 0.5
    assert spot.store.recent("paid_library.ask")[0].notes["version"] == "2"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("paid_library", "unknown target 'paid_library'"),
        ("htpx", "Did you mean httpx?"),
        ("paid_library:", "no target"),
        ("paid_librari:ask", "No module named"),
        ("paid_library:aks", "Did you mean ask?"),
        ("paid_library:Client.gte", "Did you mean get?"),
        ("paid_library:RATE", "is no function"),
        ("paid_library:Client", "is no function"),
    ],
)
def test_an_impossible_target_is_a_clear_error_and_nothing_is_wrapped(library, spot, target, said):
    original = library.ask
    with pytest.raises(OptionError) as caught:
        spot.wrap("paid_library:ask", target)
    assert said in str(caught.value)
    assert library.ask is original and wrap.names() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tll": "7d"}, "Did you mean ttl?"),
        ({"ttl": "soon"}, "is not a duration"),
        ({"price": "much"}, "is not a number"),
        ({"rpm": "fast"}, "is not a rate"),
        ({"mode": "atuo"}, "Did you mean auto?"),
        ({"match": "api.*"}, "unknown option of paid_library:ask 'match'"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_wrapped(library, spot, options, said):
    original = library.ask
    with pytest.raises(OptionError) as caught:
        spot.wrap("paid_library:ask", **options)
    assert said in str(caught.value) and library.ask is original


def test_off_of_what_is_not_wrapped_names_the_nearest(library, spot):
    spot.wrap("paid_library:ask")
    with pytest.raises(OptionError, match="Did you mean paid_library:ask"):
        wrap.off("paid_library:aks")


def test_a_spot_that_is_closed_lets_go_of_what_it_wrapped(library, spot, tmp_path):
    original = library.ask
    with Spot("other", root=tmp_path) as other:
        other.wrap("paid_library:ask")
        spot.wrap("json:loads")
    assert library.ask is original and wrap.names() == ["json:loads"]


def test_switched_off_nothing_is_touched(library, spot, monkeypatch):
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    original = library.ask
    spot.wrap("paid_library:ask", "httpx")
    assert library.ask is original and wrap.names() == []
