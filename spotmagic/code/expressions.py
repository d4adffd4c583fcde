"""The part of the walk over a cell that meets expressions: loads, calls, comprehensions, patterns, magics."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from spotmagic.code.bindings import ModuleNames, State, join
from spotmagic.code.normal import parsed
from spotmagic.code.scope import Scope, bound_names, parameters, root_name, type_parameters
from spotmagic.code.texts import Hidden, in_magic, names_in_queries, namespace_key, unseen_attribute, unseen_call


class Expressions:
    """Walks expressions.

    Attributes:
        names: what is known of names so far.
        touched: module names whose attributes or items the cell sets.
        opaque: reasons why not all reads and writes can be seen.
        queries: whether text in the module may be a query that names variables.
        late_types: whether annotations are not evaluated where they stand.
    """

    def __init__(self) -> None:
        self.names = ModuleNames()
        self.touched: set[str] = set()
        self.opaque: set[str] = set()
        self.queries = False
        self.late_types = False

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Walk statements in order."""
        raise NotImplementedError

    def suite(self, body: Sequence[ast.stmt]) -> None:
        """Walk the statements of a function or class, which no loop outside it can be left from."""
        raise NotImplementedError

    def optional(self, node: ast.expr | None) -> None:
        if node is not None:
            self.expr(node)

    def expr(self, node: ast.AST, *, named: bool = False) -> None:
        """Walk one expression in the order Python evaluates it.

        Args:
            named: its value is bound to a name at once, so that a lambda runs later, where that name is used.
        """
        if self.names.state is None:
            return
        key = namespace_key(node)
        if key is not None:
            self._by_key(node, key)
            return
        match node:
            case ast.Name(id=name):
                self.names.read(name)
            case ast.Constant(value=value):
                if self.queries and isinstance(value, str):
                    self._reads(names_in_queries(value))
            case ast.NamedExpr(target=target, value=value):
                self.expr(value)
                self.names.write(target.id)
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                self.names.state = join(*self.condition(node))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yes, no = self.condition(test)
                self.names.state = yes
                self.expr(body)
                after, self.names.state = self.names.state, no  # each branch starts from the test alone
                self.expr(orelse)
                self.names.state = join(after, self.names.state)
            case ast.Lambda(args=arguments):
                self.defaults(arguments)
                self._lambda(node, named)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self._comprehension(node)
            case ast.Call():
                self._call(node)
            case ast.Attribute(value=value, attr=attribute):
                self.expr(value)
                self._hides(unseen_attribute(value, attribute))
            case _:
                for child in ast.iter_child_nodes(node):
                    self.expr(child)

    def target(self, node: ast.expr) -> None:
        """Walk what an assignment, a loop or a ``with`` binds."""
        match node:
            case ast.Name(id=name):
                self.names.write(name)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.target(part)
            case ast.Starred(value=value):
                self.target(value)
            case ast.Subscript() if (key := namespace_key(node)) is not None:
                with self.names.inside(self.names.scope.module):
                    self.names.write(key)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                self._touch(value)
                for child in ast.iter_child_nodes(node):
                    self.expr(child)
            case _:
                self.expr(node)

    def condition(self, node: ast.expr) -> tuple[State, State]:
        """Walk a test: what is sure where it holds, and where it does not."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yes, no = self.condition(operand)
                return no, yes
            case ast.BoolOp(op=op, values=values):
                every = isinstance(op, ast.And)
                leaving: list[State] = []
                for value in values:
                    yes, no = self.condition(value)
                    leaving.append(no if every else yes)
                    self.names.state = yes if every else no
                through = self.names.state
                return (through, join(*leaving)) if every else (join(*leaving), through)
            case ast.Compare(left=left, comparators=[first, *rest]) if namespace_key(node) is None:
                self.expr(left)
                self.expr(first)
                early = self.names.state
                for comparator in rest:
                    self.expr(comparator)
                return self.names.state, join(early, self.names.state) if rest else self.names.state
            case ast.Constant(value=value):
                return (self.names.state, None) if value else (None, self.names.state)
        self.expr(node)
        return self.names.state, self.names.state

    def pattern(self, node: ast.pattern) -> None:
        """Walk a ``case`` pattern: the names it compares with, then those it binds."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.pattern):
                self.pattern(child)
            else:
                self.expr(child)
        match node:
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self.names.write(name)
            case ast.MatchOr(patterns=parts):
                for name in bound_names(parts[:1]):
                    self.names.write(name)

    # --- code that runs later ------------------------------------------------------------------------------------

    def body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """Walk a function's body in a scope of its own."""
        body: Sequence[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else node.body
        own = parameters(node.args) | type_parameters(node)
        with self.names.inside(Scope.of("function", body, self.names.scope, own)):
            if isinstance(node, ast.Lambda):
                self.expr(node.body)
            else:
                self.suite(node.body)

    def defaults(self, arguments: ast.arguments) -> None:
        """Walk the defaults, which are evaluated where the function is defined."""
        for default in (*arguments.defaults, *arguments.kw_defaults):
            self.optional(default)

    def annotation(self, node: ast.expr) -> None:
        """Walk an annotation. One that is text is evaluated late or never, so that its names may be missing."""
        late = self.late_types
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            tree, late = parsed(node.value, "eval"), True
            if tree is None:
                return
            node = tree.body
        if not late:
            self.expr(node)
            return
        with self.names.guard(), self.names.aside():
            self.expr(node)

    def _lambda(self, node: ast.Lambda, named: bool) -> None:
        if named and not self.names.collecting:
            return  # walked as what the name of it, or of its class, needs
        with self.names.guard(), self.names.aside():
            self.body(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *others = node.generators
        self.expr(first.iter)
        local = bound_names(generator.target for generator in node.generators)
        scope = Scope("function", local, frozenset(), self.names.scope)
        with self.names.inside(scope), self.names.aside():
            self.target(first.target)
            for generator in [first, *others]:
                if generator is not first:
                    self.expr(generator.iter)
                    self.target(generator.target)
                for test in generator.ifs:
                    self.names.state, _ = self.condition(test)
            for result in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
                self.expr(result)

    def _by_key(self, node: ast.AST, name: str) -> None:
        """A name looked up in ``globals()``, which is the module's whatever the scope."""
        with self.names.inside(self.names.scope.module):
            self.names.read(name, swallowed=True)
        if isinstance(node, ast.Call):
            for argument in node.args[1:]:
                self.expr(argument)

    # --- calls that hide names -----------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> None:
        self._hidden(in_magic(node))
        self.expr(node.func)
        # A factory and a property of a class are called when there are objects of it; others may call a lambda now.
        in_class, name = self.names.scope.kind == "class", getattr(node.func, "id", "")
        for argument in node.args:
            self.expr(argument, named=in_class and name == "property")
        for word in node.keywords:
            self.expr(word.value, named=in_class and (name == "property" or str(word.arg).endswith("factory")))
        if isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr") and node.args:
            self._touch(node.args[0])
        self._hidden(unseen_call(node, inside=self.names.collecting))

    def _hidden(self, found: Hidden | None) -> None:
        if found is None:
            return
        self._hides(found.reason)
        self._reads(found.reads)
        if found.code is not None:
            self._embedded(found.code)
        for name in found.writes:
            self.names.write(name)

    def _embedded(self, tree: ast.Module) -> None:
        """Code given as text, run in the cell's namespace."""
        if self.names.scope.kind == "module":
            self.block(tree.body)
            return
        with self.names.aside():
            self.block(tree.body)

    def _reads(self, names: Iterable[str]) -> None:
        for name in names:
            self.names.read(name, swallowed=True)

    def _hides(self, reason: str | None) -> None:
        if reason is not None:
            self.opaque.add(reason)

    def _touch(self, node: ast.expr) -> None:
        """The cell sets an attribute or item of this."""
        name = root_name(node)
        if name and self.names.scope.kind == "module":
            self.touched.add(name)
