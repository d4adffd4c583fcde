"""What a cell reads before it has surely written it, what it binds and unbinds: a row for each form of code."""

from __future__ import annotations

import builtins
import sys

import pytest

from spotmagic.code.cell import analyse


def names(text: str) -> set[str]:
    return set(text.split())


def own(found: frozenset[str]) -> set[str]:
    return {name for name in found if not hasattr(builtins, name) and name != "get_ipython"}


ROWS = [
    # source, reads, writes, deletes
    ("x = 1\nprint(x + y)", "y", "x", ""),
    ("x += 1", "x", "x", ""),
    ("x = 0\nx += y", "y", "x", ""),
    ("x[0] += y", "x y", "", ""),
    ("x.a = y", "x y", "", ""),
    ("x: int = y", "y", "x", ""),
    ("x: T", "T", "", ""),
    ("a = b = c", "c", "a b", ""),
    ("a, (b, *c) = d", "d", "a b c", ""),
    ("[a, b[i]] = d", "b d i", "a", ""),
    ("a, a[0] = b", "b", "a", ""),
    ("x = x + 1", "x", "x", ""),
    ("del x", "x", "", "x"),
    ("x = 1\ndel x\nprint(x)", "x", "x", "x"),
    ("del a.b, c[d]", "a c d", "", ""),
    ("x = 1\ndel (x)", "", "x", "x"),
    # walrus and conditions
    ("if (n := f(a)) > 1:\n    print(n)\nprint(n)", "a f", "n", ""),
    ("a and (b := c)\nprint(b)", "a b c", "b", ""),
    ("if (a := f()) and (b := g(a)):\n    print(a, b)", "f g", "a b", ""),
    ("if not (a and (b := c)):\n    print(b)\nelse:\n    d = b", "a b c", "b d", ""),
    ("if a or (b := c):\n    pass\nelse:\n    print(b)", "a c", "b", ""),
    ("assert (m := f())\nprint(m)", "f", "m", ""),
    ("x = (b := 1) if c else 2\nprint(b)", "b c", "b x", ""),
    ("p < (q := r) < (s := t)\nprint(q, s)", "p r s t", "q s", ""),
    ("if a:\n    x = 1\nprint(x)", "a x", "x", ""),
    ("if a:\n    x = 1\nelse:\n    x = 2\nprint(x)", "a", "x", ""),
    ("if a:\n    x = 1\nelif b:\n    raise E\nelse:\n    x = 3\nprint(x)", "E a b", "x", ""),
    ("if True:\n    x = 1\nprint(x)", "", "x", ""),
    ("if False:\n    x = y\nz = 1", "", "z", ""),
    # loops
    ("for i in xs:\n    t = i\nprint(i, t)", "i t xs", "i t", ""),
    ("for i in range(3):\n    t = i\nprint(i, t)", "", "i t", ""),
    ("for i in (a, b):\n    t = i\nprint(t)", "a b", "i t", ""),
    ("for i, (j, *k) in xs: pass", "xs", "i j k", ""),
    ("for x.a in xs: pass", "x xs", "", ""),
    ("for i in xs:\n    if i: break\nelse:\n    r = 1\nprint(r)", "r xs", "i r", ""),
    ("for i in xs:\n    r = i\n    break\nelse:\n    r = 1\nprint(r)", "xs", "i r", ""),
    ("for i in xs:\n    if i: continue\n    r = i\nprint(r)", "r xs", "i r", ""),
    ("while True:\n    x = f()\n    if x: break\nprint(x)", "f", "x", ""),
    ("while (x := f()):\n    y = x\nprint(x, y)", "f y", "x y", ""),
    ("while a:\n    x = 1\nelse:\n    x = 2\nprint(x)", "a", "x", ""),
    ("x = 1\nfor i in xs:\n    print(x)\n    del x", "x xs", "i x", "x"),
    ("async for i in xs:\n    t = i", "xs", "i t", ""),
    # try, with, match
    ("try:\n    x = f()\nexcept ValueError:\n    x = 0\nprint(x)", "f", "x", ""),
    ("try:\n    x = f()\nexcept ValueError:\n    pass\nprint(x)", "f x", "x", ""),
    ("try:\n    x = f()\nfinally:\n    print(x)", "f x", "x", ""),
    ("try:\n    x = f()\nfinally:\n    y = 1\nprint(x, y)", "f", "x y", ""),
    ("try:\n    x = f()\nexcept E:\n    raise\nelse:\n    y = x\nprint(y)", "E f", "x y", ""),
    ("try:\n    f()\nexcept E as e:\n    print(e)\nprint(e)", "E e f", "e", "e"),
    ("try:\n    f()\nexcept* E as e:\n    a = e\nprint(a)", "E a f", "a e", "e"),
    ("while True:\n    try:\n        x = 1\n        break\n    finally:\n        del x\nprint(x)", "x", "x", "x"),
    ("with open(p) as f:\n    d = f.read()\nprint(d)", "p", "d f", ""),
    ("with suppress(E):\n    d = g()\nprint(d)", "E d g suppress", "d", ""),
    ("with a as b, b.c as (d, e): pass", "a", "b d e", ""),
    ("async with a as b:\n    await b", "a", "b", ""),
    ("match p:\n    case [a, *b]: r = a\n    case {'k': c, **d}: r = c\nprint(r)", "p r", "a b c d r", ""),
    ("match p:\n    case K(x=e) as g: r = e\n    case _: r = 0\nprint(r)", "K p", "e g r", ""),
    ("match p:\n    case 1 | 2: r = 1\n    case C.D: r = 2\nprint(r)", "C p r", "r", ""),
    ("match p:\n    case a if a > m: r = 1\n    case b: r = b\nprint(r)", "m p", "a b r", ""),
    ("match p:\n    case [a] | [_, a]: q = a", "p", "a q", ""),
    # comprehensions
    ("[i * k for i in xs if i > m]", "k m xs", "", ""),
    ("{i: j for i, j in xs for j in ys[i]}", "xs ys", "", ""),
    ("i = 1\n[i for i in xs]\nprint(i)", "xs", "i", ""),
    ("[(last := i) for i in xs]\nprint(last)", "last xs", "last", ""),
    ("list(x for x in x)", "x", "", ""),
    ("[y for x in xs if (y := f(x))]", "f xs", "y", ""),
    ("[[b for b in a] for a in c]", "c", "", ""),
    ("[await f(x) async for x in xs]", "f xs", "", ""),
    # functions
    ("def f():\n    return N", "N", "f", ""),
    ("N = 3\ndef f():\n    return N\nf()", "", "N f", ""),
    ("def f():\n    return N\nN = 3\nf()", "", "N f", ""),
    ("def f():\n    return N\nout = f()\nN = 3", "N", "N f out", ""),
    ("def f():\n    return g()\ndef g():\n    return N\nN = 3\nf()", "", "N f g", ""),
    ("def f():\n    return g()\nout = f()\ndef g():\n    return 1", "g", "f g out", ""),
    ("def f(a, *b, c=d, **e) -> T:\n    return a, b, c, e", "T d", "f", ""),
    ("@dec(x)\ndef f(): pass", "dec x", "f", ""),
    ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += y\n    return g", "y", "f", ""),
    ("def f():\n    global n\n    n = 1\nf()", "", "f n", ""),
    ("def f():\n    global n\n    n += 1\nn = 0\nf()", "", "f n", ""),
    ("def f():\n    global n\n    n += 1", "n", "f n", ""),
    ("n = 1\ndef f():\n    global n\n    del n\nf()\nprint(n)", "n", "f n", "n"),
    ("def f():\n    print(x)\n    x = 1", "", "f", ""),
    ("def f():\n    def g(): return x\n    x = 1\n    return g", "", "f", ""),
    ("def f():\n    import a.b\n    return a.b(c)", "c", "f", ""),
    ("def f(x=lambda: y): pass", "y", "f", ""),
    ("g = lambda a, b=c: a + b + d", "c d", "g", ""),
    ("g = lambda: d\nd = 1\ng()", "", "d g", ""),
    ("xs.sort(key=lambda r: r[k])", "k xs", "", ""),
    ("async def f():\n    async with a as b:\n        yield b", "a", "f", ""),
    ("def f(x: 'Doc') -> 'list[Out]': pass", "Doc Out", "f", ""),
    ("def f(n):\n    return f(n - 1)\nf(3)", "", "f", ""),
    ("def f():\n    try:\n        raise V\n    except E as e:\n        return e", "E V", "f", ""),
    # classes
    ("class A(B, metaclass=M):\n    x = y\n    z = x", "B M y", "A", ""),
    ("class A:\n    def m(self): return A, h\nA()", "h", "A", ""),
    ("class A:\n    def m(self): return h\ndef h(): pass\nA().m()", "", "A h", ""),
    ("x = 1\nclass A:\n    x = x\n    del x\n    y = x", "", "A x", ""),
    ("class A:\n    if c:\n        x = 1\n    y = x", "c x", "A", ""),
    ("class A:\n    x = 1\n    ys = [x for _ in a]\n    zs = [z for z in (x,)]", "a x", "A", ""),
    ("class A:\n    x = 1\n    def m(self): return x", "x", "A", ""),
    ("class A:\n    f: list = field(default_factory=lambda: mk())\ndef mk(): pass", "field", "A mk", ""),
    ("class A:\n    p = property(lambda self: mk())\ndef mk(): pass", "", "A mk", ""),
    ("class A:\n    t = (lambda n=1: k)()\nk = 1", "k", "A k", ""),
    ("class A:\n    t = sorted(xs, key=lambda x: k)\nk = 1", "xs k", "A k", ""),
    ("class A:\n    t = lambda: k\nk = 1", "", "A k", ""),
    ("class A:\n    t = lambda: k\n    u = t()\nk = 1", "k", "A k", ""),
    ("class A:\n    def f(): return k\n    u = f()\nk = 1", "k", "A k", ""),
    ("class A:\n    def f(g): return k\n    @f\n    def h(self): pass\nk = 1", "k", "A k", ""),
    ("class A:\n    class B:\n        def f(): return A\n        u = f()", "A", "A", ""),
    ("class A:\n    global g\n    g = 1", "", "A g", ""),
    ("class A:\n    class B:\n        def m(self): return q", "q", "A", ""),
    ("class A:\n    n = __qualname__\n    m = __module__", "", "A", ""),
    # imports
    ("import a.b, c as d\nfrom e import f, g as h", "", "a d f h", ""),
    ("try:\n    import a as j\nexcept ImportError:\n    j = None\nprint(j)", "", "j", ""),
    ("from m import *\nx = sin(1)", "sin", "x", ""),
    # text that hides names
    ("get_ipython().system('ls {x} $y {z.a} {f(w)} $$HOME')", "f w x y z", "", ""),
    ("out = get_ipython().getoutput('cat {x}')", "x", "out", ""),
    ("get_ipython().system(\"awk '{print $1}' {p}\")", "p", "", ""),
    ("get_ipython().run_line_magic('cd', '{d}')", "d", "", ""),
    ("get_ipython().run_line_magic('time', 'x = f(y)')\nprint(x)", "f y", "x", ""),
    ("get_ipython().run_line_magic('timeit', '-n 10 -r3 f(z)')", "f z", "", ""),
    ("get_ipython().run_line_magic('timeit', 'f(z)')", "f z", "", ""),
    ("get_ipython().run_cell_magic('capture', 'out err', 'x = f(y)\\n')\nprint(x, out, err)", "f y", "err out x", ""),
    ("get_ipython().run_cell_magic('time', '', 'x = 1\\ny = x + z')", "z", "x y", ""),
    ("get_ipython().run_cell_magic('bash', '--out o {p}', 'echo $x')\nprint(o)", "p", "o", ""),
    ("s = f'{a} {b!r:>{w}}'", "a b w", "s", ""),
    ("exec('y = x')\nprint(y)", "x", "y", ""),
    ("v = eval('a + b')", "a b", "v", ""),
    ("import duckdb\nr = duckdb.sql('select * from df join e using (k)')", "df e", "duckdb r", ""),
    ("r = df.query('a > @lim')", "df lim", "r", ""),
    ("r = globals()['x']", "x", "r", ""),
    ("r = 'x' in globals() and globals().get('y', z)", "x y z", "r", ""),
    ("globals()['x'] = 1\nprint(x)", "", "x", ""),
    ("def f(x): return globals()['x']", "x", "f", ""),
    # await and early ends
    ("x = await f(y)", "f y", "x", ""),
    ("x = 1\nraise E(x)\ny = z", "E", "x", ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "reads", "writes", "deletes"), ROWS, ids=[row[0][:50] for row in ROWS])
def test_names_of_a_cell(source: str, reads: str, writes: str, deletes: str) -> None:
    code = analyse(source)
    assert own(code.reads) == names(reads)
    assert code.writes == names(writes)
    assert code.deletes == names(deletes)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("type A[T] = list[T] | B", "B", "A"),
        ("type Tree = list[Tree]", "", "Tree"),
        ("def f[T: B](x: T) -> T:\n    return T, y", "B y", "f"),
        ("class A[T](G[T]):\n    x: T", "G", "A"),
    ],
)
def test_type_parameters_are_local(source: str, reads: str, writes: str) -> None:
    code = analyse(source)
    assert own(code.reads) == names(reads)
    assert code.writes == names(writes)


def test_builtins_are_reads() -> None:
    """A notebook may rebind ``list``, so it is up to the namespace whether it is an input."""
    code = analyse("n = len(list(xs))")
    assert code.reads == {"len", "list", "xs"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exec(text)", "exec"),
        ("x = eval(a + b)", "eval"),
        ("globals()[k] = 1", "globals"),
        ("locals()", "locals"),
        ("print(vars())", "vars"),
        ("dir()", "dir"),
        ("get_ipython().user_ns['x']", "user_ns"),
        ("get_ipython().run_line_magic('run', 'other.py')", "%run"),
        ("get_ipython().run_line_magic('store', '-r')", "%store"),
        ("get_ipython().run_cell_magic('sql', '', 'select 1')", "%%sql"),
        ("get_ipython().run_line_magic(name, '')", "a magic chosen while running"),
        ("get_ipython().run_cell_magic('time', '', '!ls')", "%%time"),
        ("import __main__", "__main__"),
        ("from __main__ import x", "__main__"),
        ("m = importlib.import_module('__main__')", "__main__"),
        ("import sys\nsys._getframe()", "_getframe"),
        ("def f():\n    exec('x = 1')", "exec"),
    ],
)
def test_what_nobody_can_see_through_is_named(source: str, reason: str) -> None:
    assert reason in analyse(source).opaque


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return locals()",
        "vars(x)",
        "dir(x)",
        "eval('a + b')",
        "x.exec('y')",
        "get_ipython().run_line_magic('matplotlib', 'inline')",
        "globals()['x']",
        "import inspect\ninspect.stack",
    ],
)
def test_what_only_looks_dangerous_is_not_opaque(source: str) -> None:
    assert analyse(source).opaque == ()


@pytest.mark.parametrize(
    ("source", "sure", "maybe"),
    [
        ("for x in xs:\n    last = x\nprint(last)", "xs", "last"),
        ("try:\n    cache\nexcept NameError:\n    cache = {}", "cache", ""),
        ("try:\n    out = f()\nexcept Exception:\n    pass\nprint(out)", "f", "out"),
        ("if a:\n    x = 1\nprint(x)\ny = x + z", "a z", "x"),
        ("with suppress(Exception):\n    print(x)\n    x = 1", "suppress x", ""),
    ],
)
def test_reads_that_the_cell_may_have_written_itself_are_told_apart(source: str, sure: str, maybe: str) -> None:
    """Else the second run in a kernel would count the first run's ``last`` as an input, and pay again."""
    code = analyse(source)
    assert code.maybe == names(maybe)
    assert own(code.reads) - code.maybe == names(sure)


def test_star_imports_are_told_with_the_reads_they_may_bind() -> None:
    code = analyse("y = x\nfrom math import *\nz = sin(y) + x")
    assert code.starred == ("math",)
    assert dict(code.stars) == {"sin": {"math"}}
    assert code.reads == {"x", "sin"}


def test_definitions_are_the_pieces_a_hit_runs_again() -> None:
    source = (
        "import os; import sys\n"
        "rows = load()\n"
        "@dec\n@dec2(\n    1)\ndef f(x=1):\n    # why\n    return x\n"
        "class A:\n    pass\n"
        "try:\n    import ujson as json\nexcept ImportError:\n    import json\n"
        "if sys.platform == 'x':\n    import a\nelse:\n    a = None\n"
        "key = lambda r: r[0]\n"
        "Point = namedtuple('Point', 'x y')\n"
        "if rows:\n    import late\n    rows.pop()\n"
    )
    code = analyse(source)
    assert [piece.strip() for piece in code.definitions] == [
        "import os",
        "import sys",
        "@dec\n@dec2(\n    1)\ndef f(x=1):\n    # why\n    return x",
        "class A:\n    pass",
        "try:\n    import ujson as json\nexcept ImportError:\n    import json",
        "if sys.platform == 'x':\n    import a\nelse:\n    a = None",
        "key = lambda r: r[0]",
        "Point = namedtuple('Point', 'x y')",
    ]
    assert code.defined == {"os", "sys", "f", "A", "json", "a", "key", "Point"}
    for piece in code.definitions:
        compile(piece, "<piece>", "exec")


def test_names_that_definitions_need_while_they_are_made_are_early() -> None:
    code = analyse("base = load()\nrest = 1\n@dec\ndef f(x=base): return rest\nclass A(f.__class__): y = other")
    assert code.early == {"base"}


def test_attributes_set_on_definitions_are_told() -> None:
    assert analyse("def f(): pass\nf.calls = 1").touched == {"f"}
    assert analyse("class A: pass\nA.x[1] = 2\nsetattr(A, 'y', 1)").touched == {"A"}
    assert analyse("class A: pass\na = A()\na.x = 1").touched == set()


def test_names_bound_by_a_definition_and_otherwise_are_told() -> None:
    assert analyse("def f(): pass\nf = cache(f)\ndef g(): pass").rebound == {"f"}


def test_names_sure_at_the_end() -> None:
    assert analyse("x = 1\nif a:\n    y = 2\nfor i in xs: pass\ndel x\nz = 1\nclass A:\n    q = 1").always == {"z", "A"}


def test_the_normal_form_leaves_out_what_does_not_matter() -> None:
    assert analyse("x = 'a' # why\ny   = (1)").normal == analyse('x = "a"\n\ny = 1').normal
    assert analyse("x = 1").normal != analyse("x = '1'").normal


def test_what_is_not_python_is_a_syntax_error() -> None:
    for source in ("x =", "for x in", "x = = 1"):
        with pytest.raises(SyntaxError):
            analyse(source)


def test_deep_nesting_is_analysed_in_time() -> None:
    """Twenty loops inside one another, with definitions and deletions in each, are walked once."""
    source = ""
    for depth in range(18):
        pad = "    " * depth
        source += f"{pad}for i{depth} in xs:\n{pad}    def f{depth}(): return i{depth}\n"
        source += f"{pad}    t = f{depth}()\n{pad}    del t\n"
    code = analyse(source)
    assert "xs" in code.reads
    assert "t" not in code.reads
