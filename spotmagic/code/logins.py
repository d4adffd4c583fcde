"""Names whose value does nothing but log in: it reaches the key of a client, or the head of a request.

::

    OpenAI(api_key=key)                                              a login at OpenAI
    requests.post(url, headers={"Authorization": f"Bearer {key}"})   a login at requests.post

Where every use of a name is such a one, its value lets one in and changes no answer. Whether there is a service at the
end of the way is for whoever knows the objects to say: here only the way to it is read.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from spotmagic.code.scope import bound_names, nodes_of

HEADERS = frozenset({"headers", "default_headers"})
_SAYING_POST = frozenset({"request", "stream"})
CALLED = "()"
"""Stands in the way to a service for the call of what is named before: ``httpx.Client().post``."""


class Login(NamedTuple):
    """What a credential is given to.

    Attributes:
        way: a name and attributes, ``("openai", "OpenAI")``; ``()`` for a call of what stands before.
        word: the keyword that it is given under.
        header: of what goes into headers the name it has there; none for a value that is all the headers.
    """

    way: tuple[str, ...]
    word: str
    header: str = ""


def credentials(body: Sequence[ast.AST], *, own_names: bool) -> Mapping[str, frozenset[Login]]:
    """The logins of what is only used to log in: by name, ``env NAME`` for a variable of the environment.

    Args:
        body: the statements of a function or cell.
        own_names: whether names that it binds are its own: a cell leaves them behind, for others to read.
    """
    if not any(isinstance(node, ast.Call) and node.keywords for part in body for node in nodes_of(part)):
        return {}
    return _Reading(body, own_names).found()


class _Reading:
    """The names of a body, and where the value of each goes."""

    def __init__(self, body: Sequence[ast.AST], own_names: bool) -> None:
        self.nodes = [node for part in body for node in nodes_of(part)]
        self.above = {id(child): node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.uses: dict[str, list[ast.Name]] = {}
        stored: Counter[str] = Counter()
        for node in self.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self.uses.setdefault(node.id, []).append(node)
            elif isinstance(node, ast.Name):
                stored[node.id] += 1
        parameters = {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        outside = {name for node in self.nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
        self.bound = bound_names(body) | stored.keys() | parameters
        self.once = (
            {name for name, count in stored.items() if count == 1} - parameters - outside if own_names else set()
        )

    def found(self) -> Mapping[str, frozenset[Login]]:
        starts: dict[str, list[ast.expr]] = {
            name: list(uses) for name, uses in self.uses.items() if name not in self.bound
        }
        for variable, node in self._variables():
            starts.setdefault(f"env {variable}", []).append(node)
        logins = {name: [self._logins(node, frozenset()) for node in nodes] for name, nodes in starts.items()}
        return {name: frozenset().union(*each) for name, each in logins.items() if all(each)}

    def _variables(self) -> Iterator[tuple[str, ast.expr]]:
        """Where the environment may be asked for a variable by its name."""
        for node in self.nodes:
            match node:
                case ast.Subscript(slice=ast.Constant(value=str(name)), ctx=ast.Load()):
                    yield name, node
                case ast.Call(args=[ast.Constant(value=str(name)), *_]):
                    yield name, node

    def _logins(self, node: ast.expr, seen: frozenset[str], *, text: bool = False, header: str = "") -> set[Login]:
        """The logins that the value of an expression is for; none if it goes anywhere else as well.

        Args:
            seen: names that it went by.
            text: whether it is a part of a text by now, such as ``Bearer …``.
            header: the name it has among headers, once it is there.
        """
        above = self.above.get(id(node))
        match above:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in self.once - seen:
                each = [self._logins(use, seen | {name}, text=text, header=header) for use in self.uses.get(name, ())]
                return set().union(*each) if all(each) else set()
            case ast.keyword(arg=str(word), value=value):
                way = self._way_of(self.above[id(above)])
                if way is None or (text and not header) or (header and word not in HEADERS):
                    return set()
                if word in HEADERS and not header and (seen or not isinstance(value, ast.Name)):
                    return set()
                return {Login(way, word, header)}
            case _ if header:
                return set()
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if value is node and isinstance(key, ast.Constant) and isinstance(key.value, str):
                        return self._logins(above, seen, header=key.value)
            case ast.Attribute(attr="get_secret_value" | "strip"):
                call = self.above.get(id(above))
                plain = isinstance(call, ast.Call) and call.func is above and not (call.args or call.keywords)
                return self._logins(call, seen, text=text) if plain else set()  # type: ignore[arg-type]
            case ast.BoolOp(op=ast.Or()):
                return self._logins(above, seen, text=text)
            case ast.FormattedValue() | ast.JoinedStr():
                return self._logins(above, seen, text=True)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                beside = left if right is node else right
                return self._logins(above, seen, text=True) if isinstance(beside, ast.Constant) else set()
        return set()

    def _way_of(self, call: ast.AST) -> tuple[str, ...] | None:
        """The way to what is called, from a name of outside; ``request("POST", …)`` is a ``post``."""
        if not isinstance(call, ast.Call):
            return None
        way = self._way(call.func)
        first = call.args[0] if call.args else None
        posts = isinstance(first, ast.Constant) and str(first.value).upper() == "POST"
        return (*way[:-1], "post") if way and way[-1] in _SAYING_POST and posts else way

    def _way(self, node: ast.expr) -> tuple[str, ...] | None:
        steps: tuple[str, ...] = ()
        while isinstance(node, ast.Attribute):
            steps, node = (node.attr, *steps), node.value
        if isinstance(node, ast.Name) and node.id not in self.bound:
            return (node.id, *steps)
        if isinstance(node, ast.Name):
            node = self._made(node.id) if node.id in self.once else node
        before = self._way(node.func) if isinstance(node, ast.Call) else None
        return None if before is None else (*before, CALLED, *steps)

    def _made(self, name: str) -> ast.expr:
        """What the only statement that binds a name binds it to."""
        for node in self.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                    return value
                case ast.withitem(optional_vars=ast.Name(id=bound), context_expr=value) if bound == name:
                    return value
        return ast.Constant(None)
