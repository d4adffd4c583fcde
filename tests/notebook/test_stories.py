"""Notebooks of a few cells as people write them: plain, in a first run and out of the cache they show the same.

Three kernels tell each story: without us, the first run under ``%%spot``, and one that finds the results of the first.
"""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Iterator

import pytest
from notebook_kernels import Kernel, Output, environment

pytestmark = pytest.mark.kernel

KEPT: dict[str, list[str]] = {
    # what helpers change
    "a helper fills a table": ["table = {}\ndef run(k): table[k] = len(table)", "run('a')", "run('b')", "print(table)"],
    "a helper sets a global": ["def go():\n    global column\n    column = 5", "go()", "print(column)"],
    "a helper of a helper adds to a list": ["seen = []\ndef inner(x): seen.append(x)\ndef outer(x): inner(x)", "outer(1)", "outer(2)", "print(seen)"],
    "a memo is filled": ["memo = {}\ndef fib(n):\n    if n not in memo: memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)\n    return memo[n]", "y = fib(9)", "print(len(memo), y)"],
    "a class counts its objects": ["class Dog:\n    count = 0\n    def __init__(self): Dog.count += 1", "a = Dog()", "b = [Dog(), Dog()]", "print(Dog.count)"],
    "a function counts its calls": ["def f(x):\n    f.calls = getattr(f, 'calls', 0) + 1\n    return x", "f(1); f(2)", "print(f.calls)"],
    "methods are put on later": ["class Hand: pass\ndef pair(self): return 7", "Hand.pair = pair", "print(Hand().pair())"],
    "a class gets a constant": ["class Hand: pass", "Hand.size = 5", "h = Hand()", "print(h.size)"],
    # what comes before
    "the last result": ["10", "y = _ + 1; y", "20", "_ + 1"],
    "a result by its number": ["3", "x = 5; x", "y = _ * 2; y"],
    # settings
    "numpy print options": ["import numpy as np\nnp.set_printoptions(precision=2)", "print(np.array([1 / 3]))"],
    "pandas options": ["import pandas as pd\npd.set_option('display.precision', 2)", "print(pd.Series([1 / 3]))"],
    "rcParams": ["import matplotlib.pyplot as plt\nplt.rc('lines', linewidth=3)", "print(plt.rcParams['lines.linewidth'])"],
    "a style": ["import matplotlib.pyplot as plt\nplt.style.use('ggplot')", "print(plt.rcParams['axes.facecolor'], plt.rcParams['axes.prop_cycle'].by_key()['color'][0])"],
    "a theme of seaborn": ["import matplotlib.pyplot as plt\nplt.rcParams.update({'lines.solid_capstyle': 'round', 'axes.grid': True})", "print(plt.rcParams['lines.solid_capstyle'], plt.rcParams['axes.grid'])"],
    "%precision": ["%precision 3", "1 / 3"],
    "an environment variable through a helper": ["import os\ndef setup(): os.environ['STORY_MODE'] = 'fast'", "setup()", "print(os.environ['STORY_MODE'])"],
    "sys.path and an import": ["from pathlib import Path\nPath('extra').mkdir(exist_ok=True)\n_n = Path('extra/story_mod.py').write_text('N = 4')", "import sys\nsys.path.append('extra')\nimport story_mod\nprint(story_mod.N)"],
    "warnings": ["import warnings\nwarnings.filterwarnings('ignore', message='dull')", "warnings.warn('dull')\nprint('ok')"],
    # random numbers
    "a seed in an earlier cell": ["import random\nrandom.seed(3)", "a = random.random(); print(a)", "print(random.random())"],
    "numpy's seed in an earlier cell": ["import numpy as np\nnp.random.seed(1)", "a = np.random.rand(2); print(a)", "print(np.random.rand())"],
    # handles and classes
    "a client in the paying cell": ["import httpx", "client = httpx.Client(base_url='https://a.example')\nanswers = [n * 2 for n in range(3)]", "print(client.base_url, answers)"],
    "a lock among the variables": ["import threading\nlock = threading.Lock()\nn = 4", "print(n, lock.locked())"],
    "a call named like a class maker": ["class Api:\n    def create_model(self, x): print('paid'); return [x]\napi = Api()", "m = api.create_model('x')", "print(m)"],
    "a class maker": ["from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\np = Point(1, 2)", "print(p, isinstance(p, Point))"],
    # text that is written in another way in the normal form
    "texts with formats": ["import httpx\nclass C: n = 0\nc = C()\ndef go(o, k):\n    o.n += k\n    return f'{o.n:>{k}} {k!r:^5}'", "client = httpx.Client(base_url='https://a.example')\nprint(f'{go(c, 3):>9}|{c.n:.2f} {client.base_url!s}')\nclient.timeout", "print(f'{c.n:03d}')"],
    # the real environment
    "a name is missing": ["try:\n    long\nexcept NameError:\n    long = int\nprint(long(3))", "print(long)"],
    "drawings": ["import matplotlib.pyplot as plt", "n, bins, bars = plt.hist([1, 2, 2, 3], bins=20)", "b = plt.bar(range(30), range(30))", "print(len(n))"],
}  # fmt: skip
ALIKE: dict[str, list[str]] = {
    "a helper reads __main__": ["level = 3\ndef look():\n    import __main__\n    return __main__.level", "if False: level = 3\nx = look()", "print(x, level)"],
    "a drawing is looked at later": ["import matplotlib.pyplot as plt", "b = plt.bar(range(5), range(5))", "print(len(b))"],
    "a generator as a result": ["g = (n for n in range(3))\nx = next(g)", "print(list(g))"],
    "a level in a handler made at import": ["import logging, sys\nlog = logging.getLogger('story')\nlog.handlers[:] = [logging.StreamHandler(sys.stdout)]", "log.warning('one')", "log.warning('two')"],
}  # fmt: skip
REFUSED: dict[str, tuple[list[str], str]] = {
    "a default that grew": (["def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", "y = f(1)", "print(f(2))"], "f"),
    "a register of a class": (["class Dog:\n    all = []\n    def __init__(self): self.all.append(1)", "d = Dog()", "print(len(Dog.all))"], "Dog.all"),
    "another working directory": (["import os\nos.makedirs('below', exist_ok=True)\ndef go(): os.chdir('below')\ndef back(): os.chdir('..')", "go()", "print(os.path.basename(os.getcwd()))\nback()"], "working directory"),
    "a generator of random numbers that nobody seeded": (["import random as r9", "x = r9.random()"], "random"),
    "a database in memory": (["import sqlite3", "con = sqlite3.connect(':memory:')\nn = con.execute('select 1').fetchone()", "print(n)"], "con"),
    "a secret of the environment elsewhere": (["import os", "head = {'Authorization': 'Bearer ' + os.environ['STORY_API_KEY']}", "print(len(head))"], "secret"),
}  # fmt: skip


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Kernel]]:
    folder = tmp_path_factory.mktemp("stories")
    env = {
        **environment(folder / "home"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "STORY_API_KEY": "abcdef1234567890",
    }
    made = [Kernel(folder, env) for _ in range(3)]
    yield made
    for each in made:
        each.close()


def told(kernels: list[Kernel], number: str, cells: list[str]) -> list[list[Output]]:
    """The cells plain, in a first run and out of the cache."""
    runs = []
    for way, kernel in enumerate(kernels):
        kernel.run("%reset -f")
        kernel.run("%reset -f out\nimport random as _r, os as _o; _r.seed(); _o.environ.pop('STORY_MODE', None)")
        kernel.run("import sys as _s\nif 'matplotlib' in _s.modules: _s.modules['matplotlib'].rcdefaults()")
        kernel.run("if 'numpy' in _s.modules: _s.modules['numpy'].set_printoptions(precision=8)")
        kernel.run("if 'pandas' in _s.modules: _s.modules['pandas'].reset_option('display.precision')")
        kernel.run(
            "%precision %r\n_s.modules.pop('story_mod', None); get_ipython().history_manager.input_hist_parsed[:] = ['']"
        )
        kernel.run("_s.path[:] = [p for p in _s.path if p != 'extra']")
        assert kernel.run(f"%spot open story{number}").status == "ok"
        runs.append([kernel.run(cell if way == 0 else f"%%spot\n{cell}") for cell in cells])
    return runs


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_out_of_the_cache_is_as_it_would_have_run(kernels: list[Kernel], name: str) -> None:
    cells = KEPT[name]
    plain, first, second = told(kernels, str(list(KEPT).index(name)), cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell
        assert (two.verdict, three.verdict) == ("ran", "hit"), (cell, two.badge_text, three.badge_text)


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_kept_in_part_shows_the_same(kernels: list[Kernel], name: str) -> None:
    cells = ALIKE[name]
    plain, first, second = told(kernels, f"-alike{list(ALIKE).index(name)}", cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_hit_could_not_do_again_is_refused_by_name(kernels: list[Kernel], name: str) -> None:
    cells, word = REFUSED[name]
    plain, first, second = told(kernels, f"-refused{list(REFUSED).index(name)}", cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell
    for run in (first, second):
        assert "not stored" in run[1].badge_text and word in run[1].badge_text
