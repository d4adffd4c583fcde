"""What SQLAlchemy makes of declared classes and of statements: counted by what was declared, not by what it keeps."""

from __future__ import annotations

import weakref
from types import CellType
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.values.scheme import Unfit
from spotmagic.values.settings import Settings, at
from spotmagic.values.state import attributes


def table(value: Any) -> Settings:
    """A table by what was declared of it. Its names are texts of a class that notes how it was asked."""
    constraints = [[type(one).__name__, *_said(one), [*map(str, one.columns.keys())]] for one in value.constraints]
    indexes = [["Index", *_said(one), [*map(str, one.expressions)], one.unique] for one in value.indexes]
    columns = [_column(one) for one in value.columns]
    beside = [f"{value.fullname}", value.comment, value.info, sorted([*constraints, *indexes], key=repr)]
    return {"columns": columns, "beside": beside}


def _said(constraint: Any) -> list[str]:
    return [str(constraint.name), str(getattr(constraint, "sqltext", ""))]


def _column(one: Any) -> list[Any]:
    made = [getattr(each, "arg", None) for each in (one.default, one.onupdate, one.server_default)]
    made = [str(each) if hasattr(each, "compile") else each for each in made]
    said = [f"{one.key}", f"{one.name}", one.nullable, one.primary_key, one.unique, one.index, one.comment, one.doc]
    keys = sorted(f"{each.target_fullname}" for each in one.foreign_keys)
    return [*said, one.info, [type(one.type), repr(one.type)], made, keys]


def column(value: Any) -> Settings:
    """A column by what was declared of it, and the table that it stands in."""
    return {"column": _column(value), "table": value.table}


def statement(value: Any) -> Settings:
    """A statement, or a part of one, by what SQLAlchemy knows two by that are compiled alike, and its values."""
    known = value._generate_cache_key()
    if known is None:
        raise Unfit("it is an expression of SQLAlchemy that holds what cannot be told apart")
    bound = [
        [f"{one.key}" if not hasattr(one.key, "apply_map") else None, one.type, one.value] for one in known.bindparams
    ]
    return {"statement": known.key, "bound": bound, "options": dict(at(value, "_execution_options") or {}) or None}


def name(value: Any) -> Settings:
    """A name of a table or column, which notes in itself how it was asked."""
    return {"text": f"{value}", "quote": value.quote}


def mapped(value: Any) -> Settings:
    """An attribute of a mapped class by its columns, or by what was said of the relationship."""
    made = value.comparator.prop
    if getattr(made, "_init_args", None) is not None:
        return {"key": value.key, "events": listeners(value), **_relationship(made)}
    columns = [str(one) for one in getattr(made, "columns", ())]
    deferred = getattr(made, "deferred", None)
    return {"key": value.key, "columns": columns, "deferred": deferred, "events": listeners(value)}


def mapper(value: Any) -> Settings:
    """How objects of a mapped class are told apart, and what the user lets happen with them."""
    return {"polymorphic_identity": value.polymorphic_identity, "events": listeners(value)}


def listeners(value: Any) -> dict[str, list[Any]] | None:
    """The functions of the user's, by event, that SQLAlchemy calls; it wraps some."""
    made = value.dispatch
    names = attributes(made).get("local", made)._event_names  # one made of another's asks that one too
    each = {name: list(getattr(made, name)) for name in names}
    found = {name: [one for one in listed if _is_listener(one)] for name, listed in each.items()}
    return {name: listed for name, listed in found.items() if listed} or None


def _is_listener(one: Any) -> bool:
    held = (cell.cell_contents for cell in getattr(one, "__closure__", None) or () if cell != CellType())
    return any(callable(each) and is_user_module(getattr(each, "__module__", None)) for each in (one, *held))


_declared: weakref.WeakKeyDictionary[Any, Settings] = weakref.WeakKeyDictionary()


def _relationship(made: Any) -> Settings:
    """A relationship as it was declared. The first query of all fills in what was not said."""
    if made in _declared:
        return _declared[made]
    said, held = made._init_args, attributes(made)
    args = [[name, str(one.argument) if hasattr(one.argument, "compile") else one.argument]
            for name, one in zip(said._fields, said, strict=True)]  # fmt: skip
    plain = {name: one for name, one in held.items() if type(one) in (str, bool) and name[:1] != "_"}
    found = {"relationship": args, "options": [*sorted(plain.items())]}
    if not held.get("_configure_started"):
        _declared[made] = found
    return found


def metadata(value: Any) -> Settings:
    """The tables that were declared together."""
    return {"tables": [[f"{name}", table(one)] for name, one in sorted(value.tables.items())], "schema": value.schema}
