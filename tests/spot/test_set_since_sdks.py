"""What is set while a program runs counts from then on: settings of libraries, members of classes, registrations."""

from __future__ import annotations

import abc
import decimal
import enum
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn

from spotmagic import Spot


class Colour(enum.Enum):
    RED = 1


class Base(abc.ABC):
    pass


class Registered:
    pass


def frame() -> str:
    return pd.DataFrame({"a": [1.23456]}).to_string()


def given(value: Any) -> str:
    return str(value)


def third(value: Any) -> Any:
    return value / 3


def printed() -> str:
    return str(np.array([1.23456]))


def divided() -> str:
    try:
        return str(np.array([1.0]) / 0)
    except FloatingPointError:
        return "raised"


def scaled() -> str:
    from sklearn.preprocessing import StandardScaler

    return type(StandardScaler().fit_transform(np.eye(2))).__name__


def hour() -> int:
    return time.localtime(0).tm_hour


def label() -> str:
    return Colour.RED.label  # type: ignore[attr-defined,no-any-return]


def registered() -> bool:
    return isinstance(Registered(), Base)


def mine() -> Any:
    return pd.concat([pd.DataFrame({"a": [1]})]).mine()


def column(value: pd.DataFrame) -> Any:
    return value["a"].mine()


def rows(value: pd.DataFrame) -> str:
    return str(value.groupby("a").sum().head())


def written() -> str:
    return json.dumps({"a": {1, 2}})


def _zone(name: str) -> None:
    os.environ["TZ"] = name
    time.tzset()


def _method(kind: type, name: str) -> Callable[[Any], None]:
    return lambda value: setattr(kind, name, lambda self, *_: value)


_FRAME = pd.DataFrame({"a": [1.23456]})
SINCE: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Callable[[Any], Any], list[Any]]] = {
    "options of frames": (frame, (), lambda n: pd.set_option("display.precision", n), [2, 3, 6]),
    "options of a frame that is given": (given, (_FRAME,), lambda n: pd.set_option("display.precision", n), [2, 6]),
    "printing of arrays": (printed, (), lambda n: np.set_printoptions(precision=n), [2, 3, 8]),
    "printing of a given array": (given, (np.array([1.2345]),), lambda n: np.set_printoptions(precision=n), [2, 8]),
    "errors of arrays": (divided, (), lambda how: np.seterr(all=how), ["ignore", "raise", "ignore"]),
    "precision": (third, (decimal.Decimal(1),), lambda n: setattr(decimal.getcontext(), "prec", n), [5, 7, 28]),
    "output of transformers": (scaled, (), lambda how: sklearn.set_config(transform_output=how), ["pandas", "default"]),
    "time zone": (hour, (), _zone, ["Europe/Berlin", "America/New_York", "UTC"]),
    "attribute of a member": (label, (), lambda value: setattr(Colour.RED, "label", value), ["x", "y", "x"]),
    "registered class": (registered, (), lambda kind: Base.register(kind), [int, Registered]),
    "method of an object made inside": (mine, (), _method(pd.DataFrame, "mine"), [1, 2, 1]),
    "method of a part of what is given": (column, (_FRAME,), _method(pd.Series, "mine"), [1, 2, 1]),
    "method replaced": (rows, (_FRAME,), _method(pd.DataFrame, "head"), [1, 2]),
    "method that a library calls": (written, (), _method(json.JSONEncoder, "default"), [1, 2]),
}  # fmt: skip


@pytest.fixture
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what the cases put into others' classes, and the settings that others see."""
    monkeypatch.setenv("TZ", "UTC")
    places = [(pd.DataFrame, "mine"), (pd.Series, "mine"), (pd.DataFrame, "head"), (json.JSONEncoder, "default")]
    before = [(kind, name, vars(kind).get(name)) for kind, name in places]
    yield
    for kind, name, value in before:
        if value is not None:
            setattr(kind, name, value)
        elif name in vars(kind):
            delattr(kind, name)
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    time.tzset()


@pytest.mark.usefixtures("_as_before")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", SINCE)
def test_a_call_sees_what_is_set_now(tmp_path: Path, what: str) -> None:
    function, args, put, values = SINCE[what]
    with Spot("since", root=tmp_path) as spot:
        marked = spot.mark(function)

        def now(call: Callable[..., Any]) -> Any:
            try:
                return call(*args)
            except (AttributeError, TypeError) as error:
                return type(error)

        assert now(marked) == now(function), "before anything is set"
        for value in values:
            put(value)
            assert now(marked) == now(function), value
            assert now(marked) == now(function), value
