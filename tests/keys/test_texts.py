"""What code names in text counts like what it names: queries, evaluated code, modules by name, environment variables."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

import os
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.keys import FunctionKey
from tests.keys.conftest import MakeKey, Project

FRAME = "import pandas as pd\ndf = pd.DataFrame({'a': [1, 5]})\nlimit = 2\nother = 1\n"
COUNTS = {
    "a query": FRAME + "def f(x): return df.query('a > @limit')",
    "a query in a helper": FRAME + "def g(d): return d.query('a > @limit')\ndef f(x): return g(df)",
    "a query in a method": FRAME
    + "class C:\n    def go(self, d): return d.query('a > @limit')\nc = C()\ndef f(x): return c.go(df)",
    "a query under a name": FRAME + "Q = 'a > @limit'\ndef f(x): return df.query(Q)",
    "a query as a default": FRAME + "def g(d, q='a > @limit'): return d.query(q)\ndef f(x): return g(df)",
    "a query given on": FRAME + "def g(d, q): return d.query(q)\ndef f(x): return g(df, 'a > @limit')",
    "a query in pieces": FRAME + "def f(x): return df.query(f'a > @limit and a < {x}')",
    "frames in SQL": FRAME + "import duckdb\ndef f(x): return duckdb.sql('select * from limit, df')",
    "frames in SQL of a connection": FRAME
    + "def f(con): return con.execute('select * from limit').fetchall()\nARGS = (None,)",
    "an expression of pandas": FRAME + "def f(x): return pd.eval('limit + 1')",
    "an evaluated text": FRAME + "def f(x): return eval('limit * 3')",
    "an evaluated text under a name": FRAME + "CODE = 'limit * 3'\ndef f(x): return eval(CODE)",
    "an executed text": FRAME + "def f(x):\n    exec('print(limit)')\n    return x",
    "a formula": FRAME
    + "import types\nsmf = types.SimpleNamespace(ols=lambda t, d: t)\ndef f(x): return smf.ols('y ~ limit(a)', df)",
    "the function of a formula": FRAME + "def f(x): return fit('y ~ scale(a) + limit', df)\ndef fit(t, d): return t",
}


@pytest.mark.parametrize("what", COUNTS)
def test_names_in_texts_count(project: Project, key_of: MakeKey, what: str) -> None:
    module = project.load("main", COUNTS[what] + "\n")
    key, args = key_of(module.f), getattr(module, "ARGS", (1,))
    before = key.keyed(args, {})
    assert before.trouble == ""
    module.other = 3
    assert key.key(args, {}) == before.key
    module.limit = 3
    assert key.key(args, {}) != before.key
    module.limit = 2
    assert key.key(args, {}) == before.key


def test_names_in_a_query_that_comes_in_as_an_argument_count(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", FRAME + "def f(q): return df.query(q)\n")
    key = key_of(module.f)
    named, unnamed = key.key(("a > @limit",), {}), key.key(("a > 1",), {})
    module.limit = 3
    assert key.key(("a > @limit",), {}) != named
    assert key.key(("a > 1",), {}) == unnamed
    assert "global limit" in key.keyed(("a > @limit",), {}).inputs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(x): return eval(x)", "cannot be seen before it runs"),
        ("def f(x):\n    code = x + 1\n    return exec(code)", "cannot be seen before it runs"),
        ("import importlib\ndef f(x): return importlib.import_module(x).go()", "chosen while it runs"),
        ("import sys\ndef f(x): return sys.modules[x].go()", "chosen while it runs"),
        ("import sys\ndef f(x): return [m for m in sys.modules.values() if m]", "chosen while it runs"),
        ("def g(): pass\ndef f(x): return g.__globals__[x]", "by `__globals__`"),
        ("import inspect\ndef f(x): return inspect.currentframe().f_back.f_globals", "by `f_globals`"),
        ("import inspect\ndef f(x): return inspect.getmodule(f).x", "by `getmodule`"),
        ("import os\ndef f(x): return dict(os.environ)", "the whole environment"),
        ("from os import environ\ndef f(x): return [*environ]", "the whole environment"),
    ],
)
def test_what_cannot_be_seen_is_trouble_by_name(project: Project, key_of: MakeKey, text: str, said: str) -> None:
    trouble = key_of(project.load("main", text + "\n").f).keyed(("a",), {}).trouble
    assert said in trouble and ("`f`" in trouble or "`env`" in said)


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return os.environ[x]",
        "n = 'HOME'\ndef f(x): return [os.environ.get(n) for n in ('A', x)]",
        "def env(n): return os.environ[n]\ndef f(x): return env(x)",
        "def env(n): return os.environ[n]\ndef f(x): return env(n='A')",
        "def env(n): return os.environ[n]\ndef f(x): return [*map(env, 'A')]",
        "def env(n): return os.environ[n]\nT = [env]\ndef f(x): return env('A') + T[0]('A')",
        "def env(n):\n    n = 'A' + n\n    return os.environ[n[:1]]\ndef f(x): return env('A')",
        "def env(n): return [os.environ[n] for n in n]\ndef f(x): return env('A')",
        "def env(n): return (lambda n: os.environ[n])('A')\ndef f(x): return env('B')",
        "def f(x): return os.path.expandvars('$' + x)",
    ],
)
def test_a_variable_that_is_chosen_while_it_runs_is_noted_then(
    project: Project, spot: Spot, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    marked = spot.mark(project.load("main", f"import os\n{text}\n").f)
    for value in ("1", "2"):
        monkeypatch.setenv("A", value)
        first = marked("A")
        assert last().verdict == "ran"
        assert marked("A") == first
        assert last().verdict == "hit", last().reason
    monkeypatch.setenv("A", "1")
    assert "1" in str(marked("A"))
    assert last().verdict == "hit"


MODULES = {
    "by text": "import importlib\ndef f(x): return importlib.import_module('@@plug').go(x)",
    "by a name that holds text": "import importlib\nNAME = '@@plug'\ndef f(x): return importlib.import_module(NAME).go(x)",
    "by a function of its own": "from importlib import import_module\ndef f(x): return import_module('@@plug').go(x)",
    "by the builtin": "def f(x): return __import__('@@plug').go(x)",
    "by a keyword": "import importlib\ndef f(x): return importlib.import_module(name='@@plug').go(x)",
    "by a helper": "import importlib\ndef load(): return importlib.import_module('@@plug')\ndef f(x): return load().go(x)",
    "by a statement": "def f(x):\n    import @@plug\n    return @@plug.go(x)",
}


@pytest.mark.parametrize("what", MODULES)
def test_modules_imported_by_text_count_before_they_are_loaded(project: Project, key_of: MakeKey, what: str) -> None:
    project.write("plug", "def go(x): return x + 1\n")
    module = project.load("main", MODULES[what] + "\n")
    before = key_of(module.f).keyed((1,), {})
    assert before.trouble == ""
    project.write("plug", "def go(x): return x + 2\n")
    assert key_of(module.f).key((1,), {}) != before.key


READS = {
    "an item": "import os\ndef f(x): return os.environ['SPOT_T']",
    "get": "import os\ndef f(x): return os.environ.get('SPOT_T', 'd')",
    "getenv": "import os\ndef f(x): return os.getenv('SPOT_T')",
    "an imported environ": "from os import environ\ndef f(x): return environ['SPOT_T']",
    "an imported getenv": "from os import getenv as ask\ndef f(x): return ask('SPOT_T')",
    "an alias": "import os\nenv = os.environ\ndef f(x): return env.get('SPOT_T')",
    "an alias of get": "import os\nask = os.environ.get\ndef f(x): return ask('SPOT_T')",
    "whether it is there": "import os\ndef f(x): return 'SPOT_T' in os.environ",
    "a name that holds it": "import os\nNAME = 'SPOT_T'\ndef f(x): return os.environ[NAME]",
    "a helper": "import os\ndef g(): return os.environ['SPOT_T']\ndef f(x): return g()",
    "a method": "import os\nclass C:\n    def go(self): return os.environ['SPOT_T']\nc = C()\ndef f(x): return c.go()",
    "a nested function": "import os\ndef f(x):\n    def g(): return os.environ['SPOT_T']\n    return g()",
    "a lambda": "import os\nf = lambda x: os.environ['SPOT_T']",
    "a helper that is told which": "import os\ndef env(n): return os.environ[n]\ndef f(x): return env('SPOT_T')",
    "a helper with a default": "import os\ndef env(n, d=None): return os.getenv(n, d)\ndef f(x): return env('SPOT_T', 'd')",
    "a helper of a helper": "import os\ndef env(n): return os.environ[n]\ndef g(): return env('SPOT_T')\ndef f(x): return g()",
    "a helper told by a global": "import os\nN = 'SPOT_T'\ndef env(n): return os.environ.get(n)\ndef f(x): return env(N)",
    "a module": "import @@settings\ndef f(x): return @@settings.model()",
}


@pytest.mark.parametrize("what", READS)
def test_environment_variables_count_where_code_reads_them(
    project: Project, key_of: MakeKey, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("SPOT_T", "a")
    project.write("settings", "import os\ndef model(): return os.environ['SPOT_T']\n")
    key = key_of(project.load("main", READS[what] + "\n").f)
    before = key.keyed((1,), {})
    assert before.trouble == "" and "env SPOT_T" in before.inputs
    seen = {before.key}
    for value in ("b", "", None):
        monkeypatch.delenv("SPOT_T") if value is None else monkeypatch.setenv("SPOT_T", value)
        seen.add(key.key((1,), {}))
    assert len(seen) == 4
    monkeypatch.setenv("SPOT_T", "a")
    assert key.key((1,), {}) == before.key
    monkeypatch.setenv("SPOT_OTHER", "x")
    assert key.key((1,), {}) == before.key


def test_a_secret_of_the_environment_enters_masked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from spotmagic.options import mark_options

    monkeypatch.setenv("SPOT_API_KEY", "sk-1")
    module = project.load("main", "import os\ndef f(x): return os.environ['SPOT_API_KEY']\n")
    seen: list[bytes] = []

    def mask(data: bytes) -> bytes:
        seen.append(data)
        return b"masked" + bytes(10)

    keyed = FunctionKey(module.f, mark_options({}), mask=mask).keyed((1,), {})
    assert keyed.secret and seen


def test_who_sets_a_variable_does_not_read_it(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "import os\ndef f(x):\n    os.environ['SPOT_SET'] = x\n    return x\n")
    keyed = key_of(module.f).keyed(("a",), {})
    assert keyed.trouble == "" and not any(name.startswith("env") for name in keyed.inputs)
    assert not isinstance(os.environ.get("SPOT_SET"), int)


def test_ignore_leaves_the_environment_out(project: Project, key_of: MakeKey) -> None:
    module: Any = project.load("main", "import os\ndef f(x): return dict(os.environ)\n")
    assert key_of(module.f, ignore="os").keyed((1,), {}).trouble == ""
