"""The walk over a cell's statements that knows, along every path, which names are surely written.

Paths that meet keep what all of them have. An exception may leave a ``try`` body at any point, so a handler starts with
what was sure before the body. Functions run later: what they need is looked up where their name is used, or at the
end of the cell.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from spotmagic.code.bindings import State, join
from spotmagic.code.expressions import Expressions
from spotmagic.code.scope import Bindings, Scope, annotations_of, imported, nodes_of, type_parameters
from spotmagic.code.syntax import (
    calls_own,
    catches_name_error,
    irrefutable,
    methods,
    never_empty,
    sure_on_leaving,
    swallows_errors,
)
from spotmagic.code.texts import QUERIES, namespace_key


@dataclass(slots=True)
class _Loop:
    """The states at the jumps of one loop."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Flow(Expressions):
    """One walk over a module's tree: :meth:`run` it, then read ``names`` and the attributes of :class:`Expressions`."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        super().__init__()
        self._body = body
        self.starred: set[str] = set()
        self.entered: set[str] = set()
        self._loops: list[_Loop] = []

    def run(self, *, later: bool = True) -> None:
        """Walk the whole module; ``later=False`` leaves out what functions need that nothing in it names."""
        names = self.names
        self._look_round()
        self._gather(self._body)  # before the walk, which meets calls of functions that are defined further down
        self.block(self._body)
        if not later or names.state is None:  # every path leaves by an exception: all that was read is known
            return
        for name in list(names.needs):
            names.use(name, swallowed=True)

    def _look_round(self) -> None:
        """What must be known of the whole module before the walk."""
        unsure: set[str] = set()
        for node in (inner for statement in self._body for inner in nodes_of(statement)):
            if isinstance(node, ast.Attribute):
                self.queries = self.queries or node.attr in QUERIES
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found = Bindings.of(node.body)
                unsure |= found.deleted & found.globals
            elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
                self.late_types |= any(alias.name == "annotations" for alias in node.names)
        self.names.unsure = frozenset(unsure)

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if self.names.state is None:
                return
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=value):
                self.expr(value)
            case ast.Assign(targets=targets, value=value):
                self.expr(value, named=len(targets) == 1 and isinstance(targets[0], ast.Name))
                for target in targets:
                    self.target(target)
            case ast.AugAssign(target=target, value=value):
                self._augmented(target, value)
            case ast.AnnAssign():
                self._annotated(node)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._unbind(target)
            case ast.If(test=test, body=body, orelse=orelse):
                yes, no = self.condition(test)
                after = self._branch(yes, body)
                self.names.state = join(after, self._branch(no, orelse))
            case ast.For() | ast.AsyncFor():
                self._for(node)
            case ast.While():
                self._while(node)
            case ast.Break() | ast.Continue():
                if self._loops:  # outside of any it is no Python, which running it tells
                    loop = self._loops[-1]
                    (loop.breaks if isinstance(node, ast.Break) else loop.continues).append(self.names.state)
                self.names.state = None
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                self._with(items, body)
            case ast.Try() | ast.TryStar():
                self._try(node)
            case ast.Match(subject=subject, cases=cases):
                self._match(subject, cases)
            case ast.Return(value=value):
                self.optional(value)
                self.names.state = None
            case ast.Raise(exc=exc, cause=cause):
                self.optional(exc)
                self.optional(cause)
                self.names.state = None
            case ast.Assert(test=test, msg=msg):
                yes, no = self.condition(test)
                self.names.state = no
                self.optional(msg)
                self.names.state = yes
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.ClassDef():
                self._class(node)
            case ast.Global() | ast.Nonlocal() | ast.Pass():
                pass
            case _:  # ``type X = ...`` of Python 3.12, whose value is evaluated later and may name itself
                self.target(node.name)  # type: ignore[attr-defined]
                with self.names.inside(self._with_type_parameters(node)), self.names.aside():
                    self._bounds(node)
                    self.expr(node.value)  # type: ignore[attr-defined]

    def _branch(self, start: State, body: Sequence[ast.stmt]) -> State:
        self.names.state = start
        self.block(body)
        return self.names.state

    # --- binding -------------------------------------------------------------------------------------------------

    def _augmented(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names.read(target.id)
            self.expr(value)
            self.names.write(target.id)
            return
        self.target(target)
        self.expr(value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self.names.scope.kind != "function":
            self.annotation(node.annotation)
        if node.value is not None:
            self.expr(node.value, named=isinstance(node.target, ast.Name))
            self.target(node.target)

    def _unbind(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self.names.delete(name)
            case ast.Subscript() if (key := namespace_key(target)) is not None:
                with self.names.inside(self.names.scope.module):
                    self.names.delete(key)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._unbind(part)
            case _:
                self.target(target)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            module = "." * node.level + (node.module or "")
            self.starred.add(module)
            self.names.star(module)
        if "__main__" in (getattr(node, "module", None), *(alias.name for alias in node.names)):
            self.opaque.add("__main__")
        for name in imported(node):
            self.names.write(name)

    # --- loops ---------------------------------------------------------------------------------------------------

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.expr(node.iter)
        before, loop = self._start(node)
        self.target(node.target)
        self.block(node.body)
        again = join(self.names.state, *loop.continues)
        self._loops.pop()
        exhausted = again if never_empty(node.iter) else join(before, again)
        self.names.state = join(self._branch(exhausted, node.orelse), *loop.breaks)

    def _while(self, node: ast.While) -> None:
        _, loop = self._start(node)
        yes, no = self.condition(node.test)  # later rounds come here with more, never with less
        self.names.state = yes
        self.block(node.body)
        self._loops.pop()
        self.names.state = join(self._branch(no, node.orelse), *loop.breaks)

    def _start(self, node: ast.For | ast.AsyncFor | ast.While) -> tuple[State, _Loop]:
        """Enter a loop: what an earlier round unbinds is not sure in a later one."""
        names = self.names
        if names.state is not None and names.scope.kind != "function":
            names.state -= Bindings.of([*node.body, getattr(node, "target", node)]).deleted
        self._loops.append(_Loop())
        return names.state, self._loops[-1]

    # --- with, try, match ----------------------------------------------------------------------------------------

    def _with(self, items: Sequence[ast.withitem], body: Sequence[ast.stmt]) -> None:
        swallows = any(swallows_errors(item.context_expr) for item in items)
        for item in items:
            self.expr(item.context_expr)
            if item.optional_vars is not None:
                self.target(item.optional_vars)
                self.entered |= Bindings.of([item.optional_vars]).bound
        before = sure_on_leaving(self.names.state, body)
        with self.names.guard(swallows):
            self.block(body)
        if swallows:
            self.names.state = join(before, self.names.state)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        names = self.names
        before = sure_on_leaving(names.state, node.body)
        if isinstance(node, ast.TryStar):  # several handlers may run, one after the other
            before = sure_on_leaving(before, node.handlers)
        jumps = [(loop, len(loop.breaks), len(loop.continues)) for loop in self._loops]
        with names.guard(any(catches_name_error(handler.type) for handler in node.handlers)):
            self.block(node.body)
        self.block(node.orelse)
        ends = [names.state]
        for handler in node.handlers:
            names.state = before
            self.optional(handler.type)
            if handler.name is not None:
                names.write(handler.name)
            self.block(handler.body)
            if handler.name is not None:
                names.unbind(handler.name)
            ends.append(names.state)
        after = join(*ends)
        if not node.finalbody:
            names.state = after
            return
        # once for the paths that leave by an exception or a jump, whose reads count; once to go on from
        names.state = sure_on_leaving(
            before, [part for handler in node.handlers for part in handler.body] + node.orelse
        )
        self.block(node.finalbody)
        gone = Bindings.of(node.finalbody).deleted
        for loop, breaks, continues in jumps:
            loop.breaks[breaks:] = [state and state - gone for state in loop.breaks[breaks:]]
            loop.continues[continues:] = [state and state - gone for state in loop.continues[continues:]]
        names.state = after
        self.block(node.finalbody)

    def _match(self, subject: ast.expr, cases: Sequence[ast.match_case]) -> None:
        names = self.names
        self.expr(subject)
        ends: list[State] = []
        for case in cases:
            missed = names.state
            self.pattern(case.pattern)
            yes, no = self.condition(case.guard) if case.guard else (names.state, None)
            ends.append(self._branch(yes, case.body))
            whole = case.guard is None and irrefutable(case.pattern)
            names.state = None if whole else join(missed, no)
        names.state = join(names.state, *ends)

    # --- functions and classes -----------------------------------------------------------------------------------

    def _gather(self, nodes: Iterable[ast.AST]) -> None:
        """Find what every function, class and named lambda of the module's scope needs when it runs."""
        for node in nodes:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._needed_by(name, node)
                case ast.ClassDef(name=name):
                    for inner in methods(node):
                        self._needed_by(name, inner)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as value):
                    self._needed_by(name, value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.Lambda() as value):
                    self._needed_by(name, value)
                case ast.stmt() | ast.ExceptHandler() | ast.match_case():
                    self._gather(ast.iter_child_nodes(node))

    def _needed_by(self, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        with self.names.later() as found:
            self.body(node)
            for annotation in annotations_of(node):
                if isinstance(annotation, ast.Constant):  # a text, which is read by whoever looks at the types
                    self.annotation(annotation)
        # what a coroutine or generator raises comes up where it is driven, which may be far from the call
        far = isinstance(node, ast.AsyncFunctionDef) or any(
            isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)
        )
        needs = self.names.needs.setdefault(name, {})
        for need, guarded in found.items():
            needs[need] = needs.get(need, False) or guarded or far

    def suite(self, body: Sequence[ast.stmt]) -> None:
        loops, self._loops = self._loops, []
        self.block(body)
        self._loops = loops

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.expr(decorator)
        self.defaults(node.args)
        with self.names.inside(self._with_type_parameters(node)):
            self._bounds(node)
            for annotation in annotations_of(node):
                self.annotation(annotation)
        if self.names.collecting:
            with self.names.aside():
                self.body(node)
        self.names.write(node.name)

    def _class(self, node: ast.ClassDef) -> None:
        names = self.names
        for decorator in node.decorator_list:
            self.expr(decorator)
        outer = self._with_type_parameters(node)
        with names.inside(outer):
            self._bounds(node)
            for part in (*node.bases, *(word.value for word in node.keywords)):
                self.expr(part)
            body = Scope.of("class", node.body, outer, frozenset({"__module__", "__qualname__"}))
            with names.inside(body):
                names.write("__module__")
                names.write("__qualname__")
                self.suite(node.body)
            names.close(body)
        if calls_own(node):  # before there is the class by whose name they are looked up elsewhere
            names.use(node.name, swallowed=True)
        names.write(node.name)

    def _bounds(self, node: ast.AST) -> None:
        """Walk the bounds and defaults of type parameters, which are evaluated when somebody asks for them."""
        with self.names.aside():
            for parameter in getattr(node, "type_params", ()):
                self.optional(getattr(parameter, "bound", None))
                self.optional(getattr(parameter, "default_value", None))

    def _with_type_parameters(self, node: ast.AST) -> Scope:
        own = type_parameters(node)
        return Scope("function", own, frozenset(), self.names.scope) if own else self.names.scope
