"""Everyday code that caches have got wrong, with an edit of each; and one session that runs all of it.

A case is a script: it defines ``f``, and ``ARGS`` if it takes any. What the plain call gives in a fresh process is the
right value.
"""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.spot.beyond import BEYOND
from tests.spot.further import FURTHER, Case
from tests.spot.strangers import STRANGERS

CASES = {
    # A class is what it holds, whatever it is called.
    "tqdm": Case("from tqdm import tqdm\nf = sum\nARGS = (tqdm([1, 2, 3], disable=True),)", "[1, 2, 3]", "[10, 20, 30]"),
    "display object": Case("from IPython.display import HTML\ndef f(x): return x.data\nARGS = (HTML('a'),)", "'a'", "'b'"),
    "slider": Case("import ipywidgets\ns = ipywidgets.IntSlider(value=5)\ndef f(): return s.value", "value=5", "value=50"),
    "named like a client": Case("class ChatClient:\n    def __init__(self, model): self.model = model\n    def ask(self): return self.model\nc = ChatClient('a')\ndef f(): return c.ask()", "'a'", "'b'"),
    "named like an engine": Case("class QueryEngine:\n    def __init__(self, docs): self.docs = docs\nARGS = (QueryEngine(['a']),)\ndef f(e): return e.docs", "['a']", "['b']"),
    "named like an executor": Case("class AgentExecutor:\n    prompt = 'a'\nARGS = (AgentExecutor(),)\ndef f(e): return e.prompt", "prompt = 'a'", "prompt = 'b'"),
    "sqlite files": Case("import sqlite3\nfor n, v in (('a.db', 1), ('b.db', 2)):\n    c = sqlite3.connect(n); c.execute('create table if not exists t(x)'); c.execute('delete from t'); c.execute(f'insert into t values({v})'); c.commit(); c.close()\nARGS = (sqlite3.connect('a.db'),)\ndef f(c): return c.execute('select x from t').fetchall()", "connect('a.db')", "connect('b.db')"),
    "sqlite in memory": Case("import sqlite3\nc = sqlite3.connect(':memory:'); c.execute('create table t(x)'); c.execute('insert into t values(1)')\nARGS = (c,)\ndef f(c): return c.execute('select x from t').fetchall()", "values(1)", "values(2)", refused="memory"),
    "session with a header": Case("import requests\ns = requests.Session(); s.headers['X-Org'] = 'a'\ndef f(): return s.headers['X-Org']", "'a'", "'b'"),
    "client with a query": Case("import httpx\nc = httpx.Client(params={'v': '1'})\ndef f(): return str(c.params)", "'1'", "'2'"),
    # A subclass holds what it holds.
    "units": Case("import astropy.units as u\ndef f(x): return x.to_value(u.m)\nARGS = (1 * u.km,)", "u.km,", "u.m,"),
    "array subclass": Case("import numpy as np\nclass A(np.ndarray): unit = None\na = np.array([1.0]).view(A); a.unit = 'km'\nARGS = (a,)\ndef f(a): return a.unit", "'km'", "'m'"),
    "frame attrs": Case("import pandas as pd\ndf = pd.DataFrame({'a': [1]}); df.attrs['unit'] = 'km'\nARGS = (df,)\ndef f(df): return df.attrs['unit']", "'km'", "'m'"),
    "frame metadata": Case("import pandas as pd\nclass Sales(pd.DataFrame):\n    _metadata = ['currency']\n    @property\n    def _constructor(self): return Sales\ns = Sales({'a': [1]}); s.currency = 'EUR'\nARGS = (s,)\ndef f(s): return s.currency", "'EUR'", "'USD'"),
    "geo frame": Case("import geopandas as gpd\nfrom shapely.geometry import Point\ng = gpd.GeoDataFrame({'a': [1]}, geometry=[Point(1, 2)], crs=4326)\nARGS = (g,)\ndef f(g): return g.crs.to_epsg()", "crs=4326", "crs=3857"),
    "masked data": Case("import numpy as np\na = np.ma.array([1, 2], mask=[0, 1])\nARGS = (a,)\ndef f(a): return int(a.data[1])", "[1, 2]", "[1, 3]"),
    # Classes count whole.
    "pydantic alias": Case("from pydantic import BaseModel, Field\nclass M(BaseModel):\n    n: int = Field(1, serialization_alias='a')\ndef f(): return M().model_dump(by_alias=True)", "'a'", "'b'"),
    "pydantic exclude": Case("from pydantic import BaseModel, Field\nclass M(BaseModel):\n    n: int = Field(1, exclude=False)\ndef f(): return M().model_dump()", "exclude=False", "exclude=True"),
    "pydantic private": Case("from pydantic import BaseModel, PrivateAttr\nclass M(BaseModel):\n    _n: int = PrivateAttr(1)\ndef f(): return M()._n", "Attr(1)", "Attr(2)"),
    "pydantic 1 default": Case("from pydantic.v1 import BaseModel\nclass M(BaseModel):\n    n: int = 1\ndef f(): return M().n", "int = 1", "int = 2"),
    "dataclass repr": Case("from dataclasses import dataclass, field\n@dataclass\nclass D:\n    n: int = field(default=1, repr=True)\ndef f(): return repr(D())", "repr=True", "repr=False"),
    "attrs repr": Case("import attrs\n@attrs.define\nclass D:\n    n: int = attrs.field(default=1, repr=True)\ndef f(): return repr(D())", "repr=True", "repr=False"),
    "dunder list": Case("class T: __columns__ = ['a']\ndef f(): return T.__columns__", "['a']", "['b']"),
    # Functions bring all they have.
    "defaults and closures": Case("def mk(k):\n    def h(x, d=k): return x + d\n    return h\ndef f(h, x): return h(x)\nARGS = (mk(1), 1)", "mk(1)", "mk(2)"),
    "frompyfunc": Case("import numpy as np\nu = np.frompyfunc(lambda x: x + 1, 1, 1)\ndef f(x): return u(x)\nARGS = (1,)", "x + 1", "x + 2"),
    "curry": Case("import toolz\n@toolz.curry\ndef g(a, b): return a + b\ndef f(h): return h(1)(2)\nARGS = (g,)", "a + b", "a - b", refused="changed `h`"),
    "memory": Case("import joblib\n@joblib.Memory(None).cache\ndef g(a): return a + 1\ndef f(h): return h(1)\nARGS = (g,)", "a + 1", "a + 2"),
    "attribute of a function": Case("def g(): pass\ng.model = 'a'\ndef f(h): return h.model\nARGS = (g,)", "'a'", "'b'"),
    # What is read counts, though it is changed.
    "frame that grows a column": Case("import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\ndef f():\n    df['b'] = df['a'] * 2\n    return int(df['b'].sum())", "[1, 2]", "[10, 20]", refused="changed `global df`"),
    "sorted in place": Case("rows = [3, 1]\ndef f():\n    rows.sort()\n    return rows[0]", "[3, 1]", "[3, 0]", refused="changed `global rows`"),
    "default set": Case("CFG = {}\ndef f(): return CFG.setdefault('model', 'a')", "'model', 'a'", "'model', 'b'", refused="changed `global CFG`"),
    "only written": Case("log = []\nn = 0\ndef f():\n    global n\n    n += 1\n    log.append(n)\n    return 'done'", "'done'", "'finished'", refused="changed `global n`"),
    "written and never read": Case("log = []\ncount = 0\ndef f(x):\n    global count\n    count += 1\n    log.append(x)\n    return x\nARGS = (1,)", "return x\n", "return x + 1\n"),
    "counter of a client": Case("class C:\n    def __init__(self, m): self.m = m; self.calls = 0\n    def ask(self):\n        self.calls += 1\n        return self.m\nc = C('a')\ndef f(): return c.ask()", "C('a')", "C('b')"),
    "client made when needed": Case("class C:\n    _client = None\n    model = 'a'\n    def ask(self):\n        if self._client is None:\n            import httpx\n            self._client = httpx.Client()\n        return self.model\nc = C()\ndef f(): return c.ask()", "model = 'a'", "model = 'b'"),
    "cached property": Case("import functools\nclass C:\n    def __init__(self, n): self.n = n\n    @functools.cached_property\n    def double(self): return self.n * 2\nARGS = (C(1),)\ndef f(c): return c.double", "C(1)", "C(2)"),
    "pydantic with a cached property": Case("import functools\nfrom pydantic import BaseModel\nclass M(BaseModel):\n    n: int\n    @functools.cached_property\n    def double(self): return self.n * 2\nARGS = (M(n=1),)\ndef f(m): return m.double", "n=1", "n=2"),
    # Names in text, modules by text, environment, files.
    "query": Case("import pandas as pd\ndf = pd.DataFrame({'a': [1, 5]})\nlimit = 2\ndef f(): return len(df.query('a > @limit'))", "limit = 2", "limit = 0"),
    "eval": Case("rate = 2\ndef f(x): return eval('rate * 3')\nARGS = (1,)", "rate = 2", "rate = 3"),
    "module by text": Case("import importlib, pathlib\npathlib.Path('plug_e.py').write_text('def go(x): return x + 1')\ndef f(x): return importlib.import_module('plug_e').go(x)\nARGS = (1,)", "return x + 1'", "return x + 2'"),
    "environment": Case("import os\nos.environ['EVERYDAY_MODEL'] = 'a'\ndef f(): return os.environ['EVERYDAY_MODEL']", "= 'a'", "= 'b'"),
    "environment by get": Case("import os\nos.environ['EVERYDAY_SIZE'] = '1'\ndef f(): return os.getenv('EVERYDAY_SIZE', '0')", "= '1'", "= '2'"),
    "file": Case("import pathlib\npathlib.Path('prompt.txt').write_text('a')\ndef f(): return open('prompt.txt').read()", "'a'", "'b'"),
    "table in a file": Case("import pathlib, pandas as pd\npathlib.Path('q.csv').write_text('n\\n1\\n')\ndef f(): return int(pd.read_csv('q.csv').n.sum())", "n\\n1\\n", "n\\n2\\n"),
    "list of a folder": Case("import os\nos.makedirs('d', exist_ok=True)\nfor n in os.listdir('d'): os.remove('d/' + n)\nopen('d/a.txt', 'w').close()\ndef f(): return sorted(os.listdir('d'))", "d/a.txt", "d/b.txt"),
    "walk": Case("import os\nos.makedirs('d/e', exist_ok=True)\nfor n in os.listdir('d/e'): os.remove('d/e/' + n)\nopen('d/e/a.txt', 'w').close()\ndef f(): return [n for _, _, names in os.walk('d') for n in names]", "e/a.txt", "e/b.txt"),
    "pattern": Case("import os\nfrom glob import glob\nos.makedirs('d', exist_ok=True)\nfor n in os.listdir('d'): os.remove('d/' + n)\nopen('d/a.txt', 'w').close()\ndef f(): return sorted(glob('d/*.txt'))", "d/a.txt", "d/b.txt"),
    "pattern of a path": Case("import os\nfrom pathlib import Path\nos.makedirs('d', exist_ok=True)\nfor n in os.listdir('d'): os.remove('d/' + n)\nopen('d/a.md', 'w').close()\ndef f(): return len([p.read_text() for p in Path('d').rglob('*.md')])", "d/a.md', 'w').close()", "d/a.md', 'w').close(); open('d/b.md', 'w').close()"),
    "whether it is there": Case("import os\nif os.path.exists('x'): os.remove('x')\nopen('x', 'w').close()\ndef f(): return os.path.exists('x')", "open('x', 'w').close()", "pass"),
    "whether a path is there": Case("from pathlib import Path\nPath('x').unlink(missing_ok=True)\nPath('x').touch()\ndef f(): return Path('x').is_file()", "Path('x').touch()", "pass"),
    "size of a file": Case("import os\nopen('x', 'w').write('a')\ndef f(): return os.path.getsize('x')", "'a'", "'ab'"),
    "descriptor": Case("import os\nopen('x', 'w').write('a')\ndef f():\n    d = os.open('x', os.O_RDONLY)\n    try: return os.read(d, 9)\n    finally: os.close(d)", "'a'", "'b'"),
    "environment in a path": Case("import os\nos.environ['EVERYDAY_ROOT'] = 'a'\ndef f(): return os.path.expandvars('$EVERYDAY_ROOT/x')", "= 'a'", "= 'b'"),
    "context variable": Case("from contextvars import ContextVar\nv = ContextVar('v', default=1)\ndef f(): return v.get()", "default=1", "default=2"),
    "order in memory": Case("import numpy as np\nARGS = (np.ones((2, 3)),)\ndef f(a): return a.flags.f_contiguous", "np.ones((2, 3))", "np.ones((3, 2)).T.copy('F')"),
    # Paid again and again.
    "uniform": Case("from random import uniform\ndef f(x): return 0 * uniform(0, 1) + x\nARGS = (1,)", "ARGS = (1,)", "ARGS = (2,)"),
    "tags": Case("class Tags(set): pass\nARGS = (Tags(['a', 'b', 'c']),)\ndef f(t): return sorted(t)", "'c'", "'d'"),
    "attribute dict": Case("class AttrDict(dict):\n    __getattr__ = dict.__getitem__\nARGS = (AttrDict(a=1),)\ndef f(d): return d.a", "a=1", "a=2"),
    "default factory": Case("from collections import defaultdict\ndef f(x):\n    d = defaultdict(lambda: 0)\n    d[x] += 1\n    return d\nARGS = ('a',)\nSHOW = dict", "+= 1", "+= 2"),
    "line separator in a string": Case("TEXT = 'a\\u2028b\\x0cc'\nclass C:\n    text = 'x\\u2028y'\n    def go(self): return self.text + TEXT\ndef f(): return C().go()", "x\\u2028y", "x\\u2028z"),
    "response": Case("import httpx\nr = httpx.Response(200, text='a')\nARGS = (r,)\ndef f(r): return r.text", "text='a'", "text='b'"),
    "soup": Case("from bs4 import BeautifulSoup\nARGS = (BeautifulSoup('<p>a</p>', 'html.parser'),)\ndef f(s): return s.p.text", "<p>a", "<p>b"),
    "sparse": Case("import numpy as np, scipy.sparse as sp\nARGS = (sp.csr_matrix(np.eye(3)),)\ndef f(m): return float(m.sum())", "np.eye(3)", "np.eye(4)"),
    "frozen distribution": Case("import scipy.stats as st\nd = st.norm(1, 2)\ndef f(): return float(d.mean())", "norm(1, 2)", "norm(3, 2)"),
    "neighbours": Case("import numpy as np\nfrom sklearn.neighbors import KNeighborsClassifier\nm = KNeighborsClassifier(1).fit(np.array([[0.0], [1.0]]), [0, 1])\nARGS = (m,)\ndef f(m): return int(m.predict([[0.9]])[0])", "[0, 1])", "[1, 0])"),
    "vectorizer": Case("from sklearn.feature_extraction.text import TfidfVectorizer\nm = TfidfVectorizer().fit(['a bb', 'cc bb'])\nARGS = (m,)\ndef f(m): return sorted(m.vocabulary_)", "'a bb'", "'dd bb'"),
    "template": Case("from jinja2 import Template\nt = Template('a {{ x }}')\ndef f(x): return t.render(x=x)\nARGS = (1,)", "'a {{", "'b {{"),
}  # fmt: skip
CASES |= FURTHER | BEYOND | STRANGERS


def _as_it_is(value: Any) -> Any:
    return value


def session(folder: Path, edited: bool, spot: bool) -> dict[str, Any]:
    """What each case gives: its value in text, and with a spot how it came about."""
    from spotmagic import Spot, last

    kept = Spot("everyday", root=folder / "spots")
    said: dict[str, Any] = {}
    for name, case in CASES.items():
        where = folder / name.replace(" ", "_")
        where.mkdir(exist_ok=True)
        os.chdir(where)
        sys.path.insert(0, str(where))
        beside = ExitStack()
        try:
            (where / "main.py").write_text(dedent(case.edited() if edited else case.text))
            space: dict[str, Any] = {"__name__": "__main__"}
            vars(sys.modules["__main__"]).update(space)
            code = compile((where / "main.py").read_text(), str(where / "main.py"), "exec")
            beside.enter_context(warnings.catch_warnings())
            exec(code, space)
            args = space.get("ARGS", ())
            if not spot:
                said[name] = {"value": repr(space.get("SHOW", _as_it_is)(space["f"](*args)))}
                continue
            marked = kept.mark(space["f"])
            value = marked(*args)
            outcome = last()
            said[name] = {
                "value": repr(space.get("SHOW", _as_it_is)(value)),
                "verdict": outcome.verdict,
                "stored": outcome.stored,
                "reason": outcome.reason,
            }
        except Exception:
            said[name] = {"value": traceback.format_exc(), "verdict": "error", "stored": False, "reason": ""}
        finally:
            beside.close()
            sys.path.remove(str(where))
    kept.close()
    return said


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    print(json.dumps(session(Path(sys.argv[1]), sys.argv[2] == "edited", sys.argv[3] == "spot")))  # noqa: T201
