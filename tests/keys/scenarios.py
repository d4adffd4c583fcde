"""What users do between two sessions, and whether the first session's result still holds."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

from dataclasses import dataclass

Files = dict[str, str]


@dataclass(frozen=True)
class Scenario:
    name: str
    before: Files
    after: Files
    hit: bool


def _files(text: str | Files) -> Files:
    return {"main.py": text} if isinstance(text, str) else text


def _swap(files: Files, old: str, new: str) -> Files:
    changed = {name: text.replace(old, new) for name, text in files.items()}
    assert changed != files, (old, files)
    return changed


def miss(name: str, text: str | Files, old: str, new: str) -> Scenario:
    return Scenario(name, _files(text), _swap(_files(text), old, new), hit=False)


def hit(name: str, text: str | Files, old: str, new: str) -> Scenario:
    return Scenario(name, _files(text), _swap(_files(text), old, new), hit=True)


def same(name: str, text: str | Files) -> Scenario:
    """The same project run again: other process, other hash seed, other folder."""
    return Scenario(name, _files(text), _files(text), hit=True)


CHAIN = """
def deep(x): return x * 2
def middle(x): return deep(x) + 1
def f(x): return middle(x)
"""
CLOSURE = """
def make(n):
    def inner(x): return x * n
    return inner
f = make(3)
"""
DEFAULT = """
def helper(x, scale=10): return x * scale
def f(x): return helper(x)
"""
FRAME = """
import pandas as pd
df = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=[10, 11])
series = pd.Series([1, 2], name="price")
def f(frame): return frame.sum()
def g(x): return df.sum() + series.sum()
ARGS = (df,)
"""
MODULE = {
    "main.py": "import tools\ndef f(x): return tools.clean(x)\n",
    "tools.py": "LIMIT = 3\ndef clean(x): return x + helper(x)\ndef helper(x): return x * LIMIT\ndef other(x): return 0\n",
}
CLASS = """
class Base:
    unit = "EUR"
    def show(self): return self.unit
class Price(Base):
    rate = 2
    @property
    def double(self): return self.value * self.rate
    @classmethod
    def make(cls, v): return cls()
    @staticmethod
    def plain(v): return v + 1
    def __init__(self): self.value = 1
    def __call__(self, x): return x
def f(x): return Price.make(x).double
"""
DECORATED = """
import functools
def times(n):
    def decorate(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs): return fn(*args, **kwargs) * n
        return wrapper
    return decorate
@times(3)
def helper(x): return x + 1
def f(x): return helper(x)
"""
FORMS = '''
import functools, dataclasses, enum, typing
class Color(enum.Enum):
    RED = 1
    BLUE = 2
@dataclasses.dataclass
class Config:
    """What to do."""
    model: str = "small"
    tags: list = dataclasses.field(default_factory=lambda: ["a"])
class Point(typing.NamedTuple):
    x: int = 0
    y: int = 0
@functools.lru_cache(maxsize=None)
def cached(x): return x + 4
@functools.singledispatch
def shown(x): return "thing"
@shown.register
def _(x: int): return "whole number"
part = functools.partial(cached, 7)
table = {"double": lambda x: x * 2, "square": lambda x: x ** 2}
def f(x, config=Config(), color=Color.RED):
    return cached(x), shown(x), part(), table["square"](x), config, color, Point()
'''
ANNOTATED = '''
from __future__ import annotations
class Item:
    """A thing to buy."""
    price: int = 1
def helper(x: int, item: Item = None) -> str:
    """Say what it costs."""
    return "x"
def f(x: Item) -> "Item": return helper(x)
'''
LAZY = {
    "main.py": "def f(x):\n    from tools.clean import clean\n    return clean(x)\n",
    "tools/__init__.py": "",
    "tools/clean.py": "from tools.deep import RATE\ndef clean(x): return x * RATE\n",
    "tools/deep.py": "RATE = 3\n",
}
BY_TEXT = {
    "main.py": "def f(x):\n    from tools.clean import clean\n    return clean(x)\n",
    "tools/__init__.py": "",
    "tools/clean.py": "import importlib\ndef clean(x): return importlib.import_module('tools.deep').RATE * x\n",
    "tools/deep.py": "RATE = 3\n",
}
BY_TEXTS = {
    "the keyword": "importlib.import_module(name='tools.deep')",
    "a constant": "importlib.import_module(DEEP)",
    "a dot and its package": "importlib.import_module('.deep', __package__)",
    "a dot and a package": "importlib.import_module('.deep', package='tools')",
    "__import__": "__import__('tools.deep').deep",
    "__import__ and a list": "__import__('tools', fromlist=['deep']).deep",
}


def by_text(how: str) -> Files:
    text = BY_TEXT["tools/clean.py"].replace("importlib.import_module('tools.deep')", how)
    return {**BY_TEXT, "tools/clean.py": "DEEP = 'tools.deep'\n" + text}


WHOLE = {
    "main.py": "import tools\ndef f(name): return getattr(tools, name)(1)\nARGS = ('clean',)\n",
    "tools.py": MODULE["tools.py"],
}
STATE = """
calls = []
counter = {"n": 0}
total = 0
class Config:
    seen = 0
    model = "small"
def f(x):
    global total
    calls.append(x)
    counter["n"] += 1
    total += x
    Config.seen += 1
    return x, Config.model
"""
VERSIONED = """
def helper(x): return x + 1
def f(x): return helper(x) * 2
OPTIONS = {"version": "v1"}
"""
DATA = """
import json, pathlib
docs = json.loads('[{"a": 1}, {"b": "text"}]')
def f(x): return docs
"""

SCENARIOS = [
    # The seventeen wrong hits found in marimo.
    miss("helper two calls deep", CHAIN, "x * 2", "x * 3"),
    miss("argument of a closure factory", CLOSURE, "make(3)", "make(4)"),
    miss("default of a helper", DEFAULT, "scale=10", "scale=20"),
    miss("annotation of a helper", ANNOTATED, "x: int", "x: float"),
    miss("array and its transpose", "import numpy as np\nARGS = (np.arange(6).reshape(2, 3),)\ndef f(a): return a", "(2, 3)", "(2, 3).T"),
    miss("int64 and float64 zeros", "import numpy as np\nARGS = (np.zeros(3, 'i8'),)\ndef f(a): return a", "i8", "f8"),
    miss("int32 and its uint32 view", "import numpy as np\nARGS = (np.arange(3, dtype='i4').view('i4'),)\ndef f(a): return a", "view('i4')", "view('u4')"),
    miss("columns renamed, as an argument", FRAME, '"b"', '"c"'),
    miss("columns renamed, as a global", FRAME.replace("def f", "def h").replace("def g", "def f"), '"b"', '"c"'),
    miss("index of a frame", FRAME, "[10, 11]", "[10, 12]"),
    miss("name of a series", FRAME.replace("def f", "def h").replace("def g", "def f"), '"price"', '"cost"'),
    miss("True and 1", "def f(x): return x\nARGS = (True,)", "True", "1"),
    miss("an alias of another module", "import math as m\ndef f(x): return m.sqrt(x)", "import math", "import cmath"),
    miss("a module edited, import m style", MODULE, "x * LIMIT", "x * LIMIT + 1"),
    miss("records read from a file that changed", DATA, '"b": "text"', '"b": "other"'),
    miss("a text frame that changed", "import pandas as pd\ndf = pd.DataFrame({'t': ['a', 'b']})\ndef f(x): return df", "'b'", "'c'"),
    miss("constants 1 and '1'", "def f(x): return 1", "return 1", "return '1'"),
    miss("constants True and 'True'", "def f(x): return True", "return True", "return 'True'"),
    miss("('ab', 'c') and ('a', 'bc')", "def f(x): return ('ab', 'c')", "'ab', 'c'", "'a', 'bc'"),
    miss("global ('ab', 'c') and ('a', 'bc')", "P = ('ab', 'c')\ndef f(x): return P", "'ab', 'c'", "'a', 'bc'"),
    # The predecessors' wrong keys.
    miss("two lambdas", "f = lambda x: x + 1", "x + 1", "x + 2"),
    miss("one of two lambdas on a line, first", "f, g = lambda x: x + 1, lambda x: x + 2", "x + 1", "x + 3"),
    hit("one of two lambdas on a line, the other", "f, g = lambda x: x + 1, lambda x: x + 2", "x + 2", "x + 3"),
    miss("a lambda as an argument", "def f(k): return k(1)\nARGS = (lambda x: x + 1,)", "x + 1", "x + 2"),
    miss("a partial as an argument", "import functools\ndef f(k): return k()\nARGS = (functools.partial(max, 1, 2),)", "1, 2", "1, 3"),
    miss("ValueError('a') and ('b')", "def f(e): return e\nARGS = (ValueError('a'),)", "'a'", "'b'"),
    miss("timestamps of two years", "import pandas as pd\ndef f(t): return t\nARGS = (pd.Timestamp('2020-01-01'),)", "2020", "2021"),
    miss("Counter and dict", "from collections import Counter as C\ndef f(t): return t\nARGS = (C({'a': 1}),)", "ARGS = (C({'a': 1}),)", "ARGS = ({'a': 1},)"),
    miss("namedtuple types", "from collections import namedtuple as n\nT = n('A', 'x y')\ndef f(t): return t\nARGS = (T(1, 2),)", "'x y'", "'x z'"),
    miss("list and its subclass", "class L(list): pass\ndef f(t): return t\nARGS = (L([1]),)", "(L([1]),)", "([1],)"),
    miss("[1], (1,)", "def f(t): return t\nARGS = ([1],)", "([1],)", "((1,),)"),
    miss("(1,), {1}", "def f(t): return t\nARGS = ((1,),)", "((1,),)", "({1},)"),
    miss("b'a' and '61'", "def f(t): return t\nARGS = (b'a',)", "(b'a',)", "('61',)"),
    miss("{1: 2} and {'1': 2}", "def f(t): return t\nARGS = ({1: 2},)", "{1: 2}", "{'1': 2}"),
    miss("classes of equal attributes", "class A:\n    x = 1\nclass B:\n    x = 1\ndef f(t): return t\nARGS = (A(),)", "(A(),)", "(B(),)"),
    miss("key text and version", "OPTIONS = {'version': 'v1'}\ndef f(t): return t\nARGS = ('a:v1',)", "'version': 'v1'}\ndef f(t): return t\nARGS = ('a:v1',)", "'version': 'v1:v1'}\ndef f(t): return t\nARGS = ('a',)"),
    miss("an equal frame is one entry, another is not", FRAME, "[3, 4]", "[3, 5]"),
    same("an equal frame hits", FRAME),
    same("a cyclic argument hits", "def f(t): return t\nL = [1]\nL.append(L)\nARGS = (L,)"),
    hit("positional and by name", "def f(a, b=2): return a\nARGS = (1, 2)", "ARGS = (1, 2)", "ARGS, KWARGS = (1,), {'b': 2}"),
    hit("default said and unsaid", "def f(a, b=2): return a\nARGS = (1, 2)", "(1, 2)", "(1,)"),
    hit("names in another order", "def f(a, b, *, c): return a\nARGS, KWARGS = (), {'a': 1, 'b': 2, 'c': 3}", "{'a': 1, 'b': 2, 'c': 3}", "{'c': 3, 'b': 2, 'a': 1}"),
    # What does not matter.
    same("nothing changed", CHAIN),
    hit("a comment", CHAIN, "def f", "# a comment\ndef f"),
    hit("spaces and lines", CHAIN, "deep(x) + 1", "( deep(x)\n      +   1 )"),
    hit("quotes", "def f(x): return 'a' + f'{x}'", "'a' + f'{x}'", '"a" + f"{x}"'),
    hit("an unrelated function", CHAIN, "def f", "def unrelated(): return 1\ndef f"),
    hit("order of definitions", CHAIN, CHAIN, "def f(x): return middle(x)\ndef middle(x): return deep(x) + 1\ndef deep(x): return x * 2\n"),
    hit("options of the mark", "class spot:\n    def mark(**k): return lambda fn: fn\n@spot.mark(ttl=1)\ndef f(x): return x", "ttl=1", "ttl=2, price=3"),
    hit("another function of the module", MODULE, "return 0", "return 1"),
    hit("a comment in the module", MODULE, "def clean", "# why\n\ndef clean"),
    hit("an attribute of an installed module", "import json\ndef f(x): return json.dumps(x)\nunused = 1", "unused = 1", "unused = 2"),
    hit("an order of a set", "def f(s): return s\nARGS = ({'a', 'b', 'c', 1, 2.5, None},)", "{'a', 'b', 'c', 1, 2.5, None}", "{None, 2.5, 1, 'c', 'b', 'a'}"),
    miss("an order of a dict", "def f(s): return s\nARGS = ({'a': 1, 'b': 2},)", "{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
    # What a function is.
    miss("its own body", CHAIN, "return middle(x)", "return middle(x) + 1"),
    miss("its docstring", "def f(x):\n    'Answer briefly.'\n    return x", "briefly", "at length"),
    miss("its annotation", "def f(x: int): return x", "int", "str"),
    miss("a helper of the module's function", MODULE, "x + helper(x)", "x - helper(x)"),
    miss("a global of the module", MODULE, "LIMIT = 3", "LIMIT = 4"),
    miss("a module used as a whole", WHOLE, "return 0", "return 1"),
    hit("a comment in a module used as a whole", WHOLE, "def other", "# hm\ndef other"),
    miss("a module imported inside", LAZY, "x * RATE", "x + RATE"),
    miss("a module behind a module imported inside", LAZY, "RATE = 3", "RATE = 4"),
    same("a module imported inside, again", LAZY),
    miss("a module imported by text behind one imported inside", BY_TEXT, "RATE = 3", "RATE = 4"),
    *(miss(f"one imported by text with {name}", by_text(how), "RATE = 3", "RATE = 4") for name, how in BY_TEXTS.items()),
    *(same(f"one imported by text with {name}, again", by_text(how)) for name, how in BY_TEXTS.items()),
    miss("a global", "PROMPT = 'a'\ndef f(x): return PROMPT", "'a'", "'b'"),
    miss("a global list", "WORDS = ['a']\ndef f(x): return WORDS", "['a']", "['a', 'b']"),
    miss("a method", CLASS, "self.value * self.rate", "self.value + self.rate"),
    miss("a class attribute", CLASS, "rate = 2", "rate = 3"),
    miss("an attribute of a base", CLASS, '"EUR"', '"USD"'),
    miss("a method of a base", CLASS, "return self.unit", "return self.unit * 2"),
    miss("a class method", CLASS, "return cls()", "return cls() or 1"),
    miss("a static method", CLASS, "v + 1", "v + 2"),
    hit("an order of methods", CLASS, "    def __init__(self): self.value = 1\n    def __call__(self, x): return x\n", "    def __call__(self, x): return x\n    def __init__(self): self.value = 1\n"),
    miss("a base class added", CLASS, "class Price(Base)", "class Extra: pass\nclass Price(Base, Extra)"),
    same("a class again", CLASS),
    miss("a decorator's argument", DECORATED, "times(3)", "times(4)"),
    miss("a decorator's wrapper", DECORATED, "* n", "+ n"),
    miss("what a decorator wraps", DECORATED, "x + 1", "x + 2"),
    same("a decorator again", DECORATED),
    miss("an enum's member", FORMS, "BLUE = 2", "BLUE = 3"),
    miss("a dataclass's default", FORMS, '"small"', '"large"'),
    miss("a dataclass's factory", FORMS, '["a"]', '["b"]'),
    miss("a class's docstring", FORMS, "What to do", "What not to do"),
    miss("a named tuple's default", FORMS, "y: int = 0", "y: int = 1"),
    miss("a function behind lru_cache", FORMS, "x + 4", "x + 5"),
    miss("an implementation behind singledispatch", FORMS, "whole number", "number"),
    miss("a partial's argument", FORMS, "cached, 7", "cached, 8"),
    miss("a function in a dispatch table", FORMS, "x ** 2", "x ** 3"),
    same("all forms again", FORMS),
    miss("a class named in an annotation", ANNOTATED, "price: int = 1", "price: int = 2"),
    miss("a docstring of a helper", ANNOTATED, "Say what it costs", "Say what it is"),
    miss("a decorator of a method", CLASS, "@property", "@__import__('functools').cached_property"),
    miss("an f-string", "def f(x): return f'{x:>5}'", ">5", ">6"),
    miss("mutual recursion", "def f(x): return x and g(x - 1)\ndef g(x): return x and f(x - 2)", "x - 2", "x - 3"),
    same("mutual recursion again", "def f(x): return x and g(x - 1)\ndef g(x): return x and f(x - 2)"),
    same("recursion through a dispatch table", "def f(x): return TABLE['f'](x - 1) if x else 0\nTABLE = {'f': f}"),
    miss("code of an argument's class", CLASS + "ARGS = (Price(),)\ndef f(x): return x.double", "return x\n", "return x + 1\n"),
    miss("state of an argument", CLASS + "ARGS = (Price(),)\ndef f(x): return x.double", "self.value = 1", "self.value = 2"),
    miss("a bound method as an argument", CLASS + "ARGS = (Price().show,)\ndef f(x): return x()", "return self.unit", "return self.unit + ''"),
    # State stays out.
    hit("state that the function keeps: a list", STATE, "calls = []", "calls = [1, 2]"),
    hit("state that the function keeps: a dict", STATE, '{"n": 0}', '{"n": 9}'),
    hit("state that the function keeps: a number", STATE, "total = 0", "total = 7"),
    hit("state that the function keeps: a class attribute", STATE, "seen = 0", "seen = 5"),
    miss("what lies beside the state", STATE, '"small"', '"large"'),
    miss("a method that only looks like a mutator", "import pandas as pd\nprices = pd.Series([1, 2])\ndef f(x): return prices.add(x)", "[1, 2]", "[1, 3]"),
    hit("a memo of the user's own", "def memo(fn):\n    cache = {}\n    def wrapper(x):\n        if x not in cache: cache[x] = fn(x)\n        return cache[x]\n    return wrapper\n@memo\ndef f(x): return x\nAFTER = ''", "AFTER = ''", "AFTER = 'f(3)'"),
    # version= and key=.
    hit("version: its own code", VERSIONED, "* 2", "* 3"),
    hit("version: a helper", VERSIONED, "x + 1", "x + 2"),
    miss("version: another version", VERSIONED, '"v1"', '"v2"'),
    miss("version: another closure", CLOSURE + "OPTIONS = {'version': 'v1'}", "make(3)", "make(4)"),
    hit("ignored argument", "def f(x, verbose): return x\nARGS = (1, True)\nOPTIONS = {'ignore': 'verbose'}", "(1, True)", "(1, False)"),
    hit("ignored global", "import threading\nclient = [1]\ndef f(x): return client\nOPTIONS = {'ignore': 'client'}", "[1]", "[2]"),
    hit("a function of the arguments", "def f(x, y): return x\nARGS = (1, 2)\nOPTIONS = {'key': lambda x, y: x}", "(1, 2)", "(1, 3)"),
    miss("a function of the arguments, other result", "def f(x, y): return x\nARGS = (1, 2)\nOPTIONS = {'key': lambda x, y: x}", "(1, 2)", "(2, 2)"),
]  # fmt: skip
