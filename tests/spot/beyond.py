"""Everyday code that asks beyond its own text: the system, libraries' settings, what the user put into libraries."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

from tests.spot.further import Case

_LISTED = "import os\nos.makedirs('d', exist_ok=True)\nfor n in os.listdir('d'): os.remove('d/' + n)\nopen('d/a.txt', 'w').close()\n"
_PLUG = "import pathlib\np = pathlib.Path('{0}'); p.mkdir(exist_ok=True); (p / '__init__.py').write_text(''); (p / 't.txt').write_text('a')\n"

BEYOND = {
    # Functions that read, taken by another name.
    "listdir by its name": Case("from os import listdir\n" + _LISTED + "def f(): return sorted(listdir('d'))", "d/a.txt", "d/b.txt"),
    "scandir by its name": Case("from os import scandir\n" + _LISTED + "def f(): return sorted(e.name for e in scandir('d'))", "d/a.txt", "d/b.txt"),
    "listdir in a closure": Case(_LISTED + "def make(look):\n    def f(): return sorted(look('d'))\n    return f\nf = make(os.listdir)", "d/a.txt", "d/b.txt"),
    "listdir in a helper's module": Case(_LISTED + "import pathlib\npathlib.Path('looks_m.py').write_text('from os import listdir\\ndef go(): return sorted(listdir(\"d\"))')\nimport looks_m\ndef f(): return looks_m.go()", "d/a.txt", "d/b.txt"),
    "iglob as a default": Case("import glob\n" + _LISTED + "def f(g=glob.iglob): return sorted(g('d/*'))", "d/a.txt", "d/b.txt"),
    "open mapped": Case("open('o1', 'w').write('a')\ndef f(): return [h.read() for h in map(open, ['o1'])]", "'a'", "'b'"),
    "stat by its name": Case("from os import stat\nopen('x', 'w').write('a')\ndef f(): return stat('x').st_size", "write('a')", "write('ab')"),
    "sqlite connect by its name": Case("import os\nfrom sqlite3 import connect\nif os.path.exists('n.db'): os.remove('n.db')\nc = connect('n.db'); c.execute('create table t(x)'); c.execute('insert into t values(1)'); c.commit(); c.close()\ndef f(): return connect('n.db').execute('select x from t').fetchall()", "values(1)", "values(2)"),
    "polars reader by its name": Case("import pathlib\nfrom polars import read_csv\npathlib.Path('a.csv').write_text('n,m\\n1,2\\n')\ndef f(): return read_csv('a.csv')['n'].to_list()", "n1,2", "n3,2"),
    "listdir given": Case(_LISTED + "ARGS = (os.listdir,)\ndef f(look): return sorted(look('d'))", "d/a.txt", "d/b.txt", refused="given `listdir`"),
    "open given": Case("open('o', 'w').write('a')\nARGS = (open,)\ndef f(o):\n    with o('o') as h: return h.read()", "'a'", "'b'", refused="given `open`"),
    "reader in a table": Case("import pathlib, polars\npathlib.Path('a.csv').write_text('n,m\\n1,2\\n')\nREAD = {'csv': polars.read_csv}\ndef f(): return READ['csv']('a.csv')['n'].to_list()", "n1,2", "n3,2", refused="given `read_csv`"),
    "tensors of a file": Case("import numpy as np\nfrom safetensors.numpy import save_file, load_file\nsave_file({'a': np.array([1])}, 'x.st')\ndef f(): return load_file('x.st')['a'].tolist()", "[1]", "[2]"),
    "map of a file": Case("import geopandas as g\nfrom shapely.geometry import Point\ng.GeoDataFrame({'a': [1]}, geometry=[Point(1, 2)], crs=4326).to_file('x.geojson', driver='GeoJSON')\ndef f(): return g.read_file('x.geojson').a.tolist()", "[1]", "[2]"),
    "tensors one by one": Case("import numpy as np\nfrom safetensors import safe_open\nfrom safetensors.numpy import save_file\nsave_file({'a': np.array([1])}, 'y.st')\ndef f():\n    with safe_open('y.st', 'np') as h: return h.get_tensor('a').tolist()", "[1]", "[2]"),
    # What is asked of files beside what they hold.
    "time of change set back": Case("import os, pathlib\npathlib.Path('s').unlink(missing_ok=True)\npathlib.Path('s').write_text('aaaa'); os.utime('s', ns=(10**18, 10**18))\ndef f(): return open('s').read()", "'aaaa'", "'bbbb'"),
    "time of change": Case("import os\nopen('m', 'w').write('a'); os.utime('m', (100, 100))\ndef f(): return os.path.getmtime('m')", "(100, 100)", "(200, 200)"),
    "time of change of a path": Case("import os, pathlib\nopen('m', 'w').write('a'); os.utime('m', (100, 100))\ndef f(): return int(pathlib.Path('m').stat().st_mtime)", "(100, 100)", "(200, 200)"),
    "rights": Case("import os\nopen('m', 'w').write('a'); os.chmod('m', 0o600)\ndef f(): return os.stat('m').st_mode & 0o777", "0o600", "0o700"),
    "link": Case("import os\nif os.path.lexists('l'): os.remove('l')\nos.symlink('a', 'l')\ndef f(): return os.readlink('l')", "'a'", "'b'"),
    "resolved link": Case("import os, pathlib\nfor n in 'ab': pathlib.Path(n).touch()\nif os.path.lexists('l'): os.remove('l')\nos.symlink('a', 'l')\ndef f(): return pathlib.Path('l').resolve().name", "symlink('a'", "symlink('b'"),
    "data of a package": Case("import pkgutil\n" + _PLUG.format("plug_a") + "import plug_a\ndef f(): return pkgutil.get_data('plug_a', 't.txt')", "'a'", "'b'"),
    "resource of a package": Case("import importlib.resources as r\n" + _PLUG.format("plug_b") + "import plug_b\ndef f(): return r.files('plug_b').joinpath('t.txt').read_text()", "'a'", "'b'"),
    "module by its file": Case("import pathlib, importlib.util as u\npathlib.Path('by_file.py').write_text('V = 1')\ndef f():\n    s = u.spec_from_file_location('by_file', 'by_file.py'); m = u.module_from_spec(s); s.loader.exec_module(m)\n    return m.V", "V = 1", "V = 2"),
    # Variables that libraries read.
    "variable by a library": Case("import os\nos.environ['BEYOND_A'] = 'a'\nfrom starlette.config import Config\ndef f(): return Config()('BEYOND_A')", "= 'a'", "= 'b'"),
    "variable of a library": Case("import os, ollama\nos.environ['OLLAMA_HOST'] = 'http://a:1'\ndef f(): return str(ollama.Client()._client.base_url)", "http://a:1", "http://b:1"),
    "settings of pydantic": Case("import os\nos.environ['BEYOND_MODEL'] = 'a'\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    model_config = {'env_prefix': 'BEYOND_'}\n    model: str = 'z'\ndef f(): return S().model", "= 'a'", "= 'b'"),
    "settings by an alias": Case("import os\nos.environ['BEYOND_B'] = 'a'\nfrom pydantic import Field\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    model: str = Field('z', validation_alias='BEYOND_B')\ndef f(): return S().model", "= 'a'", "= 'b'"),
    "settings of a file": Case("import pathlib\npathlib.Path('.env').write_text('BEYOND_C=a')\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    model_config = {'env_file': '.env'}\n    beyond_c: str = 'z'\ndef f(): return S().beyond_c", "=a'", "=b'"),
    "values of a file": Case("import pathlib, dotenv\npathlib.Path('my.env').write_text('K=a')\ndef f(): return dotenv.dotenv_values('my.env')['K']", "=a'", "=b'"),
    # What the user put into installed modules and classes.
    "setting of a package": Case("import openai\nopenai.base_url = 'http://a/'\ndef f(): return openai.base_url", "//a/", "//b/"),
    "function of a module replaced": Case("import textwrap\ntextwrap.shorten = lambda s: s + '1'\ndef f(): return textwrap.shorten('a')", "'1'", "'2'"),
    "function mocked": Case("import textwrap\nfrom unittest import mock\nmock.patch('textwrap.fill', lambda s: 'x').start()\ndef f(): return textwrap.fill('a')", "'x'", "'y'"),
    "method put into a package": Case("import pandas as pd\npd.DataFrame.mine = lambda self: 1\ndef f(): return pd.DataFrame({'a': [1]}).mine()", ": 1", ": 2"),
    "method put into an argument's class": Case("import fractions\nfractions.Fraction.go = lambda self: 1\nARGS = (fractions.Fraction(1, 2),)\ndef f(x): return x.go()", ": 1", ": 2"),
    "accessor": Case("import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('beyond')\nclass G:\n    def __init__(self, d): self.d = d\n    def n(self): return 1\nARGS = (pd.DataFrame({'a': [1]}),)\ndef f(d): return d.beyond.n()", "return 1", "return 2"),
    # What libraries make of what the user declares.
    "mapped class": Case("from sqlalchemy import select, Integer, String, ForeignKey\nfrom sqlalchemy.orm import DeclarativeBase, mapped_column, relationship\nclass Base(DeclarativeBase): pass\nclass User(Base):\n    __tablename__ = 'users'\n    id = mapped_column(Integer, primary_key=True)\n    name = mapped_column(String(30))\nclass Post(Base):\n    __tablename__ = 'posts'\n    id = mapped_column(Integer, primary_key=True)\n    user_id = mapped_column(ForeignKey('users.id'))\ndef f(): return str(select(User)), User.__table__.c.name.type.length", "String(30)", "String(31)"),
    "object of a mapped class": Case("from sqlalchemy import Integer, String\nfrom sqlalchemy.orm import DeclarativeBase, mapped_column\nclass Base(DeclarativeBase): pass\nclass User(Base):\n    __tablename__ = 'users'\n    id = mapped_column(Integer, primary_key=True)\n    name = mapped_column(String(9))\nARGS = (User(name='a'),)\ndef f(u): return u.name", "='a'", "='b'"),
    "validator": Case("import jsonschema\nV = jsonschema.Draft202012Validator({'properties': {'a': {'type': 'integer'}}})\ndef f(): return V.is_valid({'a': 1})", "'integer'", "'string'"),
    # What objects and classes keep out of sight.
    "wrapper in C": Case("import wrapt\n@wrapt.decorator\ndef plus(wrapped, instance, args, kwargs): return wrapped(*args, **kwargs) + 1\n@plus\ndef g(x): return x\ndef f(): return g(1)", "+ 1", "+ 2"),
    "options of a structure": Case("import msgspec\nclass A(msgspec.Struct, rename='upper'):\n    x: int = 1\ndef f(): return msgspec.json.encode(A()).decode()", "'upper'", "None"),
    "registered class": Case("import abc\nclass B(abc.ABC): pass\nclass A: pass\nB.register(A)\ndef f(): return isinstance(A(), B)", "B.register(A)", "pass"),
    "label of a member": Case("import enum\nclass E(enum.Enum): A = 1\nE.A.label = 'x'\ndef f(): return E.A.label", "'x'", "'y'"),
    "subclasses": Case("class B: pass\nclass D(B): n = 1\ndef f(): return [c.n for c in B.__subclasses__()]", "n = 1", "n = 2"),
    "weak proxy": Case("import weakref\nclass A: pass\na = A(); a.x = 1\np = weakref.proxy(a)\ndef f(): return p.x", "a.x = 1", "a.x = 2"),
    "structure": Case("import struct\nS = struct.Struct('<i')\ndef f(): return S.pack(1)", "'<i'", "'>i'"),
    # Settings of libraries and of the process, which no code names.
    "options of frames": Case("import pandas as pd\npd.set_option('display.precision', 2)\ndef f(): return pd.DataFrame({'a': [1.23456]}).to_string()", "', 2)", "', 3)"),
    "options of frames that are given": Case("import pandas as pd\npd.set_option('display.precision', 2)\nARGS = (pd.DataFrame({'a': [1.23456]}),)\ndef f(d): return d.to_string()", "', 2)", "', 3)"),
    "options by a function": Case("import pandas as pd\npd.set_option('display.float_format', lambda x: f'{x:.2f}')\ndef f(): return str(pd.Series([1.23456]))", ".2f", ".3f"),
    "options of frames imported inside": Case("import pandas\npandas.set_option('display.precision', 2)\ndef f():\n    import pandas as pd\n    return str(pd.Series([1.23456]))", "', 2)", "', 3)"),
    "options behind a module": Case("import pathlib, pandas\npathlib.Path('shows_m.py').write_text('import pandas\\ndef go(): return str(pandas.Series([1.23456]))')\npandas.set_option('display.precision', 2)\nimport shows_m\ndef f(): return shows_m.go()", "', 2)", "', 3)"),
    "options behind a package": Case("import pandas, seaborn\npandas.set_option('display.precision', 2)\ndef f(): return str(seaborn.utils.pd.Series([1.23456]))", "', 2)", "', 3)"),
    "options of frames made of another's": Case("import pandas, polars\npandas.set_option('display.precision', 2)\ndef f(): return polars.Series('a', [1.23456]).to_pandas().to_string()", "', 2)", "', 3)"),
    "printing of arrays": Case("import numpy as np\nnp.set_printoptions(precision=2)\ndef f(): return str(np.array([1.23456]))", "=2", "=3"),
    "errors of arrays": Case("import numpy as np\nnp.seterr(all='ignore')\ndef f():\n    try: return str(np.array([1.0]) / 0)\n    except FloatingPointError: return 'raised'", "'ignore'", "'raise'"),
    "warnings that raise": Case("import warnings, numpy as np\nnp.seterr(all='warn'); warnings.simplefilter('ignore')\ndef f():\n    try: return str(np.log(np.array([0.0])))\n    except RuntimeWarning: return 'raised'", "'ignore'", "'error'"),
    "style of drawings": Case("import matplotlib\nmatplotlib.rcParams['lines.linewidth'] = 2\nfrom matplotlib.lines import Line2D\ndef f(): return Line2D([0], [0]).get_linewidth()", "= 2", "= 3"),
    "output of transformers": Case("import sklearn, numpy as np\nsklearn.set_config(transform_output='default')\nfrom sklearn.preprocessing import StandardScaler\ndef f(): return type(StandardScaler().fit_transform(np.eye(2))).__name__", "'default'", "'pandas'"),
    "attributes of xarray": Case("import xarray as xr\nxr.set_options(keep_attrs=True)\ndef f(): return xr.DataArray([1], attrs={'a': 1}).mean().attrs", "=True", "=False"),
    "rows of polars": Case("import polars as pl\npl.Config.set_tbl_rows(2)\ndef f(): return str(pl.DataFrame({'a': range(9)}))", "(2)", "(3)"),
    "floats of polars": Case("import polars as pl\npl.Config.set_float_precision(2)\ndef f(): return str(pl.DataFrame({'a': [1.23456]}))", "(2)", "(3)"),
    "precision of mpmath": Case("import mpmath\nmpmath.mp.dps = 5\ndef f(): return str(mpmath.pi + 0)", "= 5", "= 7"),
    "time zone": Case("import os, time\nos.environ['TZ'] = 'Europe/Berlin'; time.tzset()\ndef f(): return time.localtime(0).tm_hour", "Europe/Berlin", "America/New_York"),
    "time zone of a date": Case("import os, time, datetime\nos.environ['TZ'] = 'Europe/Berlin'; time.tzset()\ndef f(): return datetime.datetime.fromtimestamp(0).hour", "Europe/Berlin", "America/New_York"),
    "precision of what is given": Case("import decimal\ndecimal.getcontext().prec = 5\nARGS = (decimal.Decimal(1),)\ndef f(x): return str(x / 3)", "= 5", "= 7"),
    "traps": Case("import decimal\ndecimal.getcontext().traps[decimal.DivisionByZero] = False\ndef f():\n    try: return str(decimal.Decimal(1) / 0)\n    except ArithmeticError: return 'raised'", "= False", "= True"),
    "precision": Case("import decimal\ndecimal.getcontext().prec = 5\ndef f(): return str(decimal.Decimal(1) / 3)", "= 5", "= 7"),
    # Who reads an attribute: methods behind decorators, of other classes, called by an installed base.
    "method that is retried": Case("import tenacity\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @tenacity.retry(stop=tenacity.stop_after_attempt(2))\n    def go(self):\n        self.n += 1\n        return self.m\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "method behind a wrapper": Case("import functools\ndef deco(g):\n    @functools.wraps(g)\n    def w(*a): return g(*a)\n    return w\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @deco\n    def go(self): return self.m\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "method of a descriptor": Case("import functools\nclass D:\n    def __init__(self, g): self.g = g\n    def __get__(self, o, t=None): return functools.partial(self.g, o)\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @D\n    def go(self): return self.m\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "method with a memory": Case("import functools\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @functools.lru_cache\n    def go(self): return self.m\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "method by the type": Case("import functools\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @functools.singledispatchmethod\n    def go(self, x): return x\n    @go.register\n    def _(self, x: int): return self.m\nc = K('a')\ndef f(): return c.go(1)", "K('a')", "K('b')"),
    "method with a context": Case("import contextlib\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @contextlib.contextmanager\n    def open(self): yield self.m\n    def go(self):\n        with self.open() as m: return m\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "property by its name": Case("import operator\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    go = property(operator.attrgetter('m'))\nc = K('a')\ndef f(): return c.go", "K('a')", "K('b')"),
    "property behind a wrapper": Case("def deco(g): return lambda *a: g(*a)\nclass K:\n    def __init__(self, m): self.m = m; self.n = 0\n    @property\n    @deco\n    def go(self): return self.m\nc = K('a')\ndef f(): return c.go", "K('a')", "K('b')"),
    "property with a counter beside it": Case("class K:\n    def __init__(self, m): self.m = m; self.n = 0\n    def go(self):\n        self.n += 1\n        return self.m\n    @property\n    def count(self): return self.n\nc = K('a')\ndef f(): return c.go()", "K('a')", "K('b')"),
    "object that another class reads": Case("class K:\n    def __init__(self, m): self.m = m; self.n = 0\nc = K('a')\nclass A:\n    def go(self): return c.m\na = A()\ndef f(): return a.go()", "K('a')", "K('b')"),
    "object that a property of another class reads": Case("class K:\n    def __init__(self, m): self.m = m; self.n = 0\nc = K('a')\nclass A:\n    @property\n    def go(self): return c.m\ndef f(): return A().go", "K('a')", "K('b')"),
    "object that an argument reads": Case("class K:\n    def __init__(self, m): self.m = m; self.n = 0\nc = K('a')\nclass A:\n    def go(self): return c.m\nARGS = (A(),)\ndef f(x): return x.go()", "K('a')", "K('b')"),
    "method that a base of Python calls": Case("import ast\nclass V(ast.NodeVisitor):\n    def __init__(self, m): self.m = m\n    def visit_Name(self, n): return self.m\nv = V('a')\ndef f(): return v.visit(ast.parse('x', mode='eval').body)", "V('a')", "V('b')"),
    "method that an installed base calls": Case("from sklearn.base import BaseEstimator, TransformerMixin\nclass T(TransformerMixin, BaseEstimator):\n    def __init__(self, m): self.m = m\n    def fit(self, x, y=None): return self\n    def transform(self, x): return self.m\nt = T('a')\ndef f(): return t.fit_transform([1])", "T('a')", "T('b')"),
    # What libraries derive and keep for themselves says nothing.
    "adapter of types": Case("import pathlib\npathlib.Path('adapt_m.py').write_text('from pydantic import BaseModel, TypeAdapter, field_validator\\nclass M(BaseModel):\\n    x: str\\n    @field_validator(\"x\")\\n    def clean(cls, v): return v.strip()\\nt = TypeAdapter(list[M] | int)')\nfrom adapt_m import t\ndef f(x): return t.validate_python(x)[0].x\nARGS = ([{'x': ' a'}],)", "v.strip()", "v"),
    "configuration of an adapter": Case("from pydantic import ConfigDict, TypeAdapter\nt = TypeAdapter(dict[str, str], config=ConfigDict(str_to_upper=False))\ndef f(t): return t.validate_python({'a': 'b'})\nARGS = (t,)", "=False", "=True"),
    "vectorized": Case("import numpy as np\nv = np.vectorize(lambda x, k=2: x * k, otypes=[float])\ndef f(x): return v(x).tolist()\nARGS = ([1, 2],)", "k=2", "k=3"),
    "vectorized to other types": Case("import numpy as np\nv = np.vectorize(lambda x: x, otypes=[float])\ndef f(v): return str(v([1, 2]).dtype)\nARGS = (v,)", "[float]", "[int]"),
    # Who asks for the text of code gets its comments.
    "text of a helper": Case("import inspect\ndef g(x):\n    # adds one\n    return x + 1\ndef f(): return inspect.getsource(g)", "adds one", "adds 1"),
    "comments of a function": Case("from inspect import getcomments\n# a helper\ndef g(): pass\ndef f(g): return getcomments(g)\nARGS = (g,)", "a helper", "the helper"),
    # A formula is a text wherever it stands.
    "formula under a name": Case("import pandas as pd, statsmodels.formula.api as smf\ndef half(v): return v / 2\nF = 'y ~ half(x)'\ndef f(d): return round(float(smf.ols(F, d).fit().params.iloc[1]), 4)\nARGS = (pd.DataFrame({'y': [1.0, 2, 4], 'x': [1.0, 2, 3]}),)", "v / 2", "v / 4"),
    "formula given": Case("import pandas as pd, statsmodels.formula.api as smf\ndef half(v): return v / 2\nd = pd.DataFrame({'y': [1.0, 2, 4], 'x': [1.0, 2, 3]})\ndef f(formula): return round(float(smf.ols(formula, d).fit().params.iloc[1]), 4)\nARGS = ('y ~ half(x)',)", "v / 2", "v / 4"),
}  # fmt: skip
