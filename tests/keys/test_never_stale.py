"""In one running session: what is changed under a function gives its calls new keys, and back again the old ones."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from spotmagic.keys import FunctionKey
from tests.keys.conftest import Project

MakeKey = Callable[..., FunctionKey]

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
        def note(x):
            calls.append(x)
        def f(x):
            note(x)
            Seen.n += 1
            return len(calls)
        """,
    )
    key = key_of(module.f)
    before = key.key((1,), {})
    module.f(1)
    assert key.key((1,), {}) == before
    assert set(key.keyed((1,), {}).state) == {"calls", "Seen.n"}


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
