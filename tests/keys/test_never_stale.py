"""In one running session: what is changed under a function gives its calls new keys, and back again the old ones."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.keys.conftest import MakeKey, Project

BODY = """
    import @@tools as tools
    PROMPT = "a"
    WORDS = ["a", {"b": [1]}]
    class Config:
        model = "small"
        tags = ["x"]
        def show(self): return self.model
    CONFIG = Config()
    def deep(x): return x + 1
    def helper(x, *, extra=[1]): return deep(x)
    def make():
        n = [1]
        def inner(x): return n, x
        return inner
    inner = make()
    table = {"deep": deep}
    def f(x, y=[1]): return helper(x), PROMPT, WORDS, CONFIG.show(), tools.clean(x), inner(x), table
"""
TOOLS = """
    RATE = 2
    def clean(x): return x * RATE
    def unused(x): return x
"""


def redefine(module: Any, name: str, text: str) -> None:
    """What running an edited cell does."""
    space = vars(module)
    import linecache

    filename = f"<cell {name} {len(linecache.cache)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exec(compile(text, filename, "exec"), space)


CHANGES = {
    "a helper is redefined": lambda m, t: redefine(m, "deep", "def deep(x): return x + 2\n"),
    "a helper's code is replaced in place": lambda m, t: setattr(m.deep, "__code__", t.unused.__code__),
    "a global is bound anew": lambda m, t: setattr(m, "PROMPT", "b"),
    "a global is bound to an equal of another type": lambda m, t: setattr(m, "PROMPT", type("S", (str,), {})("a")),
    "a global list grows": lambda m, t: m.WORDS.append(1),
    "a nested list grows": lambda m, t: m.WORDS[1]["b"].append(2),
    "a class attribute is assigned": lambda m, t: setattr(m.Config, "model", "large"),
    "a class attribute is added": lambda m, t: setattr(m.Config, "extra", 1),
    "a class attribute changes in place": lambda m, t: m.Config.tags.append("y"),
    "a class attribute is deleted": lambda m, t: delattr(m.Config, "tags"),
    "a method is replaced": lambda m, t: setattr(m.Config, "show", t.unused),
    "an attribute of an instance is assigned": lambda m, t: setattr(m.CONFIG, "model", "own"),
    "a module's global is assigned": lambda m, t: setattr(t, "RATE", 3),
    "a module's function is replaced": lambda m, t: setattr(t, "clean", t.unused),
    "a default list of a helper grows": lambda m, t: m.helper.__kwdefaults__["extra"].append(2),
    "its own default list grows": lambda m, t: m.f.__defaults__[0].append(2),
    "its own default is replaced": lambda m, t: setattr(m.f, "__defaults__", (5,)),
    "a closure's list grows": lambda m, t: m.inner.__closure__[0].cell_contents.append(2),
    "a closure's cell is bound anew": lambda m, t: setattr(m.inner.__closure__[0], "cell_contents", [3]),
    "a dispatch table gets another function": lambda m, t: m.table.update(deep=t.unused),
    "a dispatch table gets one more": lambda m, t: m.table.update(more=t.unused),
    "a name that was built in is the user's": lambda m, t: setattr(m, "helper", lambda x: x),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_gives_a_new_key(project: Project, key_of: MakeKey, what: str) -> None:
    tools = project.load("tools", TOOLS)
    module = project.load("main", BODY)
    key = key_of(module.f)
    before = key.key((1,), {})
    assert key.key((1,), {}) == before
    CHANGES[what](module, tools)
    after = key.key((1,), {})
    assert after != before
    assert key.key((1,), {}) == after
    assert key.keyed((1,), {}).key == after


def test_what_is_changed_back_gives_the_old_key(project: Project, key_of: MakeKey) -> None:
    tools = project.load("tools", TOOLS)
    module = project.load("main", BODY)
    key = key_of(module.f)
    before = key.key((1,), {})
    module.WORDS.append(1)
    tools.RATE = 3
    assert key.key((1,), {}) != before
    module.WORDS.pop()
    tools.RATE = 2
    assert key.key((1,), {}) == before


def test_a_builtin_name_that_is_shadowed_gives_a_new_key(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "def f(x): return len(x)\n")
    key = key_of(module.f)
    before = key.key(("abc",), {})
    module.len = lambda x: 0
    assert key.key(("abc",), {}) != before


def test_a_reloaded_module_gives_a_new_key_and_its_edit_without_reload_is_trouble(
    project: Project, key_of: MakeKey
) -> None:
    tools = project.load("tools", TOOLS)
    module = project.load("main", BODY)
    project.write("tools", TOOLS.replace("x * RATE", "x * RATE * 7"))
    early = key_of(module.f)
    assert "was edited after import" in early.keyed((1,), {}).trouble
    importlib.reload(tools)
    late = early.keyed((1,), {})
    assert late.trouble == ""
    project.write("tools", TOOLS)
    importlib.reload(tools)
    assert early.keyed((1,), {}).key != late.key


def test_an_edit_after_the_first_key_changes_nothing_as_the_old_code_still_runs(
    project: Project, key_of: MakeKey
) -> None:
    project.load("tools", TOOLS)
    module = project.load("main", BODY)
    key = key_of(module.f)
    before = key.keyed((1,), {})
    project.write("tools", TOOLS.replace("x * RATE", "x * RATE * 7"))
    after = key.keyed((1,), {})
    assert (after.key, after.trouble) == (before.key, "")


def test_an_edit_elsewhere_in_the_file_is_no_trouble(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "def f(x): return x\n")
    project.write("main", "# more\n\n\ndef g(): pass\ndef f(x): return x\n")
    key = key_of(module.f).keyed((1,), {})
    assert key.trouble == ""


def test_a_file_that_is_gone_or_broken_is_trouble(project: Project, key_of: MakeKey) -> None:
    for text in ("def f(x: return x", None):
        module = project.load("main", "def f(x): return x\n")
        path = project.write("main", text or "")
        if text is None:
            path.unlink()
        assert key_of(module.f).keyed((1,), {}).trouble
        project.loaded.clear()
        import sys

        del sys.modules[module.__name__]


def test_code_without_source_is_trouble_by_name_and_keyed_by_what_runs(key_of: MakeKey) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(x): return x + 1\ndef g(x): return x + 2", space)
    space["g"].__qualname__ = space["g"].__name__ = "f"
    one, two = key_of(space["f"]).keyed((1,), {}), key_of(space["g"]).keyed((1,), {})
    assert "`f` has no source" in one.trouble
    assert one.key != two.key


def test_what_hides_its_reads_is_trouble(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "def f(x): return globals()[x]\ndef g(x): return eval(x)\n")
    assert "calls globals()" in key_of(module.f).keyed(("f",), {}).trouble
    assert "calls eval()" in key_of(module.g).keyed(("f",), {}).trouble


def test_state_is_named_and_stays_out(project: Project, key_of: MakeKey) -> None:
    module = project.load(
        "main",
        """
        calls = []
        class Seen: n = 0
        class Tracker:
            model = "small"
            def __init__(self): self.count = 0; self.log = []
            def note(self, x):
                self.count += 1
                self.log.append(x)
                return self.model
            def report(self): return self.count, self.log
        tracker = Tracker()
        def note(x):
            calls.append(x)
        def f(x, other):
            note(x)
            Seen.n += 1
            other.last = x
            return x, tracker.note(x), other.note(x)
        """,
    )
    key = key_of(module.f)
    args = (1, module.Tracker())
    before = key.key(args, {})
    module.f(*args)
    assert key.key(args, {}) == before
    assert set(key.keyed(args, {}).state) == {
        "calls", "Seen.n", "tracker.count", "tracker.log", "other.count", "other.log", "other.last",
    }  # fmt: skip
    for owner in (module.tracker, args[1], module.Tracker):
        owner.model = "large"
        assert key.key(args, {}) != before
        owner.model = "small"


READ = {
    "a global's length": "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)",
    "a frame": "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndef f(x):\n    df['b'] = df['a'] * x\n    return int(df['b'].sum())",
    "a sorted list": "rows = [3, 1]\ndef f(x):\n    rows.sort()\n    return rows[0]",
    "a default that is set": "CFG = {}\ndef f(x):\n    return CFG.setdefault('model', x)",
    "a number": "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
    "a number through a helper": "n = 0\ndef get(): return n\ndef f(x):\n    global n\n    n += 1\n    return get()",
    "an item": "seen = {}\ndef f(x):\n    seen[x] = seen.get(x, 0) + 1\n    return seen[x]",
    "what is taken off": "todo = [1, 2]\ndef f(x):\n    todo.pop()\n    return x",
    "a deleted item": "todo = [1, 2]\ndef f(x):\n    del todo[0]\n    return x",
    "an attribute": "class C: n = 0\ndef f(x):\n    C.n += 1\n    return C.n",
    "an attribute by its name": "class C: n = 0\ndef f(x):\n    C.n += 1\n    return getattr(C, 'n')",
    "an attribute in a method": "class C:\n    n = 0\n    def go(self):\n        self.n += 1\n        return self.n\nc = C()\ndef f(x): return c.go()",
    "an attribute through another method": "class C:\n    n = 0\n    def get(self): return self.n\n    def go(self):\n        self.n += 1\n        return self.get()\nc = C()\ndef f(x): return c.go()",
    "an attribute through a property": "class C:\n    n = 0\n    @property\n    def m(self): return self.n\nc = C()\ndef f(x):\n    c.n += 1\n    return c.m",
    "an object given on": "class C:\n    n = 0\nc = C()\ndef f(x):\n    c.n += 1\n    return repr(vars(c))",
    "an object given to a helper": "class C:\n    n = 0\n    def go(self):\n        self.n += 1\n        return show(self)\ndef show(c): return c.n\nc = C()\ndef f(x): return c.go()",
    "an attribute with a setter": "class C:\n    def __init__(self): self.v = 0\n    @property\n    def n(self): return self.v\n    @n.setter\n    def n(self, v): self.v = v; LOG.append(self.v)\nLOG = []\nc = C()\ndef f(x):\n    c.n = c.v + x\n    return x",
    "a container of the user's own": "class L(list):\n    def append(self, x): super().append(x + len(self)); self.last = self[-1]\nrows = L()\ndef f(x):\n    rows.append(x)\n    return x",
    "a closure": "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += x\n        return n\n    return f\nf = make()",
    "a module's attribute": "import @@settings as settings\ndef f(x):\n    settings.N += x\n    return settings.N",
    "a default argument": "def g(x, seen=[]):\n    seen.append(x)\n    return len(seen)\ndef f(x): return g(x)",
    "an attribute of a function": "def g(x):\n    g.calls += 1\n    return g.calls\ng.calls = 0\ndef f(x): return g(x)",
    "a nested object": "class C: pass\nc = C()\nc.sub = C()\nc.sub.n = 0\ndef f(x):\n    c.sub.n += 1\n    return c.sub.n",
    "a dunder method": "class C:\n    n = 0\n    def __len__(self): return self.n\nc = C()\ndef f(x):\n    c.n += 1\n    return x if c else 0",
}


@pytest.mark.parametrize("what", READ)
def test_what_is_read_and_changed_counts_and_shows_the_change(project: Project, key_of: MakeKey, what: str) -> None:
    project.load("settings", "N = 0\n")
    module = project.load("main", READ[what] + "\n")
    key = key_of(module.f)
    before = key.keyed((1,), {})
    module.f(1)
    after = key.keyed((1,), {})
    assert after.key != before.key
    assert any(before.inputs.get(name) != print_ for name, print_ in after.inputs.items())


def test_a_lazily_imported_module_that_was_changed_since_counts(project: Project, key_of: MakeKey) -> None:
    project.write("late", "RATE = 2\ndef clean(x): return x * RATE\n")
    module = project.load("main", "def f(x):\n    from @@late import clean\n    return clean(x)\n")
    key = key_of(module.f)
    before = key.key((1,), {})
    assert module.f(1) == 2
    assert key.key((1,), {}) == before, "loading it changes nothing"
    late = importlib.import_module(project.prefix + "late")
    late.RATE = 3
    assert key.key((1,), {}) != before
    late.RATE = 2
    assert key.key((1,), {}) == before


def test_threads_get_the_keys_of_what_they_see(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "WORDS = [1]\ndef deep(x): return WORDS\ndef f(x, y=2): return deep(x)\n")
    key = key_of(module.f)
    expected = {}
    for words in ([1], [1, 2]):
        module.WORDS[:] = words
        expected[tuple(words)] = {n: key.key((n,), {}) for n in range(20)}
    everything = {one for keys in expected.values() for one in keys.values()}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            module.WORDS[:] = [1]
            module.WORDS[:] = [1, 2]

    with ThreadPoolExecutor(5) as pool:
        changing = pool.submit(change)
        seen = [
            one for keys in pool.map(lambda n: [key.key((n % 20,), {}) for _ in range(50)], range(40)) for one in keys
        ]
        stop.set()
        changing.result()
    assert set(seen) <= everything


RUNNING = [
    "import runpy\ndef f(x): return runpy.run_path('other.py')",
    "from runpy import run_path\ndef f(x): return run_path('other.py')",
    "def f(x):\n    import runpy\n    return runpy.run_path('other.py')",
    "def f(x):\n    from runpy import run_module as run\n    return run('other')",
    "import runpy as r\ndef helper(): return r.run_path('other.py')\ndef f(x): return helper()",
]


@pytest.mark.parametrize("text", RUNNING)
def test_a_function_that_runs_a_file_as_code_is_refused(project: Project, key_of: MakeKey, text: str) -> None:
    assert "`runpy`" in key_of(project.load("main", text).f).keyed((1,), {}).trouble


def test_a_module_imported_inside_that_chooses_another_while_it_runs_is_refused(
    project: Project, key_of: MakeKey
) -> None:
    project.write("late", "import importlib\ndef load(name): return importlib.import_module(name)")
    main = project.load("main", "def f(x):\n    from @@late import load\n    return load(x)")
    assert "late` imports a module that is chosen while it runs" in key_of(main.f).keyed((1,), {}).trouble
