"""What functions and classes of the notebook hold, and calls of them change, is there after a hit."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from notebook_kernels import Kernel
from test_stories import as_it_would_have_run, kernels, told

from spotmagic.notebook.calls import unlike

__all__ = ["kernels"]
pytestmark = pytest.mark.kernel

KEPT: dict[str, list[str]] = {
    "a decorator counts calls": ["import functools\ndef counted(f):\n    @functools.wraps(f)\n    def inner(*given):\n        inner.calls += 1\n        return f(*given)\n    inner.calls = 0\n    return inner", "@counted\ndef add(a, b): return a + b", "add(1, 2)", "print(add.calls)", "add(3, 4); add(5, 6)", "print(add.calls)"],
    "two functions of one decorator": ["def counted(f):\n    def inner(*given):\n        inner.calls += 1\n        return f(*given)\n    inner.calls = 0\n    return inner", "@counted\ndef add(a, b): return a + b\n@counted\ndef mul(a, b): return a * b", "add(1, 2)", "mul(1, 2); mul(3, 4)", "print(add.calls, mul.calls)"],
    "a decorator that keeps answers in a closure": ["def kept(f):\n    memo = {}\n    def inner(x):\n        if x not in memo: memo[x] = f(x)\n        return memo[x]\n    inner.memo = memo\n    return inner", "@kept\ndef double(x): return 2 * x", "double(2); double(3)", "print(double.memo)", "double(4)", "print(sorted(double.memo))"],
    "a memo in a default argument": ["def fib(n, memo={}):\n    if n not in memo: memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)\n    return memo[n]", "fib(9)", "print(len(fib.__defaults__[0]))"],
    "a table of the cell that another variable has, and the cell once more": ["reg = {}\ndef tool(f): reg[f.__name__] = reg.get(f.__name__, 0) + 1; f.reg = reg; return f\n@tool\ndef a(): return 1", "alias = reg", "reg = {}\ndef tool(f): reg[f.__name__] = reg.get(f.__name__, 0) + 1; f.reg = reg; return f\n@tool\ndef a(): return 1", "#plain\nprint(alias, reg, alias is reg, a.reg is reg)"],
    "a name that stood for another table": ["reg = [9]\nold = reg", "reg = []\ndef tool(f): reg.append(f.__name__); return f\n@tool\ndef a(): return 1\n@tool\ndef b(): return 1", "#plain\nprint(old, reg)"],
    "a list that a decorator is given": ["seen = ['start']\ndef note(into):\n    def take(f):\n        into.append('def')\n        def inner(*x): into.append(f.__name__); return f(*x)\n        return inner\n    return take\n@note(seen)\ndef g(): pass\ng()", "#plain\ng(); print(seen)"],
    "tables of many kinds, and a count": ["from collections import defaultdict, deque\nby: dict = {'k': 1}; kinds = defaultdict(list); last = deque(); names = set(); n = 0\ndef tool(f):\n    global n\n    by[f.__name__] = f; kinds['k'].append(f); last.append(f.__name__); names.add(f.__name__); n += 1\n    return f\n@tool\ndef a(): return 1\n@tool\ndef b(): return 1\nby['z'] = 0", "#plain\nprint(list(by), by['a'] is a, kinds['k'][1] is b, last, sorted(names), n)"],
    "what a decorator and a class body take from the cell": ["import json\nsizes = []\nsizes.append(3)\nrules = json.loads('[7]')\ndef tool(f): f.sizes, f.rule = len(sizes), rules[0]; return f\n@tool\ndef a(): return 1\nclass C:\n    n = len(sizes)", "#plain\nprint(a.sizes, a.rule, C.n)"],
    "classes that a base of the cell lists": ["kinds = []\nclass Base:\n    def __init_subclass__(cls): kinds.append(cls)\nclass A(Base): pass\nclass B(Base): pass", "#plain\nprint(len(kinds), kinds[0] is A, kinds[1] is B)"],
    "a default that grows where pandas is loaded": ["import pandas\ndef note(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "_own = [1]", "note('a'); _own.append(2)", "print(note('b'), _own)"],
    "a keyword default that grows": ["def note(x, *, seen=[]):\n    seen.append(x)\n    return len(seen)", "note('a')", "note('b')", "print(note.__kwdefaults__)"],
    "a register of a class": ["class Dog:\n    all = []\n    def __init__(self, name): self.name = name; Dog.all.append(self)", "d = Dog('a'); e = Dog('b')", "print([one.name for one in Dog.all], Dog.all[0] is d)", "Dog('c').name", "print(len(Dog.all))", "d.name = 'z'", "print(Dog.all[0].name)"],
    "a register of subclasses": ["class Base:\n    kinds = {}\n    def __init_subclass__(cls): Base.kinds[cls.__name__] = cls", "class One(Base): pass", "class Two(Base): pass", "print(sorted(Base.kinds), Base.kinds['One'] is One)"],
    "a register of a decorator": ["tools = {}\ndef tool(f):\n    tools[f.__name__] = f\n    return f", "@tool\ndef add(a, b): return a + b", "tools['add'](1, 2)", "@tool\ndef mul(a, b): return a * b", "print(sorted(tools), tools['mul'](3, 4), tools['add'] is add)"],
    "objects of a decorator in a table of their class": ["class Tool:\n    tools = {}\n    def __init__(self, f): self.f = f; self.calls = 0; Tool.tools[f.__name__] = self\n    def __call__(self, *given): self.calls += 1; return self.f(*given)", "@Tool\ndef add(a, b): return a + b\n@Tool\ndef mul(a, b): return a * b", "#plain\nprint(add is Tool.tools['add'], len(Tool.tools), add(1, 2), Tool.tools['add'](3, 4), add.calls)"],
    "objects of a decorator in lists and objects": ["class Tool:\n    tools = {}\n    def __init__(self, f): self.f = f; self.calls = 0; Tool.tools[f.__name__] = self\n    def __call__(self, *given): self.calls += 1; return self.f(*given)\nclass Agent:\n    def __init__(self, tools): self.tools = tools\nknown = []", "@Tool\ndef add(a, b): return a + b\ntools = {'add': add, 'more': [add, 3]}\nagent = Agent([add])\nknown.append(add)\nsame = add", "#plain\nadd(1, 2)", "#plain\nprint(tools['add'] is add, tools['more'][0] is add, agent.tools[0] is add, known[0] is add, same is add, same.calls)"],
    "objects of a decorator that an object makes": ["class Tool:\n    tools = {}\n    def __init__(self, f): self.f = f; self.calls = 0; Tool.tools[f.__name__] = self\n    def __call__(self, *given): self.calls += 1; return self.f(*given)\nclass App:\n    def __init__(self): self.tools = []\n    def tool(self, f): self.tools.append(Tool(f)); return self.tools[-1]\napp = App()", "@app.tool\ndef add(a, b): return a + b", "@app.tool\ndef mul(a, b): return a * b", "#plain\nmul(1, 2); print([one.calls for one in app.tools], app.tools[0] is add, app.tools[1] is mul)"],
    "objects that hold decorated functions": ["import functools\ntools = {}\ndef tool(f):\n    tools[f.__name__] = f\n    @functools.wraps(f)\n    def inner(*given):\n        inner.calls += 1\n        return f(*given)\n    inner.calls = 0\n    return inner", "@tool\ndef add(a, b): return a + b", "class Agent:\n    all = []\n    def __init__(self, tools): self.tools = tools; Agent.all.append(self)\n    def run(self, name, *given): return self.tools[name](*given)", "a = Agent(tools); b = Agent({'add': add})\na.run('add', 1, 2), b.run('add', 3, 4)", "print(add.calls, tools['add'] is add.__wrapped__, b.tools['add'] is add, Agent.all[1] is b)"],
    "a method counts in its class": ["class Api:\n    asked = {}\n    def ask(self, x):\n        self.asked[x] = self.asked.get(x, 0) + 1\n        return x", "api = Api(); api.ask('a')", "api.ask('a'); api.ask('b')", "print(Api.asked)"],
    "a counter in a class attribute": ["from collections import Counter, defaultdict, deque\nclass Log:\n    kinds = Counter(); by = defaultdict(list); last = deque(maxlen=2); names = set()\n    @classmethod\n    def add(cls, kind, text): cls.kinds[kind] += 1; cls.by[kind].append(text); cls.last.append(text); cls.names.add(kind)", "Log.add('x', 'one'); Log.add('y', 'two')", "Log.add('x', 'three')", "print(Log.kinds, dict(Log.by), Log.last, sorted(Log.names))"],
    "a count in an object that a function holds": ["class Meter:\n    def __init__(self): self.n = 0\ndef metered(f):\n    meter = Meter()\n    def inner(x):\n        meter.n += 1\n        return f(x)\n    inner.meter = meter\n    return inner", "@metered\ndef twice(x): return 2 * x", "twice(1); twice(2)", "print(twice.meter.n)"],
    "a function of many types": ["from functools import singledispatch\n@singledispatch\ndef show(x): return 'any'\n@show.register(list)\ndef _many(x): return ','.join(map(show, x))", "show([1, [2]])", "@show.register(str)\ndef _text(x): return x", "print(show(['a', 1]))"],
    "a function among thousands of lists": ["class Dog:\n    all = []\ndef add(x):\n    Dog.all.append(x)\n    return x\nrows = [[n] for n in range(3000)] + [[add]]", "rows[-1][0]('a')", "rows[-1][0]('b')", "print(Dog.all)"],
    "an array that a class holds": ["import numpy as np\nclass Board:\n    cells = np.zeros(3)\n    @classmethod\n    def mark(cls, n): cls.cells[n] = 1", "Board.mark(1)", "print(Board.cells)", "Board.mark(2)", "print(Board.cells)"],
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_it_is_as_calls_left_it(kernels: list[Kernel], name: str) -> None:  # noqa: F811
    as_it_would_have_run(kernels, f"-held{list(KEPT).index(name)}", KEPT[name])


def test_what_functions_without_a_name_hold_is_refused(kernels: list[Kernel]) -> None:  # noqa: F811
    cells = [
        "def make(k):\n    def step(x):\n        step.runs += 1\n        return x * k\n    step.runs = 0\n    return step\nsteps = [make(2), make(3)]",
        "steps[0](1); steps[1](1); steps[1](2)",
        "print([one.runs for one in steps])",
    ]
    plain, first, second = told(kernels, "-held-refused", cells)
    assert [one.log for one in plain] == [one.log for one in first] == [one.log for one in second]
    assert second[1].verdict == "ran" and "`make.step.runs` cannot be kept" in second[1].badge_text


def test_under_a_key_another_class_gets_what_it_has_room_for(kernels: list[Kernel]) -> None:  # noqa: F811
    """A result under ``key=`` holds whatever the class is by now, and leaves nothing else in the notebook."""
    body = "    box = {'in': []}\n    def __init__(self, n): self.n = n; Dog.all.append(n); Dog.box['in'].append(n)"
    for kernel, setup, verdict in (
        (kernels[1], f"class Dog:\n    all = []\n{body}", "ran"),
        (kernels[2], f"class Dog:\n    all = [1, 2]\n{body.replace('[]', '[5], 3: ()')}", "hit"),
        (kernels[2], "class Dog: pass", "hit"),
    ):
        assert kernel.run(f"%reset -f\n%spot open story-held-key\n{setup}").status == "ok"
        output = kernel.run("%%spot key=dogs\nd = Dog('c')\nd.n")
        assert (output.status, output.verdict) == ("ok", verdict), output.badge_text
        assert "'c'" in str(output.log)
        assert kernel.value("[name for name in globals() if '.' in name]") == "[]"


def test_of_thousands_of_values_one_of_each_class_is_looked_at() -> None:
    class Proxy:
        """Says of itself what it is."""

        def __init__(self, held: object) -> None:
            self._held = held

        @property
        def __class__(self) -> type:  # type: ignore[override]
            return type(self._held)

    lists, functions, proxies = [[n] for n in range(3000)], [len, print], [Proxy(1), Proxy(lambda: 1)]
    kinds: set[type] = set()
    assert list(unlike([*lists, *functions, *proxies], kinds)) == [[0], *functions, *proxies]
    assert list(unlike([[1], {}, len], kinds)) == [{}, len]
    assert kinds == {list, dict}
