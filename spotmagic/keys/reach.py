"""What code reaches, as one digest, and whether it still does."""

from __future__ import annotations

import functools
from typing import Any

from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable, is_end
from spotmagic.keys.account import BOUND
from spotmagic.keys.owned import is_users, stands_for
from spotmagic.keys.state import OnlyWritten
from spotmagic.keys.walk import Walk
from spotmagic.values.encode import Encoder, pack_known
from spotmagic.values.notes import Mask
from spotmagic.values.scheme import Kind, Tree, Unfit, digest, tree


class Reached:
    """The result of a walk from one root.

    Attributes:
        identity: digest of all that was reached, code and values.
        code: digest of the code alone.
        pinned: what belongs to the root alone (its closure, bound arguments), which counts under ``version=`` too.
        notes: what was met on the way.
        queries: whether it makes queries, whose text may come in as an argument.
        paths: texts in it that may be paths of files.
        patched: the installed classes into which the user put something.
        registered: what the user handed to libraries, which call it by themselves.
        loads: attributes that the functions reached read, methods left out.
        told: digests of the root's own code and of each thing it reaches, by what the user is told of it.
        holds: whether nothing that was reached has changed since.
    """

    def __init__(self, walk: Walk, root: bytes) -> None:
        nodes, values = walk.nodes, walk.inputs.values
        said = [piece for node in nodes for piece in (node.ref[0], str(node.ref[1]), node.record)]
        self.code = digest(root, *said)
        self.identity = digest(self.code, *(piece for value in values for piece in (value.label, value.packed)))
        self.pinned = digest(root, *(piece for value in values if value.own for piece in (value.label, value.packed)))
        self.notes, self.loads, self.queries = walk.notes, walk.loads, walk.queries
        self.patched, self.paths = walk.patched, frozenset(walk.inputs.paths)
        self.registered = walk.registered
        self.notes.reached = {node.label: digest(node.record) for node in nodes[1:]}
        self.notes.reached |= {value.label: digest(value.packed) for value in values}
        self.notes.reached |= {label: digest(packed) for label, packed in walk.lazily.items()}
        self.told = {node.label: digest(node.record) for node in nodes[:1]} | self.notes.reached
        self._index = {id(node.obj): node.ref for node in nodes}
        self._apart, self._mask = walk.state.take_apart(), walk.mask
        self.holds = walk.guards.close(self._pack)

    def _pack(self, value: Any) -> bytes:
        kind = type(value)
        if kind is list or kind is dict or kind is tuple:
            known = pack_known(value)
            if known is not None:
                return known
        return Encoder(self._apart, self._known, None, self._mask).pack(value, "value")

    def _known(self, obj: Any) -> Tree:
        obj = unwrapped(obj)
        ref = self._index.get(id(obj))
        if ref is not None:
            return tree(Kind.REACHED, *ref)
        return tree(Kind.REACHED, "new") if is_users(obj) else stands_for(obj)


def reach(
    root: Any, *, mask: Mask | None = None, ignore: frozenset[str] = frozenset(), as_value: bool = False
) -> Reached:
    """Follow what the root can name to the end.

    Args:
        root: anything callable, a class or a module.
        ignore: names of globals and closure variables that do not count.
        as_value: the root is a value that others may call with its defaults. Else it is what is called, and its
            defaults come in as arguments.

    Raises:
        Uncacheable: for data that cannot be fingerprinted, with its path, and where a look at the code raises.
    """
    root = unwrapped(root)
    try:
        return _followed(root, mask, ignore, as_value)
    except Uncacheable:
        raise
    except BaseException as error:  # of a class on the way, of a package, or ours: the call goes on without a key
        if is_end(error):
            raise
        name = getattr(root, "__qualname__", type(root).__qualname__)
        why = str(error) if isinstance(error, Unfit) else f"{type(error).__name__}: {error}"
        raise Uncacheable(f"`{name}` cannot be looked at", why, path=name) from error


def _followed(root: Any, mask: Mask | None, ignore: frozenset[str], as_value: bool) -> Reached:
    state = OnlyWritten()
    said: dict[str, None] = {}
    while True:
        known = len(state)
        walk = Walk(mask, ignore, state, as_value=as_value)
        walk.notes.state = said
        root_packed = walk.run(root)
        walk.find_state()
        said = walk.notes.state
        if len(state) == known:  # it only grows, so this comes to an end
            reached = Reached(walk, root_packed)
            if isinstance(root, functools.partial):
                reached.notes.reached[BOUND] = digest(root_packed)
            return reached
