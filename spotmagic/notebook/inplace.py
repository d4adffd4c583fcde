"""Giving an object the contents of another of its type, so that every name bound to it sees them."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

from spotmagic.notebook.graph import is_leaf, is_open, slots

_FAMILIES = frozenset(
    {
        "numpy.ndarray", "numpy.Generator", "numpy.RandomState", "pandas.DataFrame", "pandas.Series",
        "polars.DataFrame", "random.Random", "torch.Tensor", "_io.StringIO", "_io.BytesIO", "array.array",
    }
)  # fmt: skip


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


def outline(value: Any) -> tuple[Any, ...]:
    """What must stay as it is for :func:`put` to work: shape and dtype of an array."""
    if _family(value) in ("numpy.ndarray", "torch.Tensor"):
        return (tuple(value.shape), str(value.dtype))
    return ()


def _put_attributes(target: Any, made: Any) -> None:
    state = getattr(target, "__dict__", None)
    if isinstance(state, dict):
        new = dict(made.__dict__)
        state.clear()
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
            target._update_inplace(made)
            target.attrs = made.attrs
            if hasattr(made, "name"):
                target.name = made.name
        case "polars.DataFrame":
            target._df = made._df
        case "numpy.Generator":
            target.bit_generator.state = made.bit_generator.state
        case "numpy.RandomState":
            target.set_state(made.get_state(legacy=False))
        case "random.Random":
            target.setstate(made.getstate())
        case "_io.StringIO" | "_io.BytesIO":
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
