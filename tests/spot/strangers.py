"""Programs as strangers write them: what they reach by name at run time, keep from copies, or declare to a library."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

from tests.spot.further import Case

_SQL = "import sqlalchemy as sa, os, sqlite3\nif os.path.exists('x.db'): os.remove('x.db')\nc = sqlite3.connect('x.db'); c.execute('create table t(a)'); c.execute('insert into t values(1)'); c.commit(); c.close()\nengine = sa.create_engine('sqlite:///x.db')\n"
_ORM = "import sqlalchemy as sa\nfrom sqlalchemy import Column, ForeignKey, Integer, String, event\nfrom sqlalchemy.orm import Session, declarative_base, relationship\nBase = declarative_base()\n"
_POSTS = (
    _ORM
    + "class User(Base):\n    __tablename__ = 'u'\n    id = Column(Integer, primary_key=True)\n    posts = relationship('Post', order_by='Post.t', back_populates='user')\nclass Post(Base):\n    __tablename__ = 'p'\n    id = Column(Integer, primary_key=True)\n    t = Column(String)\n    uid = Column(ForeignKey('u.id'))\n    user = relationship('User', back_populates='posts')\n@event.listens_for(Post, 'before_insert')\ndef _(mapper, connection, post): post.t += '!'\n"
    + "def f():\n    e = sa.create_engine('sqlite://'); Base.metadata.create_all(e)\n    with Session(e) as s:\n        u = User(posts=[Post(t='z'), Post(t='y')]); s.add(u); s.commit()\n        return [p.t for p in u.posts]"
)
_TOOLS = "import pathlib, sys\npathlib.Path('@').write_text('def go(): return 1')\nsys.modules.pop('@'[:-3], None)\n"
_STRUCT = "import pathlib, sys, msgspec\npathlib.Path('st_s.py').write_text('import msgspec\\nfrom typing import Annotated\\nclass A(msgspec.Struct, tag=str.lower):\\n    x: Annotated[int, msgspec.Meta(gt=0)] = 1\\n    y: list = msgspec.field(default_factory=lambda: [1])')\nsys.modules.pop('st_s', None)\nfrom st_s import A\n"
_STRUCT += "def f():\n    try: return msgspec.json.encode(A()).decode(), msgspec.convert({'type': A.__struct_config__.tag, 'x': 3}, A).x\n    except msgspec.ValidationError as e: return str(e)"

STRANGERS = {
    # What is reached through the tables that Python keeps.
    "loaded module": Case(_TOOLS.replace("@", "tools_la.py") + "import tools_la\ndef f(n): return getattr(sys.modules['tools_la'], n)()\nARGS = ('go',)", "return 1'", "return 2'"),
    "loaded module under a name": Case(_TOOLS.replace("@", "tools_lb.py") + "import tools_lb\nfrom sys import modules\nNAME = 'tools_lb'\ndef f(): return modules.get(NAME).go()", "return 1'", "return 2'"),
    "module that is not loaded": Case("import sys\ndef f(): return 'not_loaded_lc' in sys.modules, 1", ", 1", ", 2"),
    "loaded module by choice": Case(_TOOLS.replace("@", "tools_ld.py") + "import tools_ld\ndef f(n): return sys.modules[n].go()\nARGS = ('tools_ld',)", "return 1'", "return 2'", refused="chosen while it runs"),
    "namespace of a module": Case(_TOOLS.replace("@", "tools_le.py") + "import tools_le\ndef f(n): return tools_le.__dict__[n]()\nARGS = ('go',)", "return 1'", "return 2'"),
    "namespace of a function": Case("K = 1\ndef g(): pass\ndef f(): return g.__globals__['K']", "K = 1", "K = 2", refused="`__globals__`"),
    "namespace of a frame": Case("import sys\nK = 1\ndef f(): return sys._getframe().f_globals.get('K')", "K = 1", "K = 2", refused="`f_globals`"),
    "module of a function": Case(_TOOLS.replace("@", "tools_lf.py") + "import inspect, tools_lf\ndef f(): return getattr(inspect.getmodule(tools_lf.go), 'go')()", "return 1'", "return 2'", refused="`getmodule`"),
    "module of a function by its name": Case(_TOOLS.replace("@", "tools_lg.py") + "from inspect import getmodule as of\nimport tools_lg\ndef f(): return getattr(of(tools_lg.go), 'go')()", "return 1'", "return 2'", refused="`of`"),
    # Variables of the environment under names that are made while it runs.
    "prefix of variables": Case("import os\nos.environ['STRANGE_MODEL'] = 'a'\ndef env(name, default=None): return os.environ.get(f'STRANGE_{name.upper()}', default)\ndef f(): return env('model')", "= 'a'", "= 'b'"),
    "variables of a list": Case("import os\nos.environ['STRANGE_A'] = 'a'\nos.environ.pop('STRANGE_B', None)\ndef f(names): return {n: os.getenv('STRANGE_' + n) for n in names}\nARGS = (['A', 'B'],)", "os.environ.pop('STRANGE_B', None)", "os.environ['STRANGE_B'] = 'b'"),
    "variable that is a path": Case("import os\nos.environ['STRANGE_DIR'] = '/a'\ndef f(n): return os.environ['STRANGE_' + n]\nARGS = ('DIR',)", "= '/a'", "= '/b'"),
    "settings by attribute": Case("import os\nos.environ['STRANGE_T'] = 'a'\nclass S:\n    def __init__(self, prefix): self.prefix = prefix\n    def __getattr__(self, n): return os.environ[self.prefix + n.upper()]\ns = S('STRANGE_')\ndef f(): return s.t", "= 'a'", "= 'b'"),
    "variable in a text from a file": Case("import os, pathlib\nos.environ['STRANGE_E'] = 'a'\npathlib.Path('p.txt').write_text('$STRANGE_E/x')\ndef f(): return os.path.expandvars(pathlib.Path('p.txt').read_text())", "= 'a'", "= 'b'"),
    "variable that a thread reads": Case("import os\nfrom concurrent.futures import ThreadPoolExecutor\nos.environ['STRANGE_U'] = 'a'\ndef read(n): return os.environ['STRANGE_' + n]\ndef f():\n    with ThreadPoolExecutor(1) as pool: return list(pool.map(read, ['U']))", "= 'a'", "= 'b'"),
    "credential of a choice": Case("import os\nos.environ['STRANGE_API_KEY'] = 'a'\ndef f(p): return len(os.environ[p + '_API_KEY'])\nARGS = ('STRANGE',)", "= 'a'", "= 'bb'", refused="a credential"),
    "variable that the run sets": Case("import os\nos.environ['STRANGE_V'] = 'a'\ndef f(n):\n    old = os.environ['STRANGE_' + n]\n    os.environ['STRANGE_' + n] = old + 'x'\n    return old\nARGS = ('V',)", "= 'a'", "= 'b'", refused="changed"),
    # What a class leaves out of its copies is there all the same.
    "left out by getstate": Case("class Bot:\n    def __init__(self, prompt): self.prompt, self.lines = prompt, (i for i in 'ab')\n    def __getstate__(self): return {}\nb = Bot('a')\ndef f(): return b.prompt", "Bot('a')", "Bot('b')"),
    "left out by reduce": Case("class Bot:\n    def __init__(self, name, t=0): self.name, self.t = name, t\n    def __reduce__(self): return Bot, (self.name,)\nARGS = (Bot('x', 1),)\ndef f(b): return b.t", "'x', 1", "'x', 2"),
    "left out by a function beside": Case("import copyreg\nclass Bot:\n    def __init__(self, name, t=0): self.name, self.t = name, t\ncopyreg.pickle(Bot, lambda b: (Bot, (b.name,)))\nARGS = (Bot('x', 1),)\ndef f(b): return b.t", "'x', 1", "'x', 2"),
    "left out slot": Case("class A:\n    __slots__ = ('a',)\n    def __getstate__(self): return (self.a,)\n    def __setstate__(self, s): (self.a,) = s\nclass B(A):\n    __slots__ = ('b',)\nx = B(); x.a, x.b = 1, 2\nARGS = (x,)\ndef f(x): return x.a + x.b", "1, 2", "1, 3"),
    "left out parent": Case("class Node:\n    def __init__(self, n, up=None):\n        self.n, self.up, self.kids = n, up, []\n        if up: up.kids.append(self)\n    def __getstate__(self): return {'n': self.n, 'kids': self.kids}\nARGS = (Node(2, Node(1)),)\ndef f(k): return k.up.n", "Node(1)", "Node(3)"),
    # What libraries make of what the user declares, and fill in when it is first used.
    "limit of a field of a structure": Case(_STRUCT, "gt=0", "gt=5"),
    "tag of a structure": Case(_STRUCT.replace("st_s", "st_t"), "str.lower", "str.upper"),
    "factory of a structure": Case(_STRUCT.replace("st_s", "st_u"), "[1]", "[2]"),
    "relationship": Case(_POSTS, "order_by='Post.t'", "order_by='Post.t.desc()'"),
    "listener of a mapped class": Case(_POSTS.replace("'p'", "'q'"), "'!'", "'?'"),
    "listener of an attribute": Case(_ORM + "class U(Base):\n    __tablename__ = 'u'\n    id = Column(Integer, primary_key=True)\n    name = Column(String)\n@event.listens_for(U.name, 'set', retval=True)\ndef up(target, value, old, init): return value.upper()\ndef f(): return U(name='a').name", "value.upper()", "value * 2"),
    "listener of an engine": Case(_SQL + "@sa.event.listens_for(engine, 'before_cursor_execute', retval=True)\ndef tag(conn, cursor, statement, parameters, context, many): return statement.replace('from', ', 7 from'), parameters\ndef f():\n    with engine.connect() as c: return [tuple(r) for r in c.execute(sa.text('select a from t'))]", ", 7 from", ", 8 from"),
    "statement": Case("import sqlalchemy as sa\nt = sa.Table('t', sa.MetaData(), sa.Column('a', sa.Integer), sa.Column('b', sa.String(9)))\nARGS = (sa.select(t.c.a).where(t.c.b == 'k', t.c.a.in_([1, 2])).limit(3),)\ndef f(q): return str(q.compile(compile_kwargs={'literal_binds': True}))", "'k'", "'l'"),
    "values of a statement": Case("import sqlalchemy as sa\nt = sa.Table('t', sa.MetaData(), sa.Column('a', sa.Integer))\nQ = sa.select(t.c.a).where(t.c.a.in_([1, 2]))\ndef f(): return str(Q.compile(compile_kwargs={'literal_binds': True}))", "[1, 2]", "[1, 3]"),
    "name of a column": Case("import sqlalchemy as sa\nt = sa.Table('t', sa.MetaData(), sa.Column('a', sa.Integer))\nQ = sa.select(t)\ndef f(): return str(Q)", "Column('a'", "Column('b'"),
    "statement over a mapped class": Case(_ORM + "class U(Base):\n    __tablename__ = 'u'\n    id = Column(Integer, primary_key=True)\nARGS = (sa.select(sa.func.count(U.id)),)\ndef f(q): return str(q)", "func.count", "func.max"),
    "order of a key": Case("import functools\nKEY = functools.cmp_to_key(lambda a, b: a - b)\ndef f(xs): return sorted(xs, key=KEY)\nARGS = ([2, 1],)", "a - b", "b - a"),
    "attribute of a dataset": Case("import xarray as xr\nARGS = (xr.Dataset({'a': ('x', [1.0])}),)\ndef f(d): return float(d.a.mean())", "[1.0]", "[2.0]"),
    "attributes that are set": Case("import xarray as xr\nd = xr.Dataset({'a': ('x', [1.0])}); d.attrs['u'] = 'm'\nARGS = (d,)\ndef f(d): return d.attrs", "'m'", "'km'"),
    "accessor of xarray": Case("import xarray as xr\n@xr.register_dataset_accessor('strange')\nclass G:\n    def __init__(self, d): self.d = d\n    def mid(self): return float(self.d.a.mean()) + 1\nARGS = (xr.Dataset({'a': ('x', [1.0])}),)\ndef f(d): return d.strange.mid()", "+ 1", "+ 2"),
    "commands of click": Case("import click\nfrom click.testing import CliRunner\n@click.group()\ndef cli(): pass\n@cli.command()\n@click.option('--n', default=3)\ndef hi(n): click.echo(f'hi {n}')\ndef f(a): return CliRunner().invoke(cli, a).output\nARGS = (['hi'],)", "default=3", "default=4"),
    "schema of marshmallow": Case("from marshmallow import Schema, fields, post_load\nclass S(Schema):\n    age = fields.Int(load_default=3)\n    @post_load\n    def up(self, d, **k): return d | {'b': 1}\ndef f(d): return S().load(d)\nARGS = ({},)", "load_default=3", "load_default=4"),
    "hook of a schema": Case("from marshmallow import Schema, fields, post_load\nclass S(Schema):\n    age = fields.Int()\n    @post_load\n    def up(self, d, **k): return d | {'b': 1}\ns = S()\ndef f(d): return s.load(d)\nARGS = ({},)", "'b': 1", "'b': 2"),
    "fitted model": Case("import pandas as pd, statsmodels.api as sm\nd = pd.DataFrame({'y': [1.0, 2, 4, 3], 'x': [1.0, 2, 3, 5]})\nARGS = (sm.OLS(d.y, sm.add_constant(d.x)).fit(),)\ndef f(r): return round(float(r.params['x']), 4)", "3, 5]", "3, 6]"),
    "unit of one's own": Case("import astropy.units as u\nbale = u.def_unit('bale', 5 * u.kg)\ndef f(): return float((2 * bale).to_value(u.kg))", "5 * u.kg", "6 * u.kg"),
}  # fmt: skip
