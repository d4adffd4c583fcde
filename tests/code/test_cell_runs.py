"""Analysis against the real thing: small programs are run in a namespace that notes what they read, bind and unbind."""

from __future__ import annotations

import builtins
import dis
import itertools
import sys
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spotmagic.code.cell import analyse

NAMES = ("a", "b", "c", "d", "f", "g")


class Thing:
    """A value that is never another value, and that can be called, entered, iterated and matched."""

    def __init__(self, coin: Any) -> None:
        self.coin = coin

    def __call__(self, *args: object) -> Thing:
        return Thing(self.coin)

    def __bool__(self) -> bool:
        return self.coin()

    def __add__(self, other: object) -> Thing:
        return Thing(self.coin)

    __radd__ = __iadd__ = __add__

    def __iter__(self) -> Any:
        return iter([Thing(self.coin) for _ in range(2 if self.coin() else 0)])

    def __enter__(self) -> Thing:
        return Thing(self.coin)

    def __exit__(self, *error: object) -> bool:
        return False


@dataclass
class Seen:
    old: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    unbound: set[str] = field(default_factory=set)


class Traced(dict[str, Any]):
    """A namespace: a read is one of an old value when it gives what was there before the run, or finds nothing."""

    def __init__(self, start: dict[str, Any]) -> None:
        super().__init__(start)
        self.start, self.seen = dict(start), Seen()

    def __getitem__(self, name: str) -> Any:
        absent = name not in self and name not in self.seen.bound | self.seen.unbound
        if name in NAMES and (absent or (name in self and dict.__getitem__(self, name) is self.start.get(name, self))):
            self.seen.old.add(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.seen.bound.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        if name in NAMES and name in self and dict.__getitem__(self, name) is self.start.get(name, self):
            self.seen.old.add(name)  # it must be there to be unbound
        self.seen.unbound.add(name)
        super().__delitem__(name)


def run(source: str, present: set[str], coins: list[bool]) -> tuple[Traced, bool]:
    """Run a program; the second value says whether it came to its end."""
    tossed = itertools.cycle(coins)
    steps = itertools.count()

    def tick() -> bool:
        grown = (len(one) > 1000 for one in dict(sys._getframe(1).f_locals).values() if isinstance(one, list | str))
        if next(steps) > 100 or any(grown):  # ``a += a`` fills the memory within 40 rounds
            raise KeyboardInterrupt
        return True

    def coin() -> bool:
        return tick() and next(tossed)

    def new(*args: object) -> Thing:
        return Thing(coin)

    def boom(*args: object) -> Thing:
        if coin():
            raise ValueError
        return Thing(coin)

    def nothing(*args: object) -> None:
        raise ValueError

    class Quiet(Thing):
        def __exit__(self, *error: object) -> bool:
            return True

    offered = {
        "tick": tick,
        "new": new,
        "boom": boom,
        "nothing": nothing,
        "suppress": lambda: Quiet(coin),
        "__build_class__": __build_class__,
    }
    helpers = vars(builtins) | offered
    ns = Traced({name: Thing(coin) for name in present} | {"__builtins__": helpers, "__name__": "cell"})
    ns.start.pop("__builtins__")
    try:
        exec(compile(source, "<cell>", "exec"), ns)
    except (Exception, KeyboardInterrupt):
        return ns, False
    return ns, True


name = st.sampled_from(NAMES)
leaf = name | st.sampled_from(["new()", "boom()"])


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} := {})".format, name, inner),
        st.builds("{}({})".format, name, inner),
        st.builds("[{} for {} in {} if {}]".format, leaf, name, inner, leaf),
        st.builds("[({} := {}) for x in {}]".format, name, leaf, inner),
        st.builds("(lambda {}=new(): {})()".format, name, inner),
        st.builds("(lambda: {})".format, inner),
        st.builds("f'{{{}}}'".format, name),
        st.builds("(not {})".format, inner),
        st.builds("(new() if {} is {} is {} else new())".format, leaf, leaf, inner),
    )


expr = st.recursive(leaf, _bigger, max_leaves=3)

simple = st.one_of(
    st.builds("{} = {}".format, name, expr),
    st.builds("{} = {}".format, name, expr),
    st.builds("{}, *{} = new(), new(), {}".format, name, name, expr),
    st.builds("{} += {}".format, name, expr),
    st.builds("{}: new = {}".format, name, expr),
    st.builds("{} = lambda: {}".format, name, expr),
    st.builds("del {}".format, name),
    st.builds("import math as {}".format, name),
    expr,
    st.builds("raise ValueError({})".format, leaf),
    st.just("pass"),
    st.builds("globals()['{}']".format, name),
)


def _indent(body: list[str]) -> str:
    return "\n".join("    " + line for statement in body for line in statement.split("\n"))


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(lambda body: _indent(["tick()", *body]))
    jump = st.builds("{}\n    if {}: {}".format, body, leaf, st.sampled_from(["break", "continue"]))
    inside_function = st.builds("{}{}".format, st.sampled_from(["", "    global a, b\n", "    global f\n"]), body)
    return st.one_of(
        st.builds("if {}:\n{}".format, expr, body),
        st.builds("if {}:\n{}\nelse:\n{}".format, expr, body, body),
        st.builds("for {} in {}:\n{}".format, name, expr, body | jump),
        st.builds("for {} in {}:\n{}\nelse:\n{}".format, name, expr, jump, body),
        st.builds("for {} in (new(), {}):\n{}".format, name, leaf, body | jump),
        st.builds("while {}:\n{}".format, expr, body | jump),
        st.builds("while True:\n{}\n    break".format, body | jump),
        st.builds("try:\n{}\nexcept ValueError as {}:\n{}".format, body, name, body),
        st.builds("try:\n{}\nexcept Exception:\n{}\nelse:\n{}".format, body, body, body),
        st.builds("try:\n{}\nfinally:\n{}".format, body, body),
        st.builds("try:\n{}\nexcept NameError:\n{}\nfinally:\n{}".format, body, body, body),
        st.builds("try:\n{}\nexcept* ValueError as {}:\n{}".format, body, name, body),
        st.builds("with new() as {}:\n{}".format, name, body),
        st.builds("with suppress() as {}:\n{}".format, name, body),
        st.builds("match {}:\n    case {} if {}: pass\n    case _: {}".format, expr, name, expr, simple),
        st.builds("def {}():\n{}\n    return {}".format, name, inside_function, expr),
        st.builds("def {}({}=new()):\n{}".format, name, name, body),
        st.builds("class {}:\n{}".format, name, body),
        st.builds("class {}:\n    def m({}):\n        return {}\n    {}".format, name, name, expr, simple),
    )  # fmt: skip


statement = st.recursive(simple, _blocks, max_leaves=6)
programs = st.lists(statement, min_size=1, max_size=6).map("\n".join)
coins = st.lists(st.booleans(), min_size=1, max_size=12)
few = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def compiles(source: str) -> bool:
    try:
        compile(source, "<cell>", "exec")
    except SyntaxError:
        return False
    return True


cells = programs.filter(compiles)


@few
@given(cells, st.sets(name), coins)
def test_every_name_really_read_before_it_is_written_is_a_read(
    source: str, present: set[str], tosses: list[bool]
) -> None:
    """Whatever the branches do: what a run takes from before it is in ``reads``, so a key never misses it."""
    ns, _ = run(source, present, tosses)
    assert ns.seen.old <= analyse(source).reads


@few
@example("a = [b for b in new()]\nwhile new():\n    tick()\n    a += a", set(), [True])
@example(
    "def f():\n    a = [b for b in new()]\n    while new():\n        tick()\n        a += a\n    return a\nf()",
    set(),
    [True],
)
@given(cells, st.sets(name), coins)
def test_every_name_really_bound_or_unbound_is_told(source: str, present: set[str], tosses: list[bool]) -> None:
    code = analyse(source)
    ns, _ = run(source, present, tosses)
    changed = {key for key in NAMES if ns.get(key) is not ns.start.get(key)}
    assert (ns.seen.bound | changed) & set(NAMES) <= code.writes | code.deletes
    assert {key for key in NAMES if key in ns and changed & {key}} <= code.writes
    assert {key for key in ns.start if key not in ns} <= code.deletes


@few
@example("a = a\n[(a := a) for x in a]", {"a"}, [False])
@given(cells, st.sets(name), coins)
def test_names_said_to_be_always_bound_are_bound_at_the_end(source: str, present: set[str], tosses: list[bool]) -> None:
    ns, ended = run(source, present, tosses)
    if ended:
        always = analyse(source).always & set(NAMES)
        bound = ns.seen.bound | {key for key in NAMES if ns.get(key) is not ns.start.get(key)}
        # Python tells no one of a name bound to what it was where a comprehension of the cell binds it too.
        untold = {one.argval for one in dis.get_instructions(source) if one.opname == "STORE_GLOBAL"}
        assert always - untold <= bound and always <= ns.keys()


@few
@given(cells, st.sets(name), coins)
def test_a_run_that_ends_without_a_maybe_name_never_needs_it(
    source: str, present: set[str], tosses: list[bool]
) -> None:
    """So its result holds whatever that name is bound to later, and the second run in a kernel is a hit."""
    code = analyse(source)
    maybe = set(code.maybe)
    _, ended = run(source, present - maybe, tosses)
    if ended:
        again, _ = run(source, present | maybe, tosses)
        assert not again.seen.old & maybe


straight = st.lists(
    st.builds("{} = new({}, {})".format, name, name, leaf)
    | st.builds("{} += {}".format, name, name)
    | st.builds("del {}".format, name),
    min_size=1,
    max_size=8,
).map("\n".join)


@few
@given(straight)
def test_straight_code_reads_just_what_is_said(source: str) -> None:
    """No more either: a read too many is a false miss, and a false miss pays again."""
    ns, ended = run(source, set(NAMES), [False])
    if ended:
        assert analyse(source).reads & set(NAMES) == ns.seen.old
