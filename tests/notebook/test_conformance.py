"""Every kind of cell, four ways: twice in one kernel, in a fresh kernel, with something changed, and back again.

The rows are those on which cell caches were seen to go wrong: each names what must not happen silently.
"""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from notebook_kernels import Kernel, Output, environment

pytestmark = pytest.mark.kernel


@dataclass(frozen=True)
class Row:
    """One kind of cell.

    Attributes:
        setup: what ran before the cell.
        body: the cell under ``%%spot``.
        probes: expressions that must be worth the same after a hit as after the run.
        changed: a setup that must make the cell run; empty to change the body instead.
        edited: a body that must run.
        same: bodies that must hit.
        shown: what a hit must put out.
    """

    name: str
    body: str
    setup: str = "pass"
    probes: tuple[str, ...] = ()
    changed: str = ""
    edited: str = ""
    same: tuple[str, ...] = ()
    line: str = ""
    any_output: bool = False
    shown: str = ""

    def __str__(self) -> str:
        return self.name


ROWS = [
    # what the cell reads
    Row("a global changed", "y = x * 2", "x = 3", ("y",), changed="x = 4"),
    Row("own code edited", "y = 2 + 1", edited="y = 2 + 2", probes=("y",)),
    Row("comments, spaces and quotes", "y = ['a', 1]\nz = 2", probes=("y",), edited="y = ['a', 2]\nz = 2",
        same=('# hello\ny = [ "a" , 1 ]   # a\n\n\nz = 2', "y = ['a',\n     1]\nz = (2)")),
    Row("a helper edited", "y = helper(2)", "def helper(x): return x + 1", ("y",), changed="def helper(x): return x + 2"),
    Row("a helper two calls deep edited", "y = outer(2)", "def inner(x): return x + 1\ndef outer(x): return inner(x)", ("y",),
        changed="def inner(x): return x + 2\ndef outer(x): return inner(x)"),
    Row("a helper's default changed", "y = helper(2)", "def helper(x, n=1): return x + n", ("y",), changed="def helper(x, n=2): return x + n"),
    Row("a helper's annotation changed", "y = str(helper.__annotations__)", "def helper(x: int): return x", ("y",), changed="def helper(x: str): return x"),
    Row("a closure's constant changed", "y = add(2)", "def make(n):\n    def add(x): return x + n\n    return add\nadd = make(1)", ("y",),
        changed="def make(n):\n    def add(x): return x + n\n    return add\nadd = make(50)"),
    Row("a global of a helper changed", "y = helper()", "PROMPT = 'a'\ndef helper(): return PROMPT", ("y",), changed="PROMPT = 'b'\ndef helper(): return PROMPT"),
    Row("a class's register", "d = Dog()", "class Dog:\n    all = []\n    def __init__(self): self.all.append(1)", ("Dog.all",),
        changed="class Dog:\n    all = [0]\n    def __init__(self): self.all.append(1)"),
    Row("True is not 1", "y = repr(x)", "x = True", ("y",), changed="x = 1"),
    Row("1 is not 1.0", "y = repr(x)", "x = 1", ("y",), changed="x = 1.0"),
    Row("constants 1 and '1'", "y = repr(1)", probes=("y",), edited="y = repr('1')"),
    Row("('ab', 'c') and ('a', 'bc')", "y = x[0]", "x = ('ab', 'c')", ("y",), changed="x = ('a', 'bc')"),
    Row("a tuple is no list", "y = repr(x)", "x = (1, 2)", ("y",), changed="x = [1, 2]"),
    Row("a list of dicts", "y = x[1]['b']", "x = [{'a': 1}, {'b': 2}]", ("y",), changed="x = [{'a': 1}, {'b': 3}]"),
    Row("an array and its transpose", "y = x.tolist()", "import numpy as np\nx = np.arange(6).reshape(2, 3)", ("y",),
        changed="import numpy as np\nx = np.arange(6).reshape(2, 3).T.copy()"),
    Row("zeros of another type", "y = str(x.dtype)", "import numpy as np\nx = np.zeros(3, 'int64')", ("y",), changed="import numpy as np\nx = np.zeros(3)"),
    Row("columns renamed", "y = list(df)", "import pandas as pd\ndf = pd.DataFrame({'a': [1], 'b': [2]})", ("y",),
        changed="import pandas as pd\ndf = pd.DataFrame({'a': [1], 'c': [2]})"),
    Row("an index changed", "y = df.index.tolist()", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})", ("y",),
        changed="import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]}, index=[5, 6])"),
    Row("a series' name changed", "y = s.name", "import pandas as pd\ns = pd.Series([1], name='a')", ("y",), changed="import pandas as pd\ns = pd.Series([1], name='b')"),
    Row("a module behind an alias changed", "y = m.sqrt(4)", "import math as m", ("y",), changed="import cmath as m"),
    Row("names in a shell line", "y = !echo {x} $x", "x = 'one'", ("list(y)",), changed="x = 'two'"),
    Row("names in nested functions", "def f():\n    return x\ny = f()", "x = 1", ("y", "f()"), changed="x = 2"),
    Row("its own result is no input", "total = 0\nfor v in xs:\n    total += v\nlast = v", "xs = [1, 2, 3]", ("total", "last"), changed="xs = [1, 2, 4]"),
    # what the cell changes
    Row("x += 1", "x += 1", "x = 1", ("x",), changed="x = 2"),
    Row("a list changed in place", "xs.append(3)\nn = len(xs)", "xs = [1, 2]\nalias = xs", ("xs", "n", "alias is xs", "alias"), changed="xs = [1]\nalias = xs"),
    Row("a dict changed in place", "d['b'] = d.pop('a')", "d = {'a': 1}\nalias = d", ("d", "alias is d"), changed="d = {'a': 2}\nalias = d"),
    Row("a set changed in place", "s.add(3)", "s = {1}\nalias = s", ("sorted(s)", "alias is s"), changed="s = {2}\nalias = s"),
    Row("an array changed in place", "a[0] = 9", "import numpy as np\na = np.zeros(3)\nalias = a", ("a.tolist()", "alias is a"),
        changed="import numpy as np\na = np.ones(3)\nalias = a"),
    Row("a frame changed in place", "df['b'] = df['a'] * 2", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\nalias = df",
        ("df.to_dict()", "alias is df"), changed="import pandas as pd\ndf = pd.DataFrame({'a': [1, 3]})\nalias = df"),
    Row("an attribute of an object changed", "box.n = box.n + 1", "class Box: pass\nbox = Box(); box.n = 1\nalias = box", ("box.n", "alias is box"),
        changed="class Box: pass\nbox = Box(); box.n = 5\nalias = box"),
    Row("variables that share an object", "a = [1]\nb = [a, a]\nc = a", probes=("b[0] is b[1]", "c is a", "b[0] is a", "b"), edited="a = [2]\nb = [a, a]\nc = a"),
    Row("del", "y = x\ndel x", "x = 1", ("y", "'x' in globals()"), changed="x = 2"),
    Row("del of its own name", "t = 5\ny = t\ndel t", probes=("y", "'t' in globals()"), edited="t = 6\ny = t\ndel t"),
    # what the cell defines
    Row("imports", "import json, os.path as p\nfrom math import pi as PI\ny = json.dumps(PI)", probes=("y", "p.sep", "json.dumps(1)", "PI"),
        edited="import json, os.path as p\nfrom math import e as PI\ny = json.dumps(PI)"),
    Row("a star import", "from math import *\ny = sqrt(4)", probes=("y", "floor(1.5)"), edited="from math import *\ny = sqrt(9)"),
    Row("a function", "def f(x):\n    return x + 1\ny = f(1)", probes=("y", "f(5)", "__import__('inspect').getsource(f)"),
        edited="def f(x):\n    return x + 2\ny = f(1)"),
    Row("a class and its instance", "class A:\n    def __init__(self, n): self.n = n\na = A(3)", probes=("a.n", "isinstance(a, A)", "type(a) is A", "A(4).n"),
        edited="class A:\n    def __init__(self, n): self.n = n\na = A(4)"),
    Row("a dataclass", "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\np = P(1)", probes=("p", "p == P(1)"),
        edited="from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\np = P(2)"),
    Row("a lambda", "f = lambda x: x + 1\ny = f(1)", probes=("y", "f(3)"), edited="f = lambda x: x + 2\ny = f(1)"),
    # how the cell runs
    Row("await", "import asyncio\nawait asyncio.sleep(0.01)\ny = x + 1\nprint('after')\ny", "x = 1", ("y",), changed="x = 2"),
    Row("async for, async with", "class C:\n    async def __aenter__(self): return 1\n    async def __aexit__(self, *a): pass\n"
        "async def g():\n    yield 1\n    yield 2\nasync with C() as c:\n    y = [i async for i in g()]", probes=("y", "c"),
        edited="async def g():\n    yield 1\n    yield 3\ny = [i async for i in g()]"),
    Row("a line magic", "y = %pwd\n%timeit -n1 -r1 -q pass\nz = 1.5", probes=("y", "z"), edited="y = %pwd\nz = 2.5"),
    # what the cell puts out
    Row("prints, errors and a result in order", "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\ndisplay('d')\nx = [1, 2]\nx",
        probes=("x", "_", "_ is x", "Out[len(In) - 1] is x"), edited="print('z')"),
    Row("a semicolon", "x = 3\nx;", probes=("x",), edited="x = 4\nx;"),
    Row("a frame as last result", "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ndf", probes=("df.to_dict()", "_ is df"),
        edited="import pandas as pd\ndf = pd.DataFrame({'a': [1, 3]})\ndf"),
    Row("displays, html and images", "from IPython.display import HTML, Image\nimport base64\ndisplay(HTML('<b>x</b>'))\nprint('between')\n"
        "display(Image(data=base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')))",
        edited="from IPython.display import HTML\ndisplay(HTML('<b>y</b>'))"),
    Row("implicit figures", "import matplotlib.pyplot as plt\nprint('a')\nfig, ax = plt.subplots(figsize=(1, 1))\n_ = ax.plot([1, 2])\nprint('b')",
        edited="import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\n_ = ax.plot([1, 3])"),
    Row("shown figures", "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1, 2])\nplt.show()\nprint('after')",
        edited="import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1, 3])\nplt.show()"),
    Row("a plot as last result", "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1, 2])",
        edited="import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1, 3])", any_output=True),
    Row("clear_output", "from IPython.display import clear_output\nprint('a')\nclear_output()\nprint('b')\nclear_output(wait=True)\nprint('c')",
        edited="from IPython.display import clear_output\nprint('x')\nclear_output()", any_output=True),
    Row("displays updated", "h = display('a', display_id=True)\nprint('x')\nh.update('b')", edited="h = display('a', display_id=True)", any_output=True),
    Row("warnings and logging", "import warnings, logging\nwarnings.warn('careful')\nlogging.getLogger('n').warning('low')",
        edited="import warnings\nwarnings.warn('careful 2')", any_output=True),
    Row("shell output", "!echo hello; echo there >&2\nprint('end')", edited="!echo bye"),
    Row("threads' prints", "import threading\nts = [threading.Thread(target=print, args=(i,)) for i in range(3)]\nfor t in ts:\n    t.start()\n    t.join()\ndel t, ts",
        edited="import threading\nprint(1)"),
    Row("a progress bar", "for i in bar(3):\n    pass", "import sys\ndef bar(n):\n    for i in range(n):\n        sys.stderr.write(f'\\r{i + 1}/{n}')\n        yield i\n",
        ("i",), edited="for i in bar(4):\n    pass"),
    Row("tqdm", "from tqdm import tqdm\nfor i in tqdm(range(3), desc='pages'):\n    pass", probes=("i",), edited="from tqdm import tqdm\nfor i in tqdm(range(4)):\n    pass",
        shown="pages: 100%"),
    Row("a widget, as text", "import ipywidgets\nprint('before')\ndisplay(ipywidgets.IntProgress(value=37))\ny = 1", probes=("y",),
        edited="import ipywidgets\ndisplay(ipywidgets.IntProgress(value=38))", any_output=True, shown="IntProgress(value=37)"),
    Row("a seed of its own", "import random\nrandom.seed(5)\ny = random.random()", probes=("y", "random.random()"), edited="import random\nrandom.seed(6)\ny = random.random()"),
    Row("random numbers under rng", "import random\ny = random.random()", "import random; random.seed(5)", ("y", "random.random()"), line="rng",
        changed="import random; random.seed(6)"),
    Row("random numbers of a seeded notebook", "y = random.random()", "import random; random.seed(5)", ("y", "random.random()"),
        changed="import random; random.seed(6)"),
    # what the cell sets
    Row("os.environ", "import os\nos.environ['SPOT_TEST'] = 'x1'", "import os; os.environ.pop('SPOT_TEST', None)", ("os.environ['SPOT_TEST']",),
        edited="import os\nos.environ['SPOT_TEST'] = 'x2'"),
    Row("%env", "%env SPOT_TEST_TWO=2", "import os; os.environ.pop('SPOT_TEST_TWO', None)", ("os.environ['SPOT_TEST_TWO']",), edited="%env SPOT_TEST_TWO=3"),
    Row("files written", "with open('made.txt', 'w') as f: n = f.write('x')\nwith open('more.txt', 'a') as f: n = f.write('y')",
        "import os; [os.path.exists(one) and os.remove(one) for one in ('made.txt', 'more.txt')]", ("open('made.txt').read()", "open('more.txt').read()"),
        edited="with open('made.txt', 'w') as f: n = f.write('z')\nopen('more.txt', 'a').close()"),
    Row("settings", "import numpy as np\nnp.set_printoptions(precision=3)", "import numpy; numpy.set_printoptions(precision=8)", ("str(np.array([1 / 3]))",),
        edited="import numpy as np\nnp.set_printoptions(precision=4)"),
    Row("a call that sets up a library", "socket.setdefaulttimeout(7.5)", "import socket; socket.setdefaulttimeout(None)", ("socket.getdefaulttimeout() == 7.5",),
        edited="socket.setdefaulttimeout(8.5)"),
    Row("a method of a package's class", "pd.DataFrame.total = total", "import pandas as pd\ndef total(self): return 5\npd.DataFrame.total = None", ("pd.DataFrame().total()",),
        edited="pd.DataFrame.total = total\nx = 1"),
    Row("a name of the shell", "%alias hey echo hey", "get_ipython().run_line_magic('unalias', 'hey')", ("'hey' in get_ipython().magics_manager.magics['line']",),
        edited="%alias hey echo ho"),
    Row("a helper's table", "fill('a')", "table = {}\ndef fill(k): table[k] = 1", ("table",), changed="table = {1: 2}\ndef fill(k): table[k] = 1"),
    Row("a class's counter", "d = Dog()", "class Dog:\n    n = 0\n    def __init__(self): Dog.n += 1", ("Dog.n",), changed="class Dog:\n    n = 5\n    def __init__(self): Dog.n += 1"),
    Row("a client", "import httpx\nclient = httpx.Client()\ny = 1", "import httpx", probes=("y", "type(client).__name__"), edited="import httpx\nclient = httpx.Client()\ny = 2"),
    Row("a lock", "import threading\nlock = threading.Lock()\ny = 1", probes=("y", "lock.locked()"), edited="import threading\nlock = threading.Lock()\ny = 2"),
    # options
    Row("ignore=", "y = x + z", "x = 1\nz = 1", ("y",), line="ignore=z", changed="x = 2\nz = 1"),
    Row("inputs=", "y = 1", "x = 1", ("y",), line="inputs=x", changed="x = 2"),
    Row("outputs=", "y = x\nt = object()", "x = 1", ("y",), line="outputs=y", changed="x = 2"),
]  # fmt: skip

LOST = [
    Row("files that libraries write unseen", "import sqlite3\n_c = sqlite3.connect(':memory:')\n_c.execute(\"attach 'made' || '.db' as m\")\n_c.execute('create table m.t(a)')\n_c.close()\ndel _c\nn = 1", "import pathlib; pathlib.Path('made.db').unlink(missing_ok=True)",
        ("__import__('pathlib').Path('made.db').exists()",)),
    Row("background threads", "import threading\nthreading.Thread(target=threading.Event().wait, args=(20,), name='background', daemon=True).start()", "pass",
        ("any(t.name == 'background' for t in __import__('threading').enumerate())",)),
    Row("settings of libraries", "import threading\nsize = threading.stack_size(262144)", "import threading; threading.stack_size(0)",
        ("__import__('threading').stack_size() == 262144",)),
    Row("what `@lru_cache` keeps", "y = doubled(4)", "import functools\n@functools.lru_cache\ndef doubled(n): return n * 2", ("doubled.cache_info().currsize == 1",)),
    Row("what an error was raised beside", "try:\n    try: 1 / 0\n    except ZeroDivisionError: raise ValueError('no')\nexcept ValueError as error: last = error", "last = None",
        ("type(last.__context__).__name__ == 'ZeroDivisionError'",)),
]  # fmt: skip
REFUSED = [
    Row("%cd", "%cd sub\ny = 1", "import os; os.makedirs('sub', exist_ok=True)"),
    Row("os.remove", "import os\nos.remove('gone.txt')", "open('gone.txt', 'w').close()"),
    Row("os.rmdir", "import os\nos.rmdir('empty')", "import os; os.makedirs('empty', exist_ok=True)"),
    Row("a default of a function that the cell defines", "def add(x, seen=[]):\n    seen.append(x)\n    return len(seen)\nn = add(1)"),
    Row("a thread", "t = threading.Thread(target=print)\nt.start()\nt.join()", "import threading"),
    Row("a lock that is left taken", "taken = lock.acquire()", "import threading; lock = threading.Lock()"),
    Row("a function that shows values", "get_ipython().display_formatter.formatters['text/html'].for_type(V, shown)", "class V: pass\ndef shown(value): return 'V'"),
    Row("%automagic", "%automagic"),
    Row("a database file", "import sqlite3\ncon = sqlite3.connect('gone.db')\nrows = con.execute('create table t(a)').fetchall(); con.commit()", "import os; os.path.exists('gone.db') and os.remove('gone.db')"),
    Row("a cell inside", "get_ipython().run_cell_magic('spot', 'quiet', 'y = 1')"),
    Row("os.chdir", "import os\nos.chdir('sub')", "import os; os.makedirs('sub', exist_ok=True)"),
    Row("a secret in os.environ", "import os\nos.environ['SPOT_API_KEY'] = 'abcdefgh1'"),
    Row("%env with a secret", "%env SPOT_TOKEN=abcdefgh2"),
    Row("a count in a list of functions", "steps[0](1)", "def make():\n    def step(x): step.runs += 1\n    step.runs = 0\n    return step\nsteps = [make()]"),
    Row("random numbers", "import random\ny = random.random()", "In[:] = ['']"),
    Row("locks in a list", "import threading\nlocks = [threading.Lock()]"),
    Row("an open file", "file = open('notes.txt', 'w')"),
    Row("a generator", "squares = (x * x for x in range(3))"),
    Row("a database in memory", "import sqlite3\ncon = sqlite3.connect(':memory:')"),
    Row("a credential", "headers = {'Authorization': 'Bearer abcdefghi123'}"),
    Row("exec", "exec(source)", "source = 'y = 1'"),
    Row("eval", "y = eval(source)", "source = '1 + 1'"),
    Row("an error", "y = 1\n1 / 0"),
]  # fmt: skip


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Kernel]]:
    """Two kernels in one folder: one runs each cell first, the other has never seen it."""
    folder: Path = tmp_path_factory.mktemp("notebook")
    pair = tuple(Kernel(folder, environment(folder / "home")) for _ in range(2))
    yield pair  # type: ignore[misc]
    for kernel in pair:
        kernel.close()


def clean(kernel: Kernel) -> None:
    kernel.run(
        "for _name in [n for n in list(globals()) if not n.startswith('_') and n not in "
        "('In', 'Out', 'get_ipython', 'exit', 'quit', 'open')]:\n    del globals()[_name]\ndel _name",
    )
    kernel.run("import sys as _s\nif 'numpy' in _s.modules: _s.modules['numpy'].set_printoptions(precision=8)")


def cell(kernel: Kernel, row: Row, setup: str, body: str) -> tuple[Output, list[str]]:
    clean(kernel)
    assert kernel.run(setup).status == "ok"
    output = kernel.run(f"%%spot {row.line}\n{body}")
    assert output.status == "ok", output.traceback
    return output, [kernel.value(probe) for probe in row.probes]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hit_is_worth_a_run(kernels: tuple[Kernel, Kernel], row: Row) -> None:
    one, other = kernels
    first, values = cell(one, row, row.setup, row.body)
    assert first.badge["stored"], first.badge_text
    again, same_kernel = cell(one, row, row.setup, row.body)
    assert (again.verdict, same_kernel) == ("hit", values)
    fresh, fresh_kernel = cell(other, row, row.setup, row.body)
    assert (fresh.verdict, fresh_kernel) == ("hit", values)
    changed, _ = cell(other, row, row.changed or row.setup, row.edited or row.body)
    assert changed.verdict == "ran", changed.badge_text
    back, back_again = cell(other, row, row.setup, row.body)
    assert (back.verdict, back_again) == ("hit", values)
    for body in row.same:
        assert cell(one, row, row.setup, body)[0].verdict == "hit"
    assert again.log == fresh.log == back.log
    assert row.shown in fresh.text
    if not row.any_output:
        assert again.log == first.log


@pytest.mark.parametrize("row", LOST, ids=str)
def test_a_hit_does_not_repeat_what_is_outside_of_the_notebook(kernels: tuple[Kernel, Kernel], row: Row) -> None:
    """As the page of cells says: these are no result, and nothing notices them."""
    one, other = kernels
    first, [there] = cell(one, row, row.setup, row.body)
    assert first.badge["stored"] and there == "True"
    again, [still] = cell(other, row, row.setup, row.body)
    assert (again.verdict, still) == ("hit", "False")


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_what_cannot_come_back_is_not_kept(kernels: tuple[Kernel, Kernel], row: Row) -> None:
    one, _ = kernels
    for _ in range(2):
        clean(one)
        one.run(row.setup)
        output = one.run(f"%%spot\n{row.body}")
        one.run("import os, pathlib\nif pathlib.Path.cwd().name == 'sub': os.chdir('..')")
        assert output.verdict == "ran" and not output.badge["stored"], output.badge_text
        assert "not stored: " in output.badge["reason"]
