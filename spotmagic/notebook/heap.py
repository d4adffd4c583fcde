"""Values that refer to objects of the notebook, as plain rows: a hit must find those objects, not copy them.

A row is ``[kind, ...]`` and names other rows by number. ``live`` rows stand for objects that the cell's inputs hold;
rows of other kinds are only made for what leads to one. Everything else is a ``leaf``, kept by the codecs as it is.
Where ``a`` is an input, ``b = [a, 1]`` is::

    0  ["list", [1, 2]]
    1  ["live", "a", 0, "056519b3e4cc", None]       the first object of a, which has this form; no copy of it
    2  ["leaf", 1]
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Container, Iterable
from types import FunctionType
from typing import Any

from spotmagic.codecs.references import has_own_name
from spotmagic.errors import Uncacheable
from spotmagic.notebook.graph import Live, is_array, is_atom, is_visible, links, owner, owners, shows_memory

_FLAT: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
Row = list[Any]


class Heap:
    """The rows of some values; :meth:`add` gives the number of a value's row.

    Args:
        live: the objects to refer to.
        copies: keep a copy of every live object referred to as well, for a notebook that has it not.
        bound: names that the cell binds: functions of all other names are kept as these.
    """

    def __init__(self, live: Live, *, copies: bool = False, bound: Container[str] = ()) -> None:
        self.rows: list[Row] = []
        self._live, self._copies, self._bound = live, copies, bound
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # what the ids stand for lives as long
        self._leading: set[int] = set()
        self._looked: set[int] = set()

    def take(self, roots: Iterable[Any]) -> None:
        """Find what in these values leads to live objects. Call it before :meth:`add`."""
        holders: dict[int, list[int]] = {}
        found: list[int] = []
        bases: list[int] = []
        todo = list(roots)
        for one in todo:
            holders[id(one)] = [id(self)]
            bases += map(id, owners(one) if shows_memory(one) else ())
        while todo:
            one = todo.pop()
            if is_atom(one):
                continue
            if id(one) in self._looked:
                if id(one) in self._leading:
                    found += holders.get(id(one), ())
                continue
            self._looked.add(id(one))
            self._kept.append(one)
            if self._live.place(one) is not None or self._live.over(one):
                found.append(id(one))
            own = is_visible(one)  # which of its own arrays show the same memory, a library sees to itself
            for part in self._links(one):
                if not is_atom(part):
                    bases += map(id, owners(part) if own and shows_memory(part) else ())
                    holders.setdefault(id(part), []).append(id(one))
                    todo.append(part)
        found += [base for base in bases if len(holders.get(base, ())) > 1]
        while found:
            one_id = found.pop()
            if one_id not in self._leading:
                self._leading.add(one_id)
                found += holders.get(one_id, ())

    def add(self, value: Any, path: str) -> int:
        """The number of the row that stands for this value."""
        if is_atom(value) or id(value) not in self._leading:
            return self._row(value, ["leaf", value])
        number = self._numbers.get(id(value))
        if number is not None:
            return number
        return self.describe(value, path) if self._live.place(value) is None else self._found(value, path)

    def _found(self, value: Any, path: str) -> int:
        """The number of the row for a live object."""
        number = self._numbers.get(id(value))
        if number is None:
            place = self._live.place(value)
            assert place is not None
            if not self._live.lasts(*place):
                why = f"it is or holds a {type(value).__name__} that `{place[0]}` made when it was asked for it"
                raise Uncacheable(f"`{path}` cannot be kept", why, "Make both in one cell", path=path)
            number = self._row(value, ["live", *place, self._live.form(place[0]), None])
            if self._copies:
                self.rows[number][4] = self.describe(value, path, number=False)
        return number

    def describe(self, value: Any, path: str, *, number: bool = True) -> int:
        """The number of a row that makes an object like this one, whatever it is itself known as."""
        kind = type(value)
        row: Row = []
        place = self._row(value if number else row, row)  # before its parts, which may hold the object itself
        if shows_memory(value):
            row += (self._view(value, path) if number else None) or ["leaf", value]
        elif self._whole(value):
            row += ["leaf", value]
        elif kind in _FLAT:
            row += [_FLAT[kind], [self.add(part, f"{path}[{n}]") for n, part in enumerate(value)]]
        elif kind is dict:
            row += [
                "dict",
                [[self.add(key, path), self.add(part, f"{path}[{key!r:.40}]")] for key, part in value.items()],
            ]
        else:
            row += self._reduced(value, path)
        return place

    def _view(self, value: Any, path: str) -> Row | None:
        """An array as a view of another that comes back too, or None: then it is kept by its own values."""
        mask = getattr(value, "_mask", None)
        shared = [one for one in (value, mask) if shows_memory(one) and self._is_shared(one)]
        if not shared:
            return None
        why = f"it is a {type(value).__name__} that shares memory with another array"
        numpy, masked = sys.modules["numpy"], type(value).__name__ == "MaskedArray"
        known = masked or getattr(numpy, type(value).__name__, None) is type(value)
        if not known or value.dtype.hasobject:
            raise Uncacheable(f"{path} cannot be kept", why, "Make it a copy: .copy()", path=path)
        try:
            if not masked:
                return self._part_of(value, path)
            data, own = (self._array(one, path) for one in (value.view(numpy.ndarray), mask))
            return ["masked", data, own, value._fill_value, bool(value._hardmask), bool(value._sharedmask)]
        except LookupError:
            raise Uncacheable(f"{path} cannot be kept", why, "Make it a copy: .copy()", path=path) from None

    def _is_shared(self, array: Any) -> bool:
        return owner(array) is not array and id(owner(array)) in self._leading

    def _array(self, value: Any, path: str) -> int:
        """The number of a row for a plain array that may be a view."""
        row = self._part_of(value, path) if is_array(value) and self._is_shared(value) else ["leaf", value]
        return self._row(value, row)

    def _part_of(self, value: Any, path: str) -> Row:
        """A row that tells where in another array this one lies. ``LookupError`` if none holds all of it."""
        memory = owner(value)
        over = [] if self._live.place(memory) is not None else self._live.over(memory)
        masks = [one._mask for one in over if is_array(getattr(one, "_mask", None))]
        for base in [*over, *masks] or [memory]:
            (low, high), (first, last) = _bounds(base), _bounds(value)
            if base is not value and low <= first and last <= high and _is_solid(base):
                at = self.add(base, path) if base is memory and not over else self._over(base, over, path)
                on = [at, list(base.strides), str(base.dtype), bool(value.flags.writeable)]
                model = sys.modules["numpy"].ndarray(0, value.dtype)  # keeps the dtype with all its fields
                lies = [_address(value) - low, list(value.shape), list(value.strides)]
                return ["view", *on, *lies, self._row(model, ["leaf", model]), type(value).__name__]
        raise LookupError

    def _over(self, base: Any, over: list[Any], path: str) -> int:
        """The number of the row for a live array that shows the memory in question, or for the mask of one."""
        for one in over:
            if one is base:
                return self._found(one, path)
            if getattr(one, "_mask", None) is base:
                return self._row(base, ["mask", self._found(one, path)])
        raise LookupError

    def _links(self, value: Any) -> list[Any]:
        """What a value holds. A function that a name leads back to comes with what it holds."""
        return [] if isinstance(value, FunctionType) and has_own_name(value, self._bound) else links(value)

    def _whole(self, value: Any) -> bool:
        """Whether nothing inside leads to a live object, so that the codecs may keep it as it is."""
        return not any(id(part) in self._leading for part in self._links(value) if not is_atom(part))

    def _reduced(self, value: Any, path: str) -> Row:
        """An object by the pickle protocol: how it is made, and its state."""
        from spotmagic.codecs._pickle import reduced

        try:
            made = reduced(value)
        except Exception as error:
            raise Uncacheable(f"{path} cannot be kept", f"it refers to an input and {error}", path=path) from error
        if isinstance(made, str):
            raise Uncacheable(
                f"{path} cannot be kept", "it is found by a name of its own and refers to an input", path=path
            )
        make, arguments, state, items, pairs, put = (*made, None, None, None, None)[:6]
        if make is copyreg.__newobj__:  # type: ignore[attr-defined]
            row: Row = ["new"]
        else:
            row = ["call", self.add(make, path)]
        row.append([self.add(argument, path) for argument in arguments])
        row.append(None if state is None else self._state(state, path))
        row.append([self.add(part, path) for part in items or ()])
        row.append([[self.add(key, path), self.add(part, path)] for key, part in pairs or ()])
        row.append(None if put is None else self.add(put, path))
        return row

    def _state(self, state: Any, path: str) -> int:
        """The row of a state, which is a new object even where it holds live ones."""
        self.take([state])
        return self.add(state, path)

    def _row(self, value: Any, row: Row) -> int:
        self.rows.append(row)
        self._kept.append(value)
        number = len(self.rows) - 1
        if not is_atom(value):
            self._numbers[id(value)] = number
        return number


class Thaw:
    """Values from rows, with the live objects of this notebook in their places."""

    def __init__(self, rows: list[Row], live: Live) -> None:
        self._rows, self._live = rows, live
        self._made: dict[int, Any] = {}

    def __getitem__(self, number: int) -> Any:
        """The value of a row; the same object each time."""
        if number not in self._made:
            self._make(number)
        return self._made[number]

    def _make(self, number: int) -> None:
        made = self._made
        match self._rows[number]:
            case ["leaf", value]:
                made[number] = value
            case ["live", name, place, form, copy]:
                made[number] = self._found(name, place, form, copy)
            case ["list", parts]:
                filled: list[Any] = []
                made[number] = filled  # before its parts, one of which may be the list
                filled.extend(self[part] for part in parts)
            case ["dict", pairs]:
                table: dict[Any, Any] = {}
                made[number] = table
                table.update((self[key], self[part]) for key, part in pairs)
            case ["tuple", parts]:
                made[number] = tuple(self[part] for part in parts)
            case ["set", parts]:
                made[number] = {self[part] for part in parts}
            case ["frozenset", parts]:
                made[number] = frozenset(self[part] for part in parts)
            case ["view", base, strides, kind, writeable, offset, shape, steps, model, name]:
                form = offset, shape, steps, self[model], name
                made[number] = _view_of(self[base], strides, kind, writeable, *form)
            case ["mask", masked]:
                made[number] = self[masked]._mask
            case ["masked", data, mask, fill_value, hard, shared]:
                array = self[data].view(sys.modules["numpy"].ma.MaskedArray)
                array._mask, array._fill_value, array._hardmask = self[mask], fill_value, hard
                array._sharedmask = shared
                made[number] = array
            case ["new", arguments, *rest]:
                kind, *others = (self[argument] for argument in arguments)
                made[number] = kind.__new__(kind, *others)
                self._fill(made[number], *rest)
            case ["call", make, arguments, *rest]:
                made[number] = self[make](*(self[argument] for argument in arguments))
                self._fill(made[number], *rest)
            case row:
                raise LookupError(f"row {row!r:.60}")

    def _found(self, name: str, place: int, form: str, copy: int | None) -> Any:
        """The live object, or the copy where the notebook holds another value in its place."""
        try:
            return self._live.at(name, place, form)
        except LookupError:
            if copy is None:
                raise
            return self[copy]

    def _fill(
        self, value: Any, state: int | None, items: list[int], pairs: list[list[int]], put: int | None = None
    ) -> None:
        for item in items:
            value.append(self[item])
        for key, part in pairs:
            value[self[key]] = self[part]
        if state is not None and put is not None:
            self[put](value, self[state])
        elif state is not None:
            _set_state(value, self[state])


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _bounds(array: Any) -> tuple[int, int]:
    """The first address of an array's memory, and the one after its last."""
    first = last = _address(array)
    for length, step in zip(array.shape, array.strides, strict=True):
        first, last = first + min(0, (length - 1) * step), last + max(0, (length - 1) * step)
    return (first, last + array.itemsize) if array.size else (first, first)


def _is_solid(array: Any) -> bool:
    """Whether an array takes all of its memory, so that it comes back laid out in the same way."""
    return bool(array.flags.c_contiguous or array.flags.f_contiguous) and not array.dtype.hasobject


def _view_of(base: Any, base_strides: list[int], base_kind: str, writeable: bool, *form: Any) -> Any:
    """A view of an array, inside its bounds: numpy refuses others."""
    offset, shape, strides, model, name = form
    if not is_array(base) or list(base.strides) != base_strides or str(base.dtype) != base_kind or not _is_solid(base):
        raise LookupError("the array that another is a view of is laid out otherwise now")
    numpy = sys.modules["numpy"]
    plain = base.view(numpy.ndarray)
    memory = (plain if plain.flags.c_contiguous else plain.T).reshape(-1).view(numpy.uint8)
    is_row = name in ("void", "record")
    kind = numpy.ndarray if is_row else getattr(numpy, name)
    view = numpy.ndarray.__new__(kind, tuple(shape), model.dtype, memory, offset, tuple(strides))
    view.flags.writeable = writeable and view.flags.writeable
    return view[()] if is_row else view


def _set_state(value: Any, state: Any) -> None:
    """As pickle does it."""
    if hasattr(value, "__setstate__"):
        value.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes:
        value.__dict__.update(attributes)
    for name, part in (slots or {}).items():
        setattr(value, name, part)
