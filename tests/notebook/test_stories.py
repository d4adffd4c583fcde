"""Notebooks of a few cells as people write them: plain, in a first run and out of the cache they show the same.

Three kernels tell each story: without us, the first run under ``%%spot``, and one that finds the results of the first.
"""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable, Iterator

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
    "figures that are not shown at once": ["import matplotlib.pyplot as plt", "plt.ioff();", "f = plt.figure(figsize=(1, 1))\nplt.close(f)", "#plain\nlines = plt.plot([1, 3]); print(plt.isinteractive())", "#plain\nplt.close('all')", "plt.ion();", "#plain\nprint(plt.isinteractive())"],
    "%precision": ["%precision 3", "1 / 3"],
    "an environment variable through a helper": ["import os\ndef setup(): os.environ['STORY_MODE'] = 'fast'", "setup()", "print(os.environ['STORY_MODE'])"],
    "sys.path and an import": ["from pathlib import Path\nPath('extra').mkdir(exist_ok=True)\n_n = Path('extra/story_mod.py').write_text('N = 4')", "import sys\nsys.path.append('extra')\nimport story_mod\nprint(story_mod.N)"],
    "warnings": ["import warnings\nwarnings.filterwarnings('ignore', message='dull')", "warnings.warn('dull')\nprint('ok')"],
    "warnings in their order": ["#plain\nimport warnings\nsaved = warnings.filters[:]", "warnings.simplefilter('ignore')", "warnings.filterwarnings('ignore', message='dull', module='elsewhere')", "#plain\nwarnings.warn_explicit('a', DeprecationWarning, 'story.py', 1)", "warnings.simplefilter('default')", "#plain\nwarnings.warn_explicit('b', UserWarning, 'story.py', 1)", "warnings.simplefilter('ignore', lineno=0)", "#plain\nwarnings.warn_explicit('c', UserWarning, 'story.py', 1)", "warnings.resetwarnings()", "#plain\nwarnings.warn_explicit('d', ImportWarning, 'story.py', 1)", "#plain\nprint(warnings.filters)\nwarnings.filters[:] = saved; warnings._filters_mutated()"],
    # random numbers
    "a seed in an earlier cell": ["import random\nrandom.seed(3)", "a = random.random(); print(a)", "print(random.random())"],
    "seeds for others": ["import numpy as np\nrng = np.random.default_rng(3); ss = np.random.SeedSequence(4)", "a = [one.random() for one in rng.spawn(2)], ss.spawn(1)[0].spawn_key", "b = rng.spawn(1)[0].random(), ss.spawn(1)[0].spawn_key, rng.random()", "#plain\nprint(a, b, rng.spawn(1)[0].random(), ss.spawn(1)[0].spawn_key, rng.random())"],
    "numpy's seed in an earlier cell": ["import numpy as np\nnp.random.seed(1)", "a = np.random.rand(2); print(a)", "print(np.random.rand())"],
    # handles and classes
    "a client in the paying cell": ["import httpx", "client = httpx.Client(base_url='https://a.example')\nanswers = [n * 2 for n in range(3)]", "print(client.base_url, answers)"],
    "a lock among the variables": ["import threading\nlock = threading.Lock()\nn = 4", "print(n, lock.locked())"],
    "a call named like a class maker": ["class Api:\n    def create_model(self, x): print('paid'); return [x]\napi = Api()", "m = api.create_model('x')", "print(m)"],
    "a class maker": ["from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\np = Point(1, 2)", "print(p, isinstance(p, Point))"],
    # text that is written in another way in the normal form
    "texts with formats": ["import httpx\nclass C: n = 0\nc = C()\ndef go(o, k):\n    o.n += k\n    return f'{o.n:>{k}} {k!r:^5}'", "client = httpx.Client(base_url='https://a.example')\nprint(f'{go(c, 3):>9}|{c.n:.2f} {client.base_url!s}')\nclient.timeout", "print(f'{c.n:03d}')"],
    # what is the process's own, by a name of the notebook
    "settings by names of their own": ["from matplotlib import rcParams\nfrom os import environ\nrcParams['lines.linewidth'] = 3; environ['STORY_MODE'] = 'b'", "#plain\nimport os, matplotlib; print(matplotlib.rcParams['lines.linewidth'], os.environ['STORY_MODE'])"],
    "classes as they were before objects of them were kept": ["class A:\n    def __init__(self): self.x = 1\nclass S:\n    __slots__ = ('a', '__dict__')\n    def __init__(self): self.a = 2\na, s = A(), S()", "b = A(); b.y = a; s.a = 4; many = [s, s]", "#plain\nprint([name for kind in (A, S) for name in vars(kind) if name == '__slotnames__'])"],
    "semaphores in use": ["import asyncio, threading\nsem = asyncio.Semaphore(2)\nlock = threading.Lock()", "async def go(n):\n    async with sem: return n\nr = [await go(n) for n in range(3)]; r", "with lock: z = 5", "print(sem._value, lock.locked())"],
    "methods of Python's own names": ["class Stack:\n    def __init__(self): self.items = [1, 2]\ns = Stack()", "def size(self): return len(self.items)\nStack.__len__ = size", "len(s)", "#plain\nprint(len(s))"],
    "magics that set up the shell": ["%alias hey echo hey", "#plain\nhey", "%autocall 0\nx = 3", "%unalias hey", "#plain\nprint('hey' in get_ipython().magics_manager.magics['line'])"],
    "a name to throw away": ["for _ in range(3): pass", "'last'", "#plain\nprint(_)"],
    "a display that later cells update": ["from IPython.display import display\nh = display('a', display_id=True)", "h.update('b')", "h.display('c')", "h.update('d')", "both = [h, h]; both[0].update('e')"],
    "a namespace": ["import types\nns = types.SimpleNamespace(a=1); ns.b = [ns]", "ns.a = 5; ns.c = ns.b", "#plain\nns.b.append(1); print(ns.a, ns.c[1:], ns.b[0] is ns)"],
    # views stay views
    "a field of a structured array": ["import numpy as np\ndata = np.zeros(3, dtype=[('a', 'i4'), ('b', 'f8')])", "a = data['a']; b2 = data[['a']]", "a[:] = 5; print(data)", "#plain\na[0] = 6; print(data, b2)"],
    "a row of a matrix": ["import numpy as np\nm = np.asmatrix(np.arange(6).reshape(2, 3)); v = m[0]", "v[0, 0] = 99; print(m)", "#plain\nv[0, 1] = 98; print(m)"],
    "a record array": ["import numpy as np\ndata = np.zeros(2, dtype=[('a', 'i4')])", "r = data.view(np.recarray)", "#plain\nr.a[0] = 7; print(data)"],
    "a part of a masked array": ["import numpy as np\nmm = np.ma.masked_array(np.arange(4), mask=[0, 1, 0, 0])", "s = mm[:2]", "s[0] = 50; print(mm, s)", "#plain\ns[0] = 51; s[1] = 4; print(mm, s, mm.mask)"],
    "two parts of a masked array": ["import numpy as np\nmm = np.ma.masked_array(np.arange(4), mask=[0, 1, 0, 0])\np = mm[1:]; q = p[1:]", "#plain\nq[0] = 61; print(mm, p, q)"],
    "a part of a transposed array": ["import numpy as np\nt = np.arange(12).reshape(3, 4).T", "u = t[1:3]; w = u[::-1]", "#plain\nw[0, 0] = 100; print(t, u)"],
    "a part of an array of dates": ["import numpy as np\nd = np.array(['2020-01-01', '2020-01-02'], dtype='M8[D]')", "e = d[1:]", "#plain\ne[0] = np.datetime64('1999-01-01'); print(d)"],
    "a row of a structured array": ["import numpy as np\nst = np.zeros(3, dtype=[('a', 'i4'), ('b', 'f8')])", "row = st[1]; both = [row, st[2]]", "for each in st: each['b'] = 2\nst[1]['a'] = 5", "rec = st.view(np.recarray)[0]; fresh = np.ones(2, dtype=st.dtype); one = fresh[1]", "#plain\nrow['a'] += 1; both[1]['a'] = 9; rec.a = 4; one['a'] = 7; each['b'] = 3; print(st, fresh, both[0] is row, type(rec).__name__)"],
    "parts of a reshaped array": ["import numpy as np\nparts = np.vsplit(np.arange(16).reshape(4, 4), 2)", "parts[0][0, 0] = 9; print(parts)", "#plain\nparts[0][0, 0] = 10; print(parts)"],
    "a part as the last result": ["import numpy as np\nx = np.arange(5)\nx[1:3]", "x[1] = 77", "_", "#plain\nx[2] = 78; print(_)"],
    "results in a row": ["1 + 1", "_ * 3", "_", "__", "#plain\nprint(_, __)"],
    # functions in data
    "functions in a dict use the notebook": ["names = [1, 2, 3]\ndef mk(n): return lambda x: x + n + len(names)", "fs = {'R': lambda k: len(names) + k, 'S': lambda k: names.append(k)}; h = mk(2)", "y = fs['R'](1); y, h(1)", "fs['S'](5); print(names)", "#plain\nprint(names, fs['R'](1), h(1))"],
    "a table of functions before what they read": ["aaa = {'f': lambda: zzz}; zzz = [1]\nclass Low: pass\nkinds = {'low': Low}\nclass High(kinds['low']): pass", "#plain\nprint(aaa['f'](), issubclass(High, Low))"],
    "functions in a list": ["fs = [lambda x, i=i: x + i for i in range(3)]", "r = [f(1) for f in fs]; r"],
    "subscribers of an object": ["log = []\nclass Bus:\n    def __init__(self): self.subs = []\n    def on(self, f): self.subs.append(f)\n    def fire(self, x):\n        for f in self.subs: f(x)\ndef note(x): log.append(x)\nbus = Bus()", "bus.on(note)", "bus.fire(3)", "meth = bus.fire", "meth(9)", "#plain\nprint(log, len(bus.subs))"],
    "a table that a decorator fills": ["from collections import defaultdict\nreg = {}; kinds = defaultdict(list)\ndef register(f):\n    reg[f.__name__] = f; kinds['f'].append(f.__name__)\n    return f\n@register\ndef a(): return 1\n@register\ndef b(): return reg['a']() + 1\nn = b()", "@register\ndef c(): return len(reg)", "#plain\nprint(n, list(reg), dict(kinds), reg['c'](), reg['a'] is a)"],
    "what a definition only reads": ["log = []\ndef noted(log, *, seen=()):\n    def deco(f):\n        def w(*a): log.append(a); return f(*a)\n        return w\n    return deco\n@noted(log)\ndef g(x, k=[1, 2]): return x + len(k)\ny = g(3)", "#plain\ng(4); print(y, log)"],
    "handlers in a table": ["log = []\ndef note(x): log.append(x)\nhandlers = {'a': note, 'b': [note]}", "handlers['a'](7); handlers['b'][0](8)", "#plain\nprint(log)"],
    "a partial that reaches a list": ["import functools\nlog = []\ndef note(x): log.append(x)\np = functools.partial(note, 2)", "p()", "#plain\nprint(log)"],
    "work for an executor": ["from concurrent.futures import ThreadPoolExecutor\nlog = []\ndef note(x): log.append(x)", "ex = ThreadPoolExecutor(1)", "ex.submit(note, 3).result()", "#plain\nprint(log)"],
    # what a cell sets elsewhere
    "an attribute of a module": ["import json, math\njson.SETTING = 5", "print(json.SETTING)", "setattr(math, 'tau2', 12)", "#plain\nimport sys; print(sys.modules['json'].SETTING, math.tau2)"],
    "what the cell closes by a call": ["import httpx\nfrom concurrent.futures import ThreadPoolExecutor\nn = open('o_c.txt', 'w').write('x')", "c = httpx.Client(); n = 3; c.close()\nex = ThreadPoolExecutor(1); r = list(ex.map(abs, [-1])); ex.shutdown()\nf = open('o_c.txt'); d = f.read(); f.close()", "#plain\nprint(n, r, d, c.is_closed, f.closed, f.name)\ntry: ex.submit(abs, 1)\nexcept Exception: print('shut')"],
    "methods of a class of a package": ["import pandas as pd\ndef story_total(self): return int(self.a.sum())", "pd.DataFrame.story_total = story_total; pd.DataFrame.story_unit = 'kg'", "#plain\ndf = pd.DataFrame({'a': [1, 2]}); print(df.story_total(), df.story_unit)"],
    "an attribute of a class that the cell imports": ["from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.story_level = 'all'", "#plain\nprint(get_ipython().story_level)"],
    "a setting of an object in a module": ["#plain\nimport fractions, types\n_c = setattr(fractions, 'story', types.SimpleNamespace(level=1))", "fractions.story.level = 7", "#plain\nprint(fractions.story.level)"],
    "attributes of the shell": ["x = 1", "get_ipython().ast_node_interactivity = 'all'", "x\nx + 1", "#plain\nget_ipython().ast_node_interactivity = 'last_expr'"],
    "calls that set up a library": ["import gc, socket\nimport matplotlib as mpl, matplotlib.colors", "gc.disable(); socket.setdefaulttimeout(3)\ncm = mpl.colors.ListedColormap(['r', 'g'], name='story')\nmpl.colormaps.register(cm)", "#plain\nprint(gc.isenabled(), socket.getdefaulttimeout(), mpl.colormaps['story'].N)\ngc.enable(); socket.setdefaulttimeout(None); mpl.colormaps.unregister('story')"],
    "a setting is asked for": ["#plain\nimport matplotlib.pyplot as plt", "'one'", "%config IPCompleter.greedy", "#plain\nprint(__)"],
    "the level of a logger": ["import logging\nlogging.getLogger('story.level').setLevel(10)", "#plain\nprint(logging.getLogger('story.level').level)"],
    "the context of decimals": ["import decimal\ndecimal.getcontext().prec = 5", "print(decimal.Decimal(1) / 3)", "#plain\nprint(decimal.Decimal(1) / 7)\ndecimal.getcontext().prec = 28"],
    "the limit of recursion": ["import sys\nsys.setrecursionlimit(3011)", "#plain\nprint(sys.getrecursionlimit())"],
    # objects that code or a library holds
    "what a closure holds": ["def mk():\n    log = []\n    def add(x): log.append(x)\n    return add, lambda: log\nadd, get = mk()", "l = get()", "#plain\nadd(9); print(l, get() is l)"],
    "two functions of one call": ["def pair():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n    return up, lambda: n\nclass Account:\n    def __init__(self): self.up, self.get = pair()\nnear = [1]", "up, get = pair(); fs = {'up': up}", "a = Account(); up2 = a.up", "up3, get3 = pair(); far, beyond = [near, up3], [near, get3]", "#plain\nup(); fs['up'](); up2(); far[1]()\nprint(get(), a.get(), beyond[1](), get3(), far[0] is near)"],
    "functions that have two names": ["fs = []\nfor i in range(2):\n    def f(x, i=i): return x + i\n    fs.append(f)", "table = {}\ntable['h'] = h = lambda: 3\ndef mk(k): return lambda: k\nw, v = mk(1), mk(2)\nw", "#plain\nprint(fs[1] is f, table['h'] is h, w(), v())"],
    "what a class, a default and a function hold": ["class A:\n    items = [1]\ndef f(acc=[]): return acc\ndef g(): return A.items\na = A()", "x, y, z = a.items, f(), g()", "#plain\nA.items.append(5); f().append(6); print(x, y, z is x)"],
    "what a library holds": ["import os, sys\nimport pandas as pd", "env, path, options = os.environ, sys.path, pd.options", "#plain\nenv['STORY_MODE'] = '1'; print(os.environ['STORY_MODE'], path is sys.path, options is pd.options)"],
    "a name of an axis that frames share": ["import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)]))", "c = df.columns; d = df * 2; s = d['a']", "df.columns.name = 'cc'", "df.index.names = ['p', 'q']", "other = d + 1; d.index.names = ['r', 's']", "#plain\nprint(c.name, df.columns is c, d.columns.name, d.index.names, df.index.names, s.index.names, other.index.names)"],
    "flags of a frame": ["import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "df.flags.allows_duplicate_labels = False", "print(df.flags.allows_duplicate_labels)"],
    "errors of numpy, a locale, logging that is off": ["import numpy as np, locale, logging", "o = np.seterr(all='raise'); l = locale.setlocale(locale.LC_ALL, 'C'); logging.disable(30)", "#plain\nprint(np.geterr()['over'], locale.setlocale(locale.LC_ALL), logging.root.manager.disable)\no = np.seterr(divide='warn', over='warn', under='ignore', invalid='warn'); logging.disable(0)"],
    # files that cells write
    "a file that two cells write": ["import os, sys\nfrom pathlib import Path", "with open('o.csv', 'w') as f: n = f.write('a\\n1\\n')", "print(open('o.csv').read())", "def more(x):\n    with open('o.csv', 'a') as f: print(x, file=f)", "more(2); more(3)", "print(open('o.csv').read())", "n = Path('o.csv').write_text('b')", "#plain\nprint(open('o.csv').read())"],
    "files of libraries, in a folder": ["import json, os, pickle\nimport numpy as np\nimport pandas as pd", "os.makedirs('o_d', exist_ok=True)\nnp.save('o_d/a.npy', np.arange(3))\nwith open('o_d/part', 'w') as f: json.dump([1], f)\nos.replace('o_d/part', 'o_d/b.json')", "pd.DataFrame({'a': [1]}).to_csv('o_d/c.csv')", "print(sorted(os.listdir('o_d')))", "#plain\nimport shutil; print(np.load('o_d/a.npy'), open('o_d/b.json').read()); shutil.rmtree('o_d')"],
    # a quiet line is another cell than a loud one
    "quiet and loud": ["x = [1, 2]", "x;", "x", "x;", "#plain\nx"],
    # names of Python's own that the notebook binds
    "an own eval": ["def eval(x, env): return (x, env)\ndef batch(t): return eval(t, 1)", "y = batch('a'); y", "def eval(x, env=None): return [eval(one) for one in x] if isinstance(x, list) else x\nw = eval([1, [2]]); w", "print(y, w, eval([3]))"],
    "own vars and dir": ["vars = {'a': 1}\ndef dir(): return 5\ndef f(): return dir()", "x = f() + dir(); x", "print(x, vars)"],
    # packages that load a part of theirs when it is asked for
    # the real environment
    "a name is missing": ["try:\n    long\nexcept NameError:\n    long = int\nprint(long(3))", "print(long)"],
    "drawings": ["import matplotlib.pyplot as plt", "n, bins, bars = plt.hist([1, 2, 2, 3], bins=20)", "b = plt.bar(range(30), range(30))", "print(len(n))"],
    "a theme of seaborn": ["import matplotlib.pyplot as plt\nplt.rcParams.update({'lines.solid_capstyle': 'round', 'axes.grid': True})", "print(plt.rcParams['lines.solid_capstyle'], plt.rcParams['axes.grid'])"],
}  # fmt: skip
ALIKE: dict[str, list[str]] = {
    "a helper reads __main__": ["level = 3\ndef look():\n    import __main__\n    return __main__.level", "if False: level = 3\nx = look()", "print(x, level)"],
    "a file that a shell line writes": ["!echo 5 > o_s.txt", "print(open('o_s.txt').read())", "!echo 6 >> o_s.txt", "print(open('o_s.txt').read())"],
    "a helper binds names out of sight": ["def put(n): globals()['zz'] = n\ndef run(n): get_ipython().run_cell(f'uu = {n}')", "put(1)", "run(2)", "#plain\nprint(zz, uu)"],
    "Python's eval before an own one": ["k = 3\na = eval('k + 1'); a", "def look(): return eval('k' + '+ 2')\na = look(); a\ndef eval(x): return 7", "k = 4", "a = look(); a"],
    "a helper reads names out of sight": ["k = 1\ndef look(): return globals()['k'] + 1\ndef ask(text): return eval(text)", "a = look(), ask('k' + '+ 1'); a", "k = 5", "a = look(), ask('k' + '+ 1'); a"],
    "a drawing is looked at later": ["import matplotlib.pyplot as plt", "b = plt.bar(range(5), range(5))", "print(len(b))"],
    "an own module that a cell imports": ["from pathlib import Path\n_n = Path('story_own.py').write_text('N = 4')\nimport sys; sys.modules.pop('story_own', None)", "import story_own\nx = story_own.N", "#plain\n_n = Path('story_own.py').write_text('N = 55'); sys.modules.pop('story_own')", "import story_own\nx = story_own.N", "print(x)"],
    "a button calls back": ["#plain\nimport ipywidgets as w\nn = 0\nb = w.Button()\ndef click(_):\n    global n\n    n += 1\nb.on_click(click)", "b.click()", "print(n)"],
    "a generator as a result": ["g = (n for n in range(3))\nx = next(g)", "print(list(g))"],
    "a figure shown in a later cell": ["import matplotlib.pyplot as plt\nfig, ax = plt.subplots(); ax.plot([1, 2]);", "fig"],
    "a module made by hand": ["import types\nm = types.ModuleType('m')", "m.x = 2", "#plain\nprint(m.x)"],
    "an object of a class made inside a function": ["def mk2():\n    class Local:\n        def __init__(self): self.v = 1\n    return Local()\nobj = mk2()", "print(obj.v)"],
    "a counter in a closure": ["def mk():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc\nc = mk()", "print(c())", "print(c())"],
    "a level in a handler made at import": ["import logging, sys\nlog = logging.getLogger('story')\nlog.handlers[:] = [logging.StreamHandler(sys.stdout)]", "log.warning('one')", "log.warning('two')"],
}  # fmt: skip
REFUSED: dict[str, tuple[list[str], str]] = {
    "a handler of a logger": (["import logging\nclass H(logging.Handler):\n    def emit(self, r): print('!', r.getMessage())", "logging.getLogger('story2').handlers[:] = [H()]", "logging.getLogger('story2').warning('a')"], "story2"),
    "what handlers of loggers hold": (["#plain\nimport logging, io\nlog3 = logging.getLogger('story3'); buf = io.StringIO()\ndef work(n): log3.error('start %d', n)\nlog3.handlers[:] = [logging.StreamHandler(buf)]; log3.propagate = False", "work(1)", "#plain\nprint(buf.getvalue()); log3.handlers.clear()"], "story3"),
    "a file that is added to and read": (["#plain\nimport os\nif os.path.exists('o_added.txt'): os.remove('o_added.txt')", "with open('o_added.txt', 'a') as f: n = f.write('x')\nprint(open('o_added.txt').read())", "with open('o_added.txt', 'a+') as f: f.seek(0); print(f.read())"], "o_added.txt"),
    "a callback of IPython": (["cnt = []\ndef count(*_): cnt.append(1)", "get_ipython().events.register('post_run_cell', count)", "#plain\nprint(len(cnt)); get_ipython().events.unregister('post_run_cell', count)"], "post_run_cell"),
    "a widget that is watched": (["#plain\nimport ipywidgets as w\nseen = []\ns = w.IntSlider(4)\ns.observe(lambda c: seen.append(c['new']), 'value')", "s.value = 7", "#plain\nprint(seen, s.value)"], "s"),
    "a drawing that calls back": (["import matplotlib.pyplot as plt\nhits = []", "fig, ax = plt.subplots(); c = ax.callbacks.connect('xlim_changed', lambda a: hits.append(1))", "ax.set_xlim(0, 5)", "#plain\nprint(len(hits))"], "call"),
    "a function that shares a variable with an earlier one": (["def mk():\n    k = 0\n    def up():\n        nonlocal k\n        k += 1\n    return up, lambda: lambda: k\nup, look = mk()", "see = look()", "up(); print(see())"], "shares `k`"),
    "a method of a package's class that has no name": (["import pandas as pd", "pd.DataFrame.story_size = lambda self: len(self)", "print(pd.DataFrame({'a': [1]}).story_size())"], "`pd.DataFrame.story_size` cannot be kept"),
    "a table that changes after a decorator used it": (["x = 1", "seen = []\nseen.append(4)\ndef note(f): f.seen = list(seen); return f\n@note\ndef g(): pass\nseen.append(6)", "print(seen, g.seen)"], "`seen` cannot be kept: the cell changes it after a definition has used it"),
    "an object that a decorator fills": (["x = 1", "class App:\n    def __init__(self): self.names = []\napp = App()\ndef tool(f): app.names.append(f.__name__); return f\n@tool\ndef g(): pass", "print(app.names)"], "`app` cannot be kept: a definition of the cell changes it"),
    "an object that decorates": (["x = 1", "class App:\n    def __init__(self): self.routes = {}\n    def get(self, path):\n        def take(f): self.routes[path] = f; return f\n        return take\napp = App()\n@app.get('/')\ndef home(): return 1", "print(list(app.routes), app.routes['/'] is home)"], "`app` cannot be kept: a definition of the cell changes it"),
    "a default that the cell fills": (["x = 1", "def add(x, seen=[]):\n    seen.append(x); return len(seen)\nn = add(1)", "print(add(2))"], "`add` cannot be kept: what it holds changed"),
    "a counter of a decorator": (["x = 1", "def counted(f):\n    def w(*a):\n        w.calls += 1; return f(*a)\n    w.calls = 0\n    return w\n@counted\ndef g(): pass\ng()", "print(g.calls)"], "`g` cannot be kept: what it holds changed"),
    "an object that a decorator makes": (["x = 1", "class Memo:\n    def __init__(self, f): self.f, self.data = f, {}\n    def __call__(self, k):\n        if k not in self.data: self.data[k] = self.f(k)\n        return self.data[k]\n@Memo\ndef load(k): return k\ny = load(1)", "print(load.data)"], "`load` cannot be kept: what it holds changed"),
    "a data class that counts its objects": (["from dataclasses import dataclass", "@dataclass\nclass D:\n    x: int = 1\n    def __post_init__(self): D.total = getattr(D, 'total', 0) + 1\nd = D()", "print(D.total)"], "D.total"),
    "a thread that was made before": (["import threading\nres = []\ndef work(n): res.append(n)\nt = threading.Thread(target=work, args=(1,))", "t.start(); t.join()", "#plain\nprint(res)"], "t"),
    "threads in a list": (["import threading\nres = []\nts = [threading.Thread(target=res.append, args=(n,)) for n in range(2)]", "for one in ts: one.start()\nfor one in ts: one.join()", "#plain\nprint(res)"], "ts"),
    "a lock beside plain data": (["x = 1", "import threading\nlocks = [threading.Lock()]\nkeep = 5; more = [1]", "#plain\nprint(keep, more)"], "outputs=keep,more"),
    "a lock in the last result": (["class R:\n    def __init__(self): import threading; self.lock = threading.Lock()\n    def __repr__(self): return 'R'", "R()"], "lock"),
    "what a property made before": (["from functools import cached_property\nclass C:\n    @cached_property\n    def big(self): return [1]\nc = C()\nfirst = c.big", "x = c.big", "#plain\nx.append(2); print(c.big)"], "`x` cannot be kept: it is or holds a list that `c` made"),
    "a thread that the cell starts": (["import threading\nres = []", "t = threading.Thread(target=res.append, args=(1,)); t.start(); t.join()", "t.join(); print(res, t.is_alive())"], "`t` cannot be kept: the cell uses it"),
    "an event that the cell sets": (["import threading", "ev = threading.Event(); ev.set()", "print(ev.is_set())"], "`ev` cannot be kept: the cell uses it"),
    "a lock that the cell makes and takes": (["import threading", "lock = threading.Lock(); lock.acquire()", "print(lock.locked())"], "`lock` cannot be kept: the cell uses it"),
    "a semaphore that the cell makes and takes": (["import threading", "sem = threading.Semaphore(3); sem.acquire()", "print(sem._value)"], "`sem` cannot be kept: the cell uses it"),
    "a lock that stays taken": (["import threading\nlock, sem = threading.Lock(), threading.Semaphore(3)", "lock.acquire()", "print(lock.locked()); sem.acquire()", "print(lock.locked(), sem._value)"], "`lock` cannot be kept: the cell takes it"),
    "a folder that is removed": (["import os, shutil\nos.makedirs('o_rm/sub'); n = open('o_rm/sub/f', 'w').write('x')", "shutil.rmtree('o_rm')", "print(os.path.exists('o_rm'))"], "o_rm"),
    "a magic that turns what is there": (["x = 1", "%automagic", "%automagic"], "%automagic"),
    "a method without a name": (["class Stack:\n    items = (1, 2)", "Stack.__len__ = lambda self: 2", "print(len(Stack()))"], "Stack.__len__"),
    "parts of an array of objects": (["import numpy as np", "o = np.array([[1], [2]], dtype=object); k = o[:1]"], "k"),
    "another working directory": (["import os\nos.makedirs('below', exist_ok=True)\ndef go(): os.chdir('below')\ndef back(): os.chdir('..')", "go()", "print(os.path.basename(os.getcwd()))\nback()"], "working directory"),
    "a generator of random numbers that nobody seeded": (["import random as r9", "x = r9.random()"], "random"),
    "a cell inside a cell": (["def inside(): get_ipython().run_cell_magic('spot', 'quiet', 'inner = [3]; print(inner)')", "inside()", "print(inner)"], "inner"),
    "a file that is removed": (["n = open('o_r.txt', 'w').write('a')", "import os\nos.remove('o_r.txt')", "print(os.path.exists('o_r.txt'))"], "o_r.txt"),
    "a database that is made": (["import sqlite3", "con = sqlite3.connect('o.db'); _c = con.execute('drop table if exists t'); _c = con.execute('create table t(a)'); con.commit()", "print(con.execute('select count(*) from t').fetchall()); con.close()"], "con"),
    "a list of the variables": (["one = 1", "names = %who_ls int", "two = 2", "print(len(names))"], "%who_ls"),
    "the shell evaluates": (["ip = get_ipython(); k = 1; text = 'k + 1'", "a = ip.ev(text)", "k = 5", "a = ip.ev(text); a"], "`ip` cannot be kept: it is the shell"),
    "the shell runs code": (["ip = get_ipython(); text = 'uu = 3'", "def go(): ip.run_cell(text)", "go()", "#plain\nprint(uu)"], "`ip` cannot be kept: it is the shell"),
    "the shell in one cell": (["text = 'vv = 4'", "ip = get_ipython(); ip.ex(text)", "#plain\nprint(vv)"], "`ip` cannot be kept: it is the shell"),
    "a count of cells": (["x = 1", "n = get_ipython().execution_count"], "`execution_count` hides"),
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


AFRESH = """%reset -f
%reset -f out
import os, random, sys
random.seed()
os.environ.pop("STORY_MODE", None)
sys.modules.pop("story_mod", None)
sys.path[:] = [path for path in sys.path if path != "extra"]
if "matplotlib" in sys.modules: sys.modules["matplotlib"].rcdefaults()
if "numpy" in sys.modules: sys.modules["numpy"].set_printoptions(precision=8)
if "pandas" in sys.modules: sys.modules["pandas"].reset_option("display.precision")
%precision %r
get_ipython().history_manager.input_hist_parsed[:] = [""]
del os, random, sys"""
"""A kernel as one that has just been started."""


def told(kernels: list[Kernel], number: str, cells: list[str]) -> list[list[Output]]:
    """The cells plain, in a first run and out of the cache."""
    runs = []
    for way, kernel in enumerate(kernels):
        assert kernel.run(f"{AFRESH}\n%spot open story{number}").status == "ok"
        runs.append(
            [kernel.run(f"%%spot\n{cell}" if way and not cell.startswith("#plain") else cell) for cell in cells]
        )
    return runs


@pytest.mark.parametrize("name", KEPT)
def test_a_notebook_out_of_the_cache_is_as_it_would_have_run(kernels: list[Kernel], name: str) -> None:
    as_it_would_have_run(kernels, str(list(KEPT).index(name)), KEPT[name])


def as_it_would_have_run(kernels: list[Kernel], number: str, cells: list[str]) -> None:
    plain, first, second = told(kernels, number, cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell
        wanted = ("none", "none") if cell.startswith("#plain") else ("ran", "hit")
        assert wanted[0] == two.verdict or cells.count(cell) > 1, (cell, two.badge_text)
        assert wanted[1] == three.verdict, (cell, three.badge_text)


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_kept_in_part_shows_the_same(kernels: list[Kernel], name: str) -> None:
    cells = ALIKE[name]
    plain, first, second = told(kernels, f"-alike{list(ALIKE).index(name)}", cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_hit_could_not_do_again_is_refused_by_name(kernels: list[Kernel], name: str) -> None:
    refused_by_name(kernels, f"-refused{list(REFUSED).index(name)}", *REFUSED[name])


def refused_by_name(kernels: list[Kernel], number: str, cells: list[str], word: str) -> None:
    plain, first, second = told(kernels, number, cells)
    for cell, one, two, three in zip(cells, plain, first, second, strict=True):
        assert (one.status, one.log) == (two.status, two.log) == (three.status, three.log), cell
    for run in (first, second):
        assert "not stored" in run[1].badge_text and word in run[1].badge_text


def test_variables_of_the_environment_that_a_cell_reads_count(start: Callable[..., Kernel]) -> None:
    cells = (
        "print(os.environ['STORY_KIND'])",
        "def kind(usual='none'): return os.environ.get('STORY_KIND', usual)\nprint(kind())",
        "class Conf:\n    def kind(self): return [os.getenv(name) for name in ('STORY_KIND',)]\nprint(*Conf().kind())",
        "os.environ['STORY_KIND'] += os.environ.get('STORY_TOKEN', ''); print(os.environ['STORY_KIND'])",
    )
    for kind, verdict in (("/a", "ran"), ("/b", "ran"), ("/a", "hit")):
        kernel = start(STORY_KIND=kind)
        kernel.run("import os")
        for cell in cells:
            output = kernel.run(f"%%spot\n{cell}")
            assert (output.text, output.verdict) == (f"{kind}\n", verdict), (cell, output.badge_text)
        assert kernel.value("os.environ['STORY_KIND']") == repr(kind)


def test_a_lock_counts_where_the_cell_asks_how_it_stands(start: Callable[..., Kernel]) -> None:
    verdicts = []
    for held in (2, 3, 2):
        kernel = start()
        kernel.run(f"import asyncio\nsem = asyncio.Semaphore({held})")
        asked, used = kernel.run("%%spot\nprint(sem._value)"), kernel.run("%%spot\nasync with sem: print('in')")
        assert (asked.text, used.text) == (f"{held}\n", "in\n")
        verdicts.append((asked.verdict, used.verdict))
    assert verdicts == [("ran", "ran"), ("ran", "hit"), ("hit", "hit")]


def test_the_badge_names_the_option_that_is_another(start: Callable[..., Kernel]) -> None:
    kernel = start()
    kernel.run("import random")
    kernel.run("%%spot\na = random.Random(3).random(); b = [a]\nb")
    for cell, told in (
        ("%%spot outputs=a\na = random.Random(3).random(); b = [a]\nb", "`outputs=` changed"),
        ("%%spot rng\na = random.Random(3).random(); b = [a]\nb", "`rng` changed"),
        ("%%spot\na = random.Random(3).random(); b = [a]\nb;", "`;` changed"),
    ):
        assert told in kernel.run(cell).badge_text
