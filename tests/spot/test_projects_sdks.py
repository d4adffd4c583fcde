"""Projects of several files give under a mark what they give without one: in fresh processes, before and after an edit."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.spot.seven import sessions, verdicts

ONE = """
import json, os, pathlib, sys
os.environ["SPOTMAGIC_OFF"] = sys.argv[2]
import spotmagic
spot = spotmagic.Spot("projects", root=sys.argv[1])
said = {}
for folder in sorted(pathlib.Path(".").iterdir()):
    sys.path.insert(0, str(folder.resolve()))
    here = pathlib.os.getcwd()
    pathlib.os.chdir(folder)
    import importlib
    found = importlib.import_module("main_" + folder.name)
    marked = spot.mark(found.f)
    value = repr([marked(*args) for args in getattr(found, "CALLS", [getattr(found, "ARGS", ())])])
    told = spotmagic.last()
    pathlib.os.chdir(here)
    sys.path.pop(0)
    for name in [name for name, one in sys.modules.items() if str(folder.resolve()) in str(getattr(one, "__file__", ""))]:
        del sys.modules[name]
    said[folder.name] = [value, getattr(told, "verdict", ""), getattr(told, "reason", "")]
print(json.dumps(said))
"""


class Project(NamedTuple):
    """Files by name, ``main`` among them, which has ``f`` and may name ``ARGS``, or ``CALLS`` for several; the file that is edited, and how."""

    files: dict[str, str]
    edited: str
    old: str
    new: str


def _pickled(number: int, read: str, more: str = "", helper: str = "K = 1") -> dict[str, str]:
    """A project that reads a pickle of an object of its own, and does not name its class."""
    return {
        "main": f"import os, pickle\nimport dump_{number}{more}\ndef f(): return {read}.go(3)",
        f"dump_{number}.py": f"import os, pickle\nif not os.path.exists('m.pkl'):\n    import joblib, shelve, kept_{number}\n    one = kept_{number}.Kept()\n    pickle.dump(one, open('m.pkl', 'wb'))\n    joblib.dump(one, 'm.job')\n    with shelve.open('m') as kept: kept['one'] = one",
        f"kept_{number}.py": f"from more_{number} import K\nclass Kept:\n    def go(self, x): return x * 2 + K",
        f"more_{number}.py": helper,
    }


NEW_FILE = ""  # the edit puts a file beside the one that it names


def _kept(text: str, asked: str) -> dict[str, str]:
    """A project whose helper keeps what it gives, and that asks it in two calls."""
    read = "import pathlib\nHERE = pathlib.Path('.')\ndef read(n): return (HERE / (n + '.txt')).read_text()\n"
    return {
        "main": f"from kept import *\ndef f(q): return {asked} + q\nCALLS = [('a',), ('b',)]",
        "kept.py": read + text,
        "t.txt": "one",
    }


def _inside(number: int, lib: str, body: str, before: str = "", more: dict[str, str] | None = None) -> dict[str, str]:
    """A project whose function imports a module when it runs, and is called twice."""
    main = f"{before}\ndef f(q):\n    {body}\nCALLS = [('a',), ('b',)]"
    return {"main": main, f"lib_i{number}.py": lib, **(more or {})}


PROJECTS = {
    "constant_among_builtins": Project({"main": "import set_b1\nfrom lib_b1 import f", "set_b1.py": "import builtins\nbuiltins.P_LEVEL = 1", "lib_b1.py": "def f(): return P_LEVEL"}, "set_b1.py", "= 1", "= 2"),
    "function_among_builtins": Project({"main": "import set_b2\nfrom lib_b2 import f", "set_b2.py": "import builtins\ndef size(x): return len(x) + 1\nbuiltins.p_size = size", "lib_b2.py": "def f(): return p_size([])"}, "set_b2.py", "+ 1", "+ 2"),
    "class_among_builtins": Project({"main": "import set_b3\nfrom lib_b3 import f", "set_b3.py": "import builtins\nclass T:\n    k = 1\nbuiltins.PThing = T", "lib_b3.py": "def f(): return PThing().k"}, "set_b3.py", "k = 1", "k = 2"),
    "object_among_builtins": Project({"main": "import set_b4\nfrom lib_b4 import f", "set_b4.py": "import builtins\nclass T:\n    def __init__(self): self.k = 1\n    def __call__(self): return self.k\nbuiltins.p_call = T()", "lib_b4.py": "def f(): return p_call()"}, "set_b4.py", "self.k = 1", "self.k = 2"),
    "module_among_builtins": Project({"main": "import set_b5\nfrom lib_b5 import f", "set_b5.py": "import builtins, tool_b5\nbuiltins.p_tools = tool_b5", "tool_b5.py": "def go(): return 1", "lib_b5.py": "def f(): return p_tools.go()"}, "tool_b5.py", "return 1", "return 2"),
    "default_of_a_builtin": Project({"main": "import set_b6\nfrom lib_b6 import f", "set_b6.py": "import builtins\nbuiltins.p_go = lambda x=1: x", "lib_b6.py": "def f(): return p_go()"}, "set_b6.py", "x=1", "x=2"),
    "translations_installed": Project({"main": "import set_b7\nfrom lib_b7 import f", "set_b7.py": "import builtins\nbuiltins._ = {'a': 'b'}.get", "lib_b7.py": "def f(): return _('a')"}, "set_b7.py", "'b'", "'c'"),
    "class_of_a_module": Project({"main": "import cfg_c1\ndef f(): return cfg_c1.level", "cfg_c1.py": "import sys, types\nBASE = 1\nclass M(types.ModuleType):\n    @property\n    def level(self): return BASE * 2\nsys.modules[__name__].__class__ = M"}, "cfg_c1.py", "BASE = 1", "BASE = 2"),
    "class_of_a_module_asked_for_any_name": Project({"main": "import cfg_c2\ndef f(): return cfg_c2.hot", "cfg_c2.py": "import sys, types\nclass M(types.ModuleType):\n    def __getattr__(self, n): return n + 'a'\nsys.modules[__name__].__class__ = M"}, "cfg_c2.py", "'a'", "'b'"),
    "class_of_a_module_that_is_given": Project({"main": "import cfg_c3\ndef f(m): return m.level\nARGS = (cfg_c3,)", "cfg_c3.py": "import sys, types\nclass M(types.ModuleType):\n    @property\n    def level(self): return 1\nsys.modules[__name__].__class__ = M"}, "cfg_c3.py", "return 1", "return 2"),
    "class_of_a_module_that_can_be_called": Project({"main": "import cfg_c4\ndef f(): return cfg_c4(1)", "cfg_c4.py": "import sys, types\nclass M(types.ModuleType):\n    def __call__(self, x): return x + 1\nsys.modules[__name__].__class__ = M"}, "cfg_c4.py", "+ 1", "+ 2"),
    # What a pickle names counts, though no code does.
    "class_of_a_pickle": Project(_pickled(1, "pickle.load(open('m.pkl', 'rb'))"), "kept_1.py", "x * 2", "x * 5"),
    "class_of_a_pickle_in_bytes": Project(_pickled(2, "pickle.loads(open('m.pkl', 'rb').read())"), "kept_2.py", "x * 2", "x * 5"),
    "helper_of_the_class_of_a_pickle": Project(_pickled(3, "load(open('m.pkl', 'rb'))", "\nfrom pickle import load"), "more_3.py", "K = 1", "K = 4"),
    "class_of_a_pickle_of_pandas": Project(_pickled(4, "pd.read_pickle('m.pkl')", "\nimport pandas as pd"), "kept_4.py", "x * 2", "x * 5"),
    "class_of_an_unpickler": Project(_pickled(5, "pickle.Unpickler(open('m.pkl', 'rb')).load()"), "kept_5.py", "x * 2", "x * 5"),
    "class_of_an_unpickler_in_python": Project(_pickled(6, "pickle._Unpickler(open('m.pkl', 'rb')).load()"), "kept_6.py", "x * 2", "x * 5"),
    "class_of_a_pickle_of_joblib": Project(_pickled(7, "joblib.load('m.job')", "\nimport joblib"), "kept_7.py", "x * 2", "x * 5"),
    "class_of_a_shelf": Project(_pickled(8, "shelve.open('m', 'r')['one']", "\nimport shelve"), "kept_8.py", "x * 2", "x * 5"),
    "class_of_a_pickle_read_by_a_subclass": Project(_pickled(9, "Mine(open('m.pkl', 'rb')).load()", "\nclass Mine(pickle.Unpickler):\n    def find_class(self, module, name): return super().find_class(module, name)"), "kept_9.py", "x * 2", "x * 5"),
    "class_of_a_pickle_read_by_way_of_a_table": Project(_pickled(10, "READS['pkl'](open('m.pkl', 'rb').read())", "\nREADS = {'pkl': pickle.loads}"), "kept_10.py", "x * 2", "x * 5"),
    "class_of_a_pickle_read_in_a_thread": Project(_pickled(11, "list(futures.ThreadPoolExecutor(1).map(pickle.loads, [open('m.pkl', 'rb').read()]))[0]", "\nfrom concurrent import futures"), "kept_11.py", "x * 2", "x * 5"),
    "class_of_a_pickle_that_a_function_keeps": Project(_pickled(12, "0") | {"main": "import functools, os, pickle, dump_12\n@functools.cache\ndef model(): return pickle.load(open('m.pkl', 'rb'))\ndef f(x): return model().go(x)\nCALLS = [(3,), (4,)]"}, "kept_12.py", "x * 2", "x * 5"),
    # What a function keeps that read a file once counts for each call that asks it.
    "lru_cache_over_a_file": Project(_kept("import functools\n@functools.lru_cache\ndef get(n): return read(n)", "get('t')"), "t.txt", "one", "two"),
    "lru_cache_over_a_helper": Project(_kept("import functools\n@functools.cache\ndef get(n): return half(n) * 2\ndef half(n): return read(n)", "get('t')"), "t.txt", "one", "two"),
    "lru_cache_over_another": Project(_kept("import functools\n@functools.cache\ndef get(n): return half(n) * 2\n@functools.cache\ndef half(n): return read(n)", "half('t') + get('t')"), "t.txt", "one", "two"),
    "lru_cache_of_a_static_method": Project(_kept("import functools\nclass K:\n    @staticmethod\n    @functools.cache\n    def get(n): return read(n)", "K.get('t')"), "t.txt", "one", "two"),
    "lru_cache_of_a_class_method": Project(_kept("import functools\nclass K:\n    @classmethod\n    @functools.cache\n    def get(cls, n): return read(n)", "K.get('t')"), "t.txt", "one", "two"),
    "lru_cache_under_a_retry": Project(_kept("import functools, tenacity\n@tenacity.retry(reraise=True)\n@functools.cache\ndef get(n): return read(n)", "get('t')"), "t.txt", "one", "two"),
    "cached_property_of_a_global": Project(_kept("import functools\nclass P:\n    @functools.cached_property\n    def text(self): return read('t')\np = P()", "p.text"), "t.txt", "one", "two"),
    "cached_property_of_an_argument": Project({"main": "import pathlib, functools\nclass P:\n    @functools.cached_property\n    def text(self): return (pathlib.Path('.') / ('t' + '.txt')).read_text()\np = P()\ndef f(p, q): return p.text + q\nCALLS = [(p, 'a'), (p, 'b')]", "t.txt": "one"}, "t.txt", "one", "two"),
    "memo_in_a_closure": Project(_kept("import functools\ndef memo(g):\n    kept = {}\n    @functools.wraps(g)\n    def go(*a):\n        if a not in kept: kept[a] = g(*a)\n        return kept[a]\n    return go\n@memo\ndef get(n): return read(n)", "get('t')"), "t.txt", "one", "two"),
    "cache_of_cachetools": Project(_kept("import cachetools\n@cachetools.cached(cachetools.LRUCache(9))\ndef get(n): return read(n)", "get('t')"), "t.txt", "one", "two"),
    "lru_cache_over_a_table": Project(_kept("import functools, pandas as pd\n@functools.cache\ndef get(n): return pd.read_csv(HERE / (n + '.txt')).columns[0]", "get('t')"), "t.txt", "one", "two"),
    "lru_cache_over_a_list_of_a_folder": Project(_kept("import functools\n@functools.cache\ndef get(n): return ''.join(sorted(p.stem for p in (HERE / n).iterdir()))", "get('d')") | {"d/one.md": "x"}, "d/one.md", "x", NEW_FILE),
    "lru_cache_over_a_variable": Project(_kept("import functools, os\nos.environ['KEPT_T'] = 'one'\n@functools.cache\ndef get(n): return os.environ['KEPT_' + n.upper()]", "get('t')"), "kept.py", "'one'", "'two'"),
    # Modules that a function imports when it runs count as they are, if they were loaded before, and as their text says.
    "text_of_a_module_imported_inside": Project(_inside(1, "import pathlib\nTEXT = pathlib.Path('t' + '.txt').read_text()", "from lib_i1 import TEXT\n    return TEXT + q", more={"t.txt": "one"}), "t.txt", "one", "two"),
    "text_of_a_module_loaded_before": Project(_inside(2, "import pathlib\nTEXT = pathlib.Path('t' + '.txt').read_text()", "import lib_i2\n    return lib_i2.TEXT + q", "import lib_i2 as _", {"t.txt": "one"}), "t.txt", "one", "two"),
    "table_of_a_module_imported_inside": Project(_inside(3, "TABLE = {}", "from lib_i3 import TABLE\n    return TABLE['k'] + q", "import lib_i3\nlib_i3.TABLE['k'] = 'a'"), "main", "= 'a'", "= 'b'"),
    "function_put_into_a_table_by_another": Project(_inside(4, "HANDLERS = []\ndef register(g):\n    HANDLERS.append(g)\n    return g\ndef run(q): return [g(q) for g in HANDLERS]", "from lib_i4 import run\n    return run(q)", "import plug_i4", {"plug_i4.py": "import lib_i4\n@lib_i4.register\ndef mine(q): return q + '1'"}), "plug_i4.py", "'1'", "'2'"),
    "settings_told_to_a_module_imported_inside": Project(_inside(5, "_settings = {}\ndef configure(m): _settings['m'] = m\ndef run(q): return _settings['m'] + q", "from lib_i5 import run\n    return run(q)", "import lib_i5\nlib_i5.configure('a')"), "main", "configure('a')", "configure('b')"),
    "module_behind_one_that_a_run_loads": Project(_inside(6, "from set_i6 import TABLE\ndef run(q): return TABLE['k'] + q", "from lib_i6 import run\n    return run(q)", "import set_i6\nset_i6.TABLE['k'] = 'a'", {"set_i6.py": "TABLE = {}"}), "main", "= 'a'", "= 'b'"),
    "package_of_which_a_run_loads_a_module": Project(_inside(7, "from pack_i7 import levels\ndef go(q): return levels.LEVEL[q]", "import pack_i7.core\n    return pack_i7.core.go(q)", "import pack_i7.levels\npack_i7.levels.LEVEL = {'a': 1, 'b': 2}", {"pack_i7/__init__.py": "", "pack_i7/levels.py": "LEVEL = {}", "pack_i7/core.py": "from . import levels\ndef go(q): return levels.LEVEL[q]"}), "main", "'b': 2", "'b': 3"),
    "variable_read_in_a_module_imported_inside": Project(_inside(8, "import os\nMODEL = os.environ['INSIDE_8']\ndef run(q): return os.environ['INSIDE_8'] + q", "from lib_i8 import MODEL, run\n    return MODEL + run(q)", "import os\nos.environ['INSIDE_8'] = 'a'"), "main", "= 'a'", "= 'b'"),
    "variables_of_a_file_that_a_module_loads": Project(_inside(9, "import os\nfrom dotenv import load_dotenv\nload_dotenv('.env')\ndef run(q): return os.environ['INSIDE_9'] + q", "from lib_i9 import run\n    return run(q)", more={".env": "INSIDE_9=a"}), ".env", "=a", "=b"),
    "settings_of_a_module_imported_inside": Project(_inside(10, "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    model_config = {'env_file': '.env', 'env_prefix': 'INSIDE_10_'}\n    model: str = 'z'\nsettings = S()", "from lib_i10 import settings\n    return settings.model + q", more={".env": "INSIDE_10_MODEL=a"}), ".env", "=a", "=b"),
    "settings_that_a_function_keeps": Project({"main": "from functools import cache\nfrom pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    model_config = {'env_file': '.env', 'env_prefix': 'INSIDE_11_'}\n    model: str = 'z'\n@cache\ndef settings(): return S()\ndef f(q): return settings().model + q\nCALLS = [('a',), ('b',)]", ".env": "INSIDE_11_MODEL=a"}, ".env", "=a", "=b"),
    "variable_of_os_imported_inside": Project(_inside(12, "", "from os import environ\n    return environ['INSIDE_12'] + q", "import os\nos.environ['INSIDE_12'] = 'a'"), "main", "= 'a'", "= 'b'"),
    "function_of_python_replaced_and_imported_inside": Project(_inside(13, "", "import textwrap\n    return textwrap.shorten(q, 9)", "import textwrap\ntextwrap.shorten = lambda q, n: q + '1'"), "main", "'1'", "'2'"),
    "attribute_of_a_class_imported_inside": Project(_inside(14, "class Limits:\n    most = None", "from lib_i14 import Limits\n    return Limits().most, q", "import lib_i14\nlib_i14.Limits.most = 5"), "main", "= 5", "= 6"),
    "modules_that_import_each_other": Project({"main": "import lib_i15\nHANDLERS = {}\ndef register(g):\n    HANDLERS[g.__name__] = g\n    return g\nimport plug_i15\nf = lib_i15.run\nCALLS = [('go',)]", "lib_i15.py": "def run(n):\n    import main_modules_that_import_each_other as main\n    return main.HANDLERS[n]()", "plug_i15.py": "from main_modules_that_import_each_other import register\n@register\ndef go(): return 1"}, "plug_i15.py", "return 1", "return 2"),
    # What asks the environment counts where it is held, too.
    "environment_as_a_default": Project({"main": "import os\nos.environ['HELD_1'] = 'a'\ndef env(name, get=os.getenv): return get(name)\ndef f(): return env('HELD_1')"}, "main", "= 'a'", "= 'b'"),
    "environment_in_a_class": Project({"main": "import os\nos.environ['HELD_2'] = 'a'\nclass E:\n    get = staticmethod(os.environ.get)\ndef f(): return E.get('HELD_2')"}, "main", "= 'a'", "= 'b'"),
    "environment_in_a_table": Project({"main": "import os\nos.environ['HELD_3'] = 'a'\nREAD = {'env': os.environ.get, 'other': os.getenv}\ndef f(): return READ['env']('HELD_3')"}, "main", "= 'a'", "= 'b'"),
    "environment_in_a_partial": Project({"main": "import functools, os\nos.environ['HELD_4'] = 'a'\nmodel = functools.partial(os.getenv, 'HELD_4')\ndef f(): return model()"}, "main", "= 'a'", "= 'b'"),
    "environment_by_a_name_of_os": Project({"main": "import os\nos.environ['HELD_5'] = 'a'\ndef f(): return getattr(os, 'getenv')('HELD_5')"}, "main", "= 'a'", "= 'b'"),
    "environment_of_another_module": Project({"main": "import os, lib_h6\nos.environ['HELD_6'] = 'a'\ndef f(): return lib_h6.env('HELD_6')", "lib_h6.py": "import os\nenv = os.environ.get"}, "main", "= 'a'", "= 'b'"),
    "working_directory_as_a_default": Project({"main": "import os\nos.makedirs('w1', exist_ok=True); os.makedirs('w2', exist_ok=True)\nos.chdir('w1')\ndef where(get=os.getcwd): return os.path.basename(get())\ndef f(): return where()"}, "main", "chdir('w1')", "chdir('w2')"),
}  # fmt: skip


def _write(root: Path, *, edited: bool) -> None:
    for name, project in PROJECTS.items():
        for file, text in project.files.items():
            more = root / name / f"{file}.new"
            more.unlink(missing_ok=True)
            if edited and file == project.edited:
                assert project.old in text
                if project.new == NEW_FILE:
                    more.write_text("")
                else:
                    text = text.replace(project.old, project.new)
            path = root / name / (f"main_{name}.py" if file == "main" else file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("projects")
    (root := home / "work").mkdir()

    def begin(name: str) -> list[str]:
        _write(root, edited="edited" in name)
        return ["-c", ONE, str(home / "spots"), "1" if "plain" in name else ""]

    return sessions(begin, home, root)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_gives_what_it_gives_without_a_mark(said: dict[str, Any], name: str) -> None:
    one = {session: each[name] for session, each in said.items()}
    values = {session: value for session, (value, *_) in one.items()}
    found = verdicts(values, {session: verdict for session, (_, verdict, _) in one.items()})
    assert values["plain"] != values["plain edited"], "the edit shows"
    assert found == ["ran", "hit", "ran", "hit", "hit"], one
