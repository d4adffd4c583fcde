"""Objects that a cell changed, changed in the same way again: the object stays, as other names may know it.

What frames of pandas share is tied again: an axis, or memory with an array. ``t = s * 2`` has the index of ``s``,
``v = s.values`` shows its memory, ``pd.Series(a, copy=False)`` that of ``a``: a change of the one is seen in the other.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from spotmagic.errors import Uncacheable
from spotmagic.notebook.graph import BOXES, is_atom, is_code, is_leaf, is_open, owner, slots
from spotmagic.values.state import reduction

_FAMILIES = frozenset({
    "numpy.ndarray", "numpy.Generator", "numpy.RandomState", "numpy.SeedSequence", "pandas.DataFrame",
    "pandas.Series", "polars.DataFrame", "random.Random", "torch.Tensor", "_io.StringIO", "_io.BytesIO",
    "array.array", "sklearn.KDTree", "sklearn.BallTree",
})  # fmt: skip


class CannotPut(Exception):
    """The type, or these two objects of it, do not allow it; the text says why."""


def put(target: Any, made: Any) -> None:
    """Give ``target`` the contents of ``made``, which nobody else uses.

    Raises:
        CannotPut: nothing has changed.
    """
    if type(target) is not type(made):
        raise CannotPut(f"it was a {type(target).__name__} and is a {type(made).__name__}")
    if is_leaf(target) or _family(target) is not None:
        _put_leaf(target, made)
        return
    if isinstance(target, list | bytearray):
        target[:] = made
    elif isinstance(target, OrderedDict):
        OrderedDict.clear(target)
        OrderedDict.update(target, OrderedDict.items(made))
    elif isinstance(target, dict):
        dict.clear(target)
        dict.update(target, dict.items(made))
    elif isinstance(target, set):
        set.clear(target)
        set.update(target, made)
    elif isinstance(target, deque):
        if target.maxlen != made.maxlen:
            raise CannotPut("its maxlen changed")
        target.clear()
        target.extend(made)
    elif not can_put(target):
        raise CannotPut(f"a {type(target).__name__} cannot be changed in place")
    _put_attributes(target, made)


def can_put(value: object) -> bool:
    """Whether :func:`put` can work on objects of this type."""
    if is_leaf(value) or _family(value) is not None:
        return _family(value) is not None
    if type(value) is bytearray:
        return True
    if not is_open(value) or isinstance(value, tuple | frozenset):
        return False
    return isinstance(value, list | dict | set | deque) or hasattr(value, "__dict__") or bool(slots(type(value)))


def keeps_all(value: Any) -> bool:
    """Whether a copy of an object has all that it holds. Those of some classes leave out handlers and connections."""
    held = getattr(value, "__dict__", None)
    if type(value) in BOXES or is_leaf(value) or _family(value) is not None or not isinstance(held, dict):
        return True
    kind: Any = type(value)
    if kind.__getstate__ is object.__getstate__ and kind.__reduce_ex__ is object.__reduce_ex__:
        return True
    try:
        made = reduction(value)
    except Exception:  # what no copy can be made of
        return False
    states = [made[2]] if isinstance(made, tuple) and len(made) > 2 else []
    states += [part for state in states if isinstance(state, tuple) for part in state]
    states += [part for state in states if isinstance(state, dict) for part in state.values()]  # pydantic's are deep
    taken = {id(one) for state in states if isinstance(state, dict) for one in state.values()}
    return all(id(one) in taken or is_atom(one) or is_code(one) or not _is_filled(one) for one in held.values())


def taken(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Of the locks and semaphores among some values, whether they are taken and how often they may still be."""
    found = {}
    for name, value in values.items():
        if _is_lock(value) and hasattr(type(value), "acquire"):
            found[name] = [getattr(value, "_value", None), value.locked() if hasattr(value, "locked") else None]
    return found


def in_use(value: Any, source: str) -> bool:
    """Whether a lock, an event, a thread or a bar that the cell made is not as one that was just made."""
    if isinstance(value, threading.Thread):
        return value.ident is not None
    if type(value).__module__.partition(".")[0] == "tqdm":
        return bool(value.n != getattr(value, "initial", 0))
    if not _is_lock(value):
        return False
    if type(value).__name__.endswith("Semaphore"):  # how many it lets in is not told by itself
        return bool(re.search(r"\.(acquire|release)\b", source))
    asked = (getattr(value, how, None) for how in ("locked", "is_set", "_is_owned"))
    return any(ask() for ask in asked if ask)


def _is_lock(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("threading", "_thread", "asyncio")


def _is_filled(value: Any) -> bool:
    return not isinstance(value, list | dict | set | tuple) or bool(value)


def outline(value: Any) -> tuple[Any, ...]:
    """What must stay as it is for :func:`put` to work: shape and dtype of an array."""
    if _family(value) in ("numpy.ndarray", "torch.Tensor"):
        return (tuple(value.shape), str(value.dtype))
    return ()


def _put_attributes(target: Any, made: Any) -> None:
    state = getattr(target, "__dict__", None)
    if isinstance(state, dict):
        new = dict(made.__dict__)
        state.clear()  # the dict itself stays, as `vars(target)` may be held somewhere
        state.update(new)
    for _, slot in slots(type(target)):
        try:
            value = slot.__get__(made)
        except AttributeError:
            try:
                slot.__delete__(target)
            except (AttributeError, TypeError):
                pass
            continue
        try:
            slot.__set__(target, value)
        except (AttributeError, TypeError):  # read-only, as those of C types are
            continue


def _family(value: Any) -> str | None:
    names = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(value).__mro__}
    return next(iter(names & _FAMILIES), None)


def _put_leaf(target: Any, made: Any) -> None:
    match _family(target):
        case "numpy.ndarray":
            if target.shape != made.shape or target.dtype != made.dtype:
                raise CannotPut("its shape or dtype changed")
            if not target.flags.writeable:
                raise CannotPut("it is read-only")
            target[...] = made
        case "pandas.DataFrame" | "pandas.Series":
            target._update_inplace(made)  # what pandas does for `inplace=True`
            target.attrs = made.attrs
            target.flags.allows_duplicate_labels = made.flags.allows_duplicate_labels
            if hasattr(made, "name"):
                target.name = made.name
        case "polars.DataFrame":
            target._df = made._df
        case "numpy.Generator":
            _spawn(target.bit_generator.seed_seq, made.bit_generator.seed_seq)
            target.bit_generator.state = made.bit_generator.state
        case "numpy.SeedSequence":
            _spawn(target, made)
        case "numpy.RandomState":
            target.set_state(made.get_state(legacy=False))
        case "random.Random":
            target.setstate(made.getstate())
        case "_io.StringIO" | "_io.BytesIO" | "sklearn.KDTree" | "sklearn.BallTree":  # trees count what they were asked
            target.__setstate__(made.__getstate__())
        case "array.array":
            if target.typecode != made.typecode:
                raise CannotPut("its typecode changed")
            target[:] = made
        case "torch.Tensor":
            if target.shape != made.shape or target.dtype != made.dtype or target.device != made.device:
                raise CannotPut("its shape, dtype or device changed")
            target.detach().copy_(made.detach())
        case _:
            raise CannotPut(f"a {type(target).__name__} cannot be changed in place")


def _spawn(target: Any, made: Any) -> None:
    """Let a source of seeds have given as many as its copy did: the next are others."""
    if type(target).__name__ != "SeedSequence" or type(made) is not type(target):
        return
    before, after = target.state, made.state
    given = after.pop("n_children_spawned") - before.pop("n_children_spawned")
    if before != after or given < 0:
        raise CannotPut("it gives other seeds")
    if given:
        target.spawn(given)


# ties ------------------------------------------------------------------------------------------------------------

Tie = list[Any]
Axes = Mapping[tuple[str, int], Any]


def axes_of(values: Mapping[str, Any]) -> dict[tuple[str, int], Any]:
    """The axes of the frames among some values, by name and place."""
    frames = {name: one for name, one in values.items() if "pandas" in sys.modules and _is_frame(one)}
    return {(name, place): axis for name, one in frames.items() for place, axis in enumerate(one._mgr.axes)}


def ties_of(
    values: Mapping[str, Any], made: Collection[str], changed: Collection[str] = (), before: Axes = MappingProxyType({})
) -> list[Tie]:
    """The ties of what was made, each a row that :func:`tie` takes.

    Args:
        values: the variables, those that nobody changed among them.
        made: the names of those that come back as copies.
        changed: those of them that were there before, and were changed in place.
        before: the axes that these had: one that a frame still has may have got another name (``df.index.name``).

    Raises:
        Uncacheable: an array shows a part of a frame that cannot be told, or one that was changed below it.
    """
    if "pandas" not in sys.modules:
        return []
    now = axes_of({name: values[name] for name in changed})
    found: list[Tie] = [["names", *where] for where, axis in now.items() if axis is before.get(where)]
    axes: dict[int, list[Any]] = {}
    first: dict[int, str] = {}
    order = sorted(values, key=lambda name: (name in made, name))
    for name in order:
        value = values[name]
        if _is_frame(value):
            for place, axis in enumerate(value._mgr.axes):
                known = axes.setdefault(id(axis), [name, place])
                if name in made and known != [name, place] and values[known[0]] is not value:
                    found.append(["axis", name, place, *known])
        elif _is_index(value):
            known = axes.setdefault(id(value), [name, -1])
            if name in made and known[0] != name:
                found.append(["index", name, *known])
    shown: dict[int, list[str]] = {}
    for name in order:
        for memory in _memories(values[name]):
            shown.setdefault(id(memory), []).append(name)
    for name in order:
        array = values[name]
        frames = shown.get(id(owner(array)), []) if _is_array(array) else []
        for frame in frames[:1] if name in made else [one for one in frames if one in made]:
            if frame in changed and name not in made:
                raise _apart(frame, name)
            if first.setdefault(id(array), name) != name:
                found.append(["same", name, first[id(array)]])
            else:
                found.append(_tie_of(name, array, frame, values[frame], over=name not in made))
    return found


def _tie_of(name: str, array: Any, held: str, frame: Any, *, over: bool) -> Tie:
    for column in range(-1, len(frame._mgr.blknos) if frame.ndim == 2 else 0):
        whole = _column(frame, column)
        cut = None if whole is None else _cut(whole, array)
        if cut is not None and not over:
            return ["array", name, held, column, cut, bool(array.flags.writeable)]
        if cut is not None and column < 0 and whole.shape == array.shape and whole.strides == array.strides:
            return ["frame", held, name]
    raise _apart(held, name) if over else _apart(name, held)


def _apart(name: str, other: str) -> Uncacheable:
    why = f"it shares memory with `{other}`"
    return Uncacheable(f"`{name}` cannot be kept", why, "Make it a copy: .copy()", path=name)


def tie(namespace: MutableMapping[str, Any], row: Tie, before: Axes = MappingProxyType({})) -> None:
    """Tie variables again. What is not as it was, under a key that does not hold it, stays apart.

    Args:
        before: the axes that frames had before they were changed.
    """
    frame: Any
    array: Any
    match row:
        case ["names", str(name), int(place)] if (name, place) in before:
            manager, axis = namespace[name]._mgr, before[name, place]
            names = list(manager.axes[place].names)
            if axis.set_names(names).identical(manager.axes[place]):
                axis.names = names
                manager.set_axis(place, axis)
        case ["axis", str(name), int(place), str(other), int(where)]:
            manager, axis = namespace[name]._mgr, _axis(namespace.get(other), where)
            if axis is not None and manager.axes[place].identical(axis):
                manager.set_axis(place, axis)
        case ["index", str(name), str(other), int(where)]:
            axis = _axis(namespace.get(other), where)
            if axis is not None and namespace[name].identical(axis):
                namespace[name] = axis
        case ["array", str(name), str(other), int(column), list(cut), bool(writeable)]:
            frame, array = namespace.get(other), namespace[name]
            if not _is_frame(frame):
                return
            if column < 0:
                frame._mgr = frame._mgr.consolidate()
            whole = _column(frame, column)
            shown = None if whole is None else whole[tuple(one if type(one) is int else slice(*one) for one in cut)]
            if shown is not None and (shown.shape, shown.dtype) == (array.shape, array.dtype):
                view = shown.view()
                view.flags.writeable = writeable and view.flags.writeable
                namespace[name] = view
        case ["frame", str(name), str(other)]:
            frame, array = namespace[name], namespace.get(other)
            if _is_array(array) and array.shape == frame.shape:
                over = getattr(sys.modules["pandas"], "Series" if frame.ndim == 1 else "DataFrame")(array, copy=False)
                for place, axis in enumerate(frame._mgr.axes):
                    over._mgr.set_axis(place, axis)
                frame._mgr = over._mgr
        case ["same", str(name), str(other)]:
            namespace[name] = namespace[other]


def _is_frame(value: Any) -> bool:
    pandas = sys.modules["pandas"]
    return type(value) in (pandas.DataFrame, pandas.Series)


def _is_index(value: Any) -> bool:
    return isinstance(value, sys.modules["pandas"].Index)


def _is_array(value: Any) -> bool:
    return type(value) is sys.modules["numpy"].ndarray


def _memories(value: Any) -> list[Any]:
    """The arrays in which a frame has its values."""
    if not _is_frame(value):
        return []
    return [
        owner(block.values) for block in value._mgr.blocks if isinstance(block.values, sys.modules["numpy"].ndarray)
    ]


def _axis(value: Any, place: int) -> Any:
    if place < 0:
        return value if _is_index(value) else None
    return value._mgr.axes[place] if _is_frame(value) and place < value.ndim else None


def _column(frame: Any, column: int) -> Any:
    """A column of a frame as an array, or all of it where that is one array (-1); else None."""
    values: Any
    blocks = frame._mgr.blocks
    if column < 0:
        values = blocks[0].values if len(blocks) == 1 else None
        return values.T if _is_array(values) else None
    values = blocks[frame._mgr.blknos[column]].values
    return values[frame._mgr.blklocs[column]] if _is_array(values) else None


def _cut(whole: Any, part: Any) -> list[Any] | None:
    """Which rows and columns of an array another shows, as the parts of an index; None for what no slice gives.

    Of a whole of 4 rows and 6 columns, ``whole[2:, ::2]`` is ``[[2, 4, 1], [0, 5, 2]]`` and ``whole[:, 1]`` is
    ``[[0, 4, 1], 1]``.
    """
    if whole.dtype != part.dtype or not whole.size or not part.size:
        return None
    offset = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    steps, starts = whole.strides, [0] * whole.ndim
    if offset < 0 or min(steps) <= 0:
        return None
    for axis in sorted(range(whole.ndim), key=lambda axis: (-steps[axis], axis)):
        starts[axis], offset = divmod(offset, steps[axis])
    if offset or any(start >= length for start, length in zip(starts, whole.shape, strict=True)):
        return None
    for kept in ([*range(whole.ndim)], [0], [1]):
        if len(kept) != part.ndim or kept[-1] >= whole.ndim:
            continue
        cut: list[Any] = list(starts)
        for axis, length, step in zip(kept, part.shape, part.strides, strict=True):
            by = 1 if length == 1 else step // steps[axis]
            cut[axis] = [starts[axis], starts[axis] + (length - 1) * by + 1, by]
            if by < 1 or (length > 1 and step % steps[axis]) or cut[axis][1] > whole.shape[axis]:
                break
        else:
            return cut
    return None
