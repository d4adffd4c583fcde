"""Edits that users make, by what they edit: which give a call another key, and which must not."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

from typing import NamedTuple

Edit = tuple[str, str]


class Text(NamedTuple):
    """A module of a user's with edits of it.

    Attributes:
        matter: each changes what the call may give.
        same: none does.
    """

    text: str
    matter: list[Edit] = []
    same: list[Edit] = []


DATACLASS = Text(
    """
    import dataclasses
    from dataclasses import dataclass, field
    @dataclass(order=False, frozen=False, eq=True, repr=True, unsafe_hash=False, init=True, match_args=True, kw_only=False, slots=False)
    class Config:
        '''What to do.'''
        model: str = "small"
        size: int = field(default=1, repr=True, hash=None, init=True, compare=True, kw_only=False, metadata={"unit": "m"})
        tags: list = field(default_factory=lambda: ["a"])
        def show(self): return self.model
    @dataclass(frozen=False)
    class Alone: n: int = 1
    @dataclass
    class Sub(Config):
        extra: float = 0.5
        later: dataclasses.InitVar[int] = 3
        def __post_init__(self, later): self.extra += later
    def f(x): return Sub().show(), Alone(), x
    """,
    [
        ("order=False", "order=True"), ("(frozen=False", "(frozen=True"), ("eq=True", "eq=False"), ("True, unsafe_hash", "False, unsafe_hash"),
        ("unsafe_hash=False", "unsafe_hash=True"), ("init=True, match_args", "init=False, match_args"), ("match_args=True", "match_args=False"),
        ("kw_only=False, slots", "kw_only=True, slots"), ("slots=False", "slots=True"), ("What to do", "What not to do"), ('"small"', '"large"'),
        ("default=1", "default=True"), ("repr=True, hash", "repr=False, hash"), ("hash=None", "hash=False"), ("init=True, compare", "init=False, compare"),
        ("compare=True", "compare=False"), ("kw_only=False, metadata", "kw_only=True, metadata"), ('"unit": "m"', '"unit": "km"'),
        ('["a"]', '["b"]'), ("model: str", "model: object"), ("tags:", "marks:"), ("return self.model", "return self.size"), ("class Sub(Config)", "class Sub"),
        ("0.5", "0.25"), ("InitVar[int] = 3", "InitVar[int] = 4"), ("+= later", "-= later"),
    ],
    [
        ("import dataclasses", "import dataclasses, json"), ("(order=False, frozen=False, eq=True,", "(frozen=False, order=False, eq=True,"), ("order=False, ", ""),
        ("hash=None, ", ""), ("'''What to do.'''", '"""What to do."""'), ("def show(self): return self.model", "def show(self):\n            # shown\n            return (self.model)"),
    ],
)  # fmt: skip
ATTRS = Text(
    """
    import attrs
    def positive(instance, attribute, value): assert value > 0
    @attrs.define(frozen=False, order=False, eq=True, slots=True, kw_only=False, repr=True)
    class Config:
        x: int = attrs.field(default=5, repr=True, eq=True, order=None, init=True, kw_only=False, metadata={"a": 1}, alias="xx",
                             validator=positive, converter=int, on_setattr=None)
        y: list = attrs.field(factory=list)
    def f(x): return Config(), x
    """,
    [
        ("frozen=False", "frozen=True"), ("order=False", "order=True"), ("eq=True, slots", "eq=False, slots"), ("slots=True", "slots=False"),
        ("kw_only=False, repr", "kw_only=True, repr"), ("repr=True)\n", "repr=False)\n"), ("default=5", "default=6"), ("repr=True, eq", "repr=False, eq"),
        ("repr=True, eq=True", "repr=True, eq=False"), ("order=None", "order=False"), ("init=True", "init=False"), ("kw_only=False, metadata", "kw_only=True, metadata"),
        ('"a": 1', '"a": 2'), ('alias="xx"', 'alias="x2"'), ("validator=positive", "validator=None"), ("converter=int", "converter=float"),
        ("on_setattr=None", "on_setattr=attrs.setters.frozen"), ("factory=list", "factory=dict"), ("value > 0", "value >= 0"),
    ],
    [("import attrs", "import attrs  # classes"), ("on_setattr=None", "on_setattr = None")],
)  # fmt: skip
PYDANTIC = Text(
    """
    from typing import Annotated, Literal, Union
    import pydantic
    from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, computed_field, field_serializer, field_validator, model_validator
    class Cat(BaseModel):
        kind: Literal["cat"] = "cat"
    class Dog(BaseModel):
        kind: Literal["dog"] = "dog"
    class Answer(BaseModel):
        '''An answer.'''
        model_config = ConfigDict(extra="allow", frozen=False, str_strip_whitespace=False)
        text: str = Field("x", title="T", description="D", alias="A", validation_alias="V", serialization_alias="S", exclude=False, repr=True,
                          frozen=False, max_length=10, pattern="x+", json_schema_extra={"e": 1}, examples=["x"], deprecated=False,
                          validate_default=False)
        score: Annotated[float, Field(gt=0.5)] = 0.75
        tags: list[str] = Field(default_factory=lambda: ["a"])
        pet: Union[Cat, Dog] = Field(default=Cat(), discriminator="kind")
        _seen: int = PrivateAttr(3)
        _made: list = PrivateAttr(default_factory=list)
        @field_validator("text", mode="after", check_fields=None)
        @classmethod
        def check(cls, v): return v + ""
        @model_validator(mode="after")
        def whole(self): return self
        @field_serializer("score", when_used="always")
        def out(self, v): return v
        @computed_field(repr=True, alias="L")
        @property
        def length(self) -> int: return len(self.text)
    class Sub(Answer):
        more: int = 1
    class Root(pydantic.RootModel[list[int]]):
        root: list[int] = [1]
    def f(x): return Sub(), Root(), x
    """,
    [
        ('"allow"', '"forbid"'), ('ConfigDict(extra="allow", frozen=False', 'ConfigDict(extra="allow", frozen=True'), ("whitespace=False", "whitespace=True"), ('Field("x"', 'Field("y"'),
        ('title="T"', 'title="U"'), ('description="D"', 'description="E"'), ('alias="A"', 'alias="B"'), ('validation_alias="V"', 'validation_alias="W"'),
        ('serialization_alias="S"', 'serialization_alias="R"'), ("exclude=False", "exclude=True"), ("repr=True,\n", "repr=False,\n"),
        ("frozen=False, max", "frozen=True, max"), ("max_length=10", "max_length=11"), ('"x+"', '"y+"'), ('{"e": 1}', '{"e": 2}'), ('examples=["x"]', 'examples=["y"]'),
        ("deprecated=False", "deprecated=True"), ("validate_default=False", "validate_default=True"), ("gt=0.5", "ge=0.5"), ("gt=0.5", "gt=0.6"), ("0.75", "0.8"),
        ('["a"]', '["b"]'), (', discriminator="kind"', ""), ("default=Cat()", "default=Dog()"), ("PrivateAttr(3)", "PrivateAttr(4)"), ("default_factory=list)", "default_factory=dict)"),
        ('mode="after", check', 'mode="before", check'), ("check_fields=None", "check_fields=True"), ('v + ""', 'v + "!"'), ('@model_validator(mode="after")', '@model_validator(mode="after")\n        @pydantic.validate_call'),
        ('"always"', '"json"'), ("return v\n        @computed", "return -v\n        @computed"), ("computed_field(repr=True", "computed_field(repr=False"), ('alias="L"', 'alias="M"'),
        ("len(self.text)", "len(self.text) + 1"), ("An answer", "A reply"), ("more: int = 1", "more: int = 2"), ("more: int", "more: float"), ("root: list[int] = [1]", "root: list[int] = [2]"),
        ("RootModel[list[int]]", "RootModel[list[object]]"), ('"dog"] = "dog"', '"dog", "wolf"] = "dog"'),
    ],
    [("import pydantic\n", "import pydantic  # models\n"), ("class Sub(Answer):\n", "class Unused(BaseModel): n: int = 1\n    class Sub(Answer):\n"), ("score: Annotated", "\n        score: Annotated")],
)  # fmt: skip
PYDANTIC_1 = Text(
    """
    from pydantic.v1 import BaseModel, Field, PrivateAttr, validator, root_validator
    class Answer(BaseModel):
        text: str = Field("x", title="T", description="D", alias="A", exclude=None, max_length=10, const=None, example=1)
        score: float = 0.5
        _seen: int = PrivateAttr(3)
        class Config:
            extra = "allow"
        @validator("text", pre=False, always=False, allow_reuse=True)
        def check(cls, v): return v + ""
        @root_validator(allow_reuse=True)
        def whole(cls, values): return values
    def f(x): return Answer(), x
    """,
    [
        ('Field("x"', 'Field("y"'), ('title="T"', 'title="U"'), ('description="D"', 'description="E"'), ('alias="A"', 'alias="B"'), ("exclude=None", "exclude=True"),
        ("max_length=10", "max_length=11"), ("const=None", "const=True"), ("example=1", "example=2"), ("0.5", "0.6"), ("PrivateAttr(3)", "PrivateAttr(4)"), ('"allow"', '"forbid"'),
        ("pre=False", "pre=True"), ("always=False", "always=True"), ('v + ""', 'v + "!"'), ("return values", "return dict(values)"), ("score: float", "score: int"),
    ],
    [("score: float = 0.5", "score: float = 0.5  # of ten")],
)  # fmt: skip
ENUMS = Text(
    """
    import enum
    class Color(enum.Enum):
        RED = 1
        BLUE = 2
        SKY = 2
        def show(self): return self.name
    class Right(enum.Flag, boundary=enum.STRICT):
        READ = 1
        WRITE = 2
    class Level(str, enum.Enum):
        LOW = "low"
        @classmethod
        def _missing_(cls, value): return cls.LOW
    def f(x): return Color.RED.show(), Right.READ, Level("?"), x
    """,
    [
        ("BLUE = 2", "BLUE = 3"), ("SKY = 2", "SEA = 2"), ("RED = 1\n        BLUE = 2", "BLUE = 2\n        RED = 1"), ("self.name", "self.value"), ("enum.STRICT", "enum.KEEP"), ("(str, enum.Enum)", "(enum.Enum)"),
        ('"low"', '"lowest"'), ("return cls.LOW", "return None"), ("enum.Flag", "enum.IntFlag"), ("RED = 1", "RED = True"),
    ],
    [("def show(self)", "def show( self )")],
)  # fmt: skip
TUPLES = Text(
    """
    import typing, collections
    class Point(typing.NamedTuple):
        '''A place.'''
        x: int = 0
        y: int = 0
        def far(self): return self.x > 1
    Pair = collections.namedtuple("Pair", "a b", defaults=[1])
    class Options(typing.TypedDict, total=True):
        size: int
        name: typing.NotRequired[str]
    class Able(typing.Protocol):
        def go(self) -> int: ...
    def f(x) -> Options: return Point().far(), Pair(1), Able
    """,
    [
        ("y: int = 0", "y: int = 1"), ("y: int", "y: float"), ("y: int", "z: int"), ("self.x > 1", "self.x > 2"), ("A place", "A point"), ("defaults=[1]", "defaults=[2]"), ('"a b"', '"a c"'),
        ("total=True", "total=False"), ("size: int", "size: float"), ("NotRequired[str]", "Required[str]"), ("-> int: ...", "-> str: ..."),
    ],
    [("import typing, collections", "import collections, typing")],
)  # fmt: skip
CLASSES = Text(
    """
    import abc, functools, typing
    T = typing.TypeVar("T", bound=int)
    class Meta(type):
        def __call__(cls, *a): return super().__call__(*a)
    class Typed:
        def __init__(self, kind): self.kind = kind
        def __set_name__(self, owner, name): self.name = name
        def __get__(self, instance, owner): return self.kind
    class Base(metaclass=Meta):
        unit = "EUR"
        __tags__ = ["a", "b"]
        __table__ = {"name": "prices"}
        def __init_subclass__(cls, rate=1): cls.rate = rate
    class Other: pass
    def stamp(cls):
        cls.stamped = 1
        return cls
    @stamp
    class Price(Base, Other, typing.Generic[T], rate=2):
        __slots__ = ("value",)
        __match_args__ = ("value",)
        field = Typed(int)
        names: typing.ClassVar[set] = {"a", "b"}
        class Inner: depth = 1
        def __init__(self, value=1): self.value = value
        def __eq__(self, other): return self.value == other
        __hash__ = None
        @property
        def double(self): return self.value * 2
        @double.setter
        def double(self, v): self.value = v / 2
        @double.deleter
        def double(self): self.value = 0
        @classmethod
        def make(cls, v): return cls(v)
        @staticmethod
        def plain(v): return v + 1
        @functools.cached_property
        def slow(self): return 3
        @functools.partialmethod
        def part(self, v): return v
        @abc.abstractmethod
        def must(self): return 4
        lower = functools.partialmethod(make, 5)
    def f(x): return Price[int]().double
    """,
    [
        ("bound=int", "bound=str"), ("super().__call__(*a)", "super().__call__()"), ("Typed(int)", "Typed(str)"), ("return self.kind", "return 1"), ('"EUR"', '"USD"'),
        ('__tags__ = ["a", "b"]', '__tags__ = ["a", "c"]'), ('"prices"', '"costs"'), ("cls.rate = rate", "cls.rate = -rate"), ("rate=2", "rate=3"), ("stamped = 1", "stamped = 2"), ("    @stamp\n", ""),
        ("Base, Other,", "Other, Base,"), ("Base, Other,", "Base,"), ('__slots__ = ("value",)', '__slots__ = ("value", "more")'), ('__match_args__ = ("value",)', "__match_args__ = ()"),
        ('{"a", "b"}', '{"a", "c"}'), ("depth = 1", "depth = 2"), ("value=1", "value=2"), ("== other", "is other"), ("        __hash__ = None\n", "        def __hash__(self): return 1\n"), ("__hash__ = None", "__hash__ = object.__hash__"), ("self.value * 2", "self.value * 3"),
        ("v / 2", "v / 3"), ("self.value = 0", "self.value = 1"), ("return cls(v)", "return cls(v + 1)"), ("return v + 1", "return v + 2"), ("return 3", "return 33"), ("def part(self, v): return v", "def part(self, v): return -v"),
        ("return 4", "return 44"), ("partialmethod(make, 5)", "partialmethod(make, 6)"), ("        @abc.abstractmethod\n", ""), ("ClassVar[set]", "ClassVar[frozenset]"),
    ],
    [
        ("def __init__(self, value=1): self.value = value\n        def __eq__(self, other): return self.value == other\n", "def __eq__(self, other): return self.value == other\n        def __init__(self, value=1): self.value = value\n"),
        ("class Other: pass", "class Other:\n        pass"), ("import abc, functools, typing", "import abc\n    import functools, typing"), ("        lower = ", "        # lower\n        lower = "), ('{"a", "b"}', '{"b", "a"}'),
        ("def stamp(cls):", "class Unused: n = 1\n    def stamp(cls):"),
    ],
)  # fmt: skip
FUNCTIONS = Text(
    """
    import functools, operator, re, decimal, datetime, pathlib
    import math as m
    from os.path import join as glue
    import numpy as np, pandas as pd
    LIMIT = 3
    WORDS = ["a", {"b": (1, 2.5)}]
    SEEN = {"x", "y"}
    FROZEN = frozenset([1, 2])
    RULE = re.compile("a+", re.I)
    WHEN = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)
    COST = decimal.Decimal("1.0")
    WHERE = pathlib.Path("a/b")
    ARRAY = np.array([1, 2], dtype="i8")
    FRAME = pd.DataFrame({"a": [1], "b": ["x"]}, index=[7])
    key_of = operator.itemgetter("a")
    class Weight:
        by = 2
        def __init__(self, n): self.n = n
        def __call__(self, x): return x * self.n * self.by
    weigh = Weight(4)
    bound = Weight(5).__call__
    power = functools.partial(pow, 2, mod=7)
    def times(n):
        def decorate(fn):
            @functools.wraps(fn)
            def wrapper(*a, **k): return fn(*a, **k) * n
            return wrapper
        return decorate
    @times(3)
    def helper(x: int, scale=10, *rest, unit="m", **more) -> int:
        '''Say it.'''
        def inner(y): return y + scale
        return inner(x)
    @functools.lru_cache(maxsize=None)
    def cached(x): return x + 4
    @functools.singledispatch
    def shown(x): return "thing"
    @shown.register
    def _(x: int): return "whole"
    async def later(x): return x
    def stream(x):
        yield x
    TABLE = {"double": lambda x, k=2: x * k, "deep": [helper]}
    def make(n, *, step=1):
        total = [n]
        def count(x): return total, x, step
        return count
    count = make(1)
    class Holder:
        @staticmethod
        def go(x): return x - 1
    def f(x):
        return (LIMIT, WORDS, SEEN, FROZEN, RULE, WHEN, COST, WHERE, ARRAY, FRAME, key_of, weigh(x), bound(x), power(x), helper(x), cached(x),
                shown(x), later, stream, TABLE, count(x), Holder.go(x), m.sqrt(4), glue("a", "b"))
    """,
    [
        ("LIMIT = 3", "LIMIT = 4"), ("LIMIT = 3", "LIMIT = 3.0"), ("LIMIT = 3", "LIMIT = '3'"), ("2.5", "2.6"), ("(1, 2.5)", "[1, 2.5]"), ('{"x", "y"}', '{"x", "z"}'), ("[1, 2])\n    RULE", "[1, 3])\n    RULE"), ("re.I", "re.M"),
        ('"a+"', '"b+"'), ("2020, 1, 2", "2020, 1, 3"), ("timezone.utc", "timezone(datetime.timedelta(hours=1))"), ('"1.0"', '"1.00"'), ('"a/b"', '"a/c"'), ('"i8"', '"i4"'), ('{"a": [1],', '{"a": [2],'), ("index=[7]", "index=[8]"),
        ('itemgetter("a")', 'itemgetter("b")'), ("by = 2", "by = 3"), ("Weight(4)", "Weight(6)"), ("Weight(5)", "Weight(6)"), ("x * self.n * self.by", "x * self.n + self.by"), ("pow, 2", "pow, 3"), ("mod=7", "mod=8"), ("times(3)", "times(4)"),
        ("* n\n", "+ n\n"), ("    @times(3)\n", ""), ("scale=10", "scale=11"), ('unit="m"', 'unit="km"'), ("x: int, scale", "x: float, scale"), ("-> int:\n", "-> str:\n"), ("Say it", "Say it twice"), ("y + scale", "y - scale"), ("*rest, ", "*, "),
        ("return x + 4", "return x + 5"), ('"thing"', '"a thing"'), ('"whole"', '"number"'), ("_(x: int): return", "_(x: str): return"), ("async def later(x): return x", "async def later(x): return -x"), ("yield x", "yield from [x]"), ("k=2: x * k", "k=3: x * k"),
        ("x * k", "x ** k"), ('"deep": [helper]', '"deep": [cached]'), ("make(1)", "make(2)"), ("step=1", "step=2"), ("return total, x", "return total[0], x"), ("x - 1", "x - 2"), ("math as m", "cmath as m"), ("join as glue", "commonprefix as glue"),
        ('glue("a", "b")', 'glue("a", "c")'), ("async def later", "def later"), ("weigh(x), bound(x)", "bound(x), weigh(x)"), ('{"a": [1], "b": ["x"]}', '{"b": ["x"], "a": [1]}'),
    ],
    [
        ("LIMIT = 3", "LIMIT = 2 + 1"), ("LIMIT = 3", "UNUSED = 1\n    LIMIT = 3"), ('{"x", "y"}', '{"y", "x"}'), ("# no", "# yes"), ("def stream(x):", "# streams\n    def stream(x):"), ("'''Say it.'''", '"""Say it."""'), ("return x - 1", "return (x - 1)"),
        ("weigh = Weight(4)", "weigh = Weight(2 * 2)"), ("import math as m", "import json, math as m"), ('glue("a", "b")', "glue('a', 'b')"), ("x * self.n * self.by", "(x * self.n) * self.by"), ("    class Holder:", "    def unused(): return 1\n    class Holder:"),
        ("def f(x):\n        return (", "def f(x):\n\n\n        return ("), ("lambda x, k=2: x * k", "lambda x,k=2:x*k"), ("TABLE = {", "TABLE: dict = {"), ("np.array([1, 2], dtype", "np.array((1, 2), dtype"), ("[7])", "[7]).copy()"),
        ("frozenset([1, 2])", "frozenset([2, 1])"), ('pathlib.Path("a/b")', 'pathlib.Path("a") / "b"'), ('re.compile("a+", re.I)', "re.compile('a+', re.IGNORECASE)"), ("maxsize=None", "maxsize=None,"), ("yield x", "yield (x)"),
        ("def make(n, *, step=1):", "def make(n, *, step = 1):"), ("[1, 2], dtype=\"i8\"", "[1, 2], dtype=np.int64"), ("    async def later(x): return x\n    def stream(x):\n        yield x\n", "    def stream(x):\n        yield x\n    async def later(x): return x\n"),
    ],
)  # fmt: skip
ARGUMENTS = Text(
    """
    import functools, dataclasses
    import numpy as np, toolz, joblib
    def helper(x): return x + 1
    def mk(k, *, w=1):
        def h(x, d=k, *, e=w): return x + d + e + k
        return h
    class Tool:
        name = "tool"
        def __init__(self, n): self.n = n
        def run(self, x): return helper(x) * self.n
        def __call__(self, x): return x + self.n
        @classmethod
        def build(cls, x): return cls(x)
    @dataclasses.dataclass
    class Step:
        call: object
    @toolz.curry
    def curried(a, b): return a * b
    memory = joblib.Memory(None)
    @memory.cache
    def remembered(x): return x * 7
    def tagged(x): return x
    tagged.schema = {"type": "int"}
    ARGS = (
        mk(1), [lambda x, y=2: x + y], {"run": Tool(3).run}, Tool(4), Tool.build, Step(functools.partial(mk(5), 6)), np.frompyfunc(lambda x: x + 8, 1, 1),
        np.vectorize(lambda x: x + 9, otypes=[float]), curried(10), remembered, toolz.compose(helper, mk(11)), functools.lru_cache(mk(12)), tagged, print, str.upper, Tool,
    )
    def f(*given): return given
    """,
    [
        ("mk(1),", "mk(2),"), ("mk(1),", "mk(1, w=2),"), ("y=2:", "y=3:"), ("x + y]", "x - y]"), ("Tool(3)", "Tool(4)"), ("Tool(4),", "Tool(5),"), ("cls(x)", "cls(-x)"), ("mk(5)", "mk(6)"), ("mk(5), 6)", "mk(5), 7)"), ("x + 8", "x - 8"), ("1, 1)", "1, 1, identity=0)"),
        ("x + 9", "x - 9"), ("[float]", "[int]"), ("curried(10)", "curried(11)"), ("return a * b", "return a + b"), ("x * 7", "x * 8"), ("mk(11)", "mk(13)"), ("mk(12)", "mk(14)"), ("x + 1\n", "x + 2\n"), ("* self.n", "+ self.n"), ("x + d + e", "x - d + e"),
        ('"int"', '"str"'), ("print,", "repr,"), ("str.upper", "str.lower"), ('name = "tool"', 'name = "hammer"'), ("return x + self.n", "return x - self.n"),
    ],
    [("def helper(x): return x + 1", "def helper(x):\n        return x + 1  # more"), ("lambda x, y=2: x + y", "lambda x,y=2: (x + y)"), ("ARGS = (", "OTHER = 1\n    ARGS = (\n"), ("mk(1),", "mk(k=1),"), ("import functools, dataclasses", "import dataclasses, functools")],
)  # fmt: skip
MODULES = Text(
    """
    import @@tools as tools
    from @@tools import clean as tidy
    import @@pack.deep
    from @@pack import *
    def f(x): return tools.RATE, tidy(x), @@pack.deep.go(x), starred(x)
    """,
    [("tools.RATE", "tools.OTHER"), ("tidy(x)", "tidy(-x)"), ("starred(x)", "starred(x + 1)")],
    [("as tidy\n", "as tidy  # clean\n"), ("import @@tools as tools\n    from @@tools import clean as tidy\n", "from @@tools import clean as tidy\n    import @@tools as tools\n")],
)  # fmt: skip

TEXTS = {
    "dataclasses": DATACLASS, "attrs": ATTRS, "pydantic": PYDANTIC, "pydantic 1": PYDANTIC_1, "enums": ENUMS, "tuples": TUPLES, "classes": CLASSES,
    "functions": FUNCTIONS, "functions as arguments": ARGUMENTS, "modules": MODULES,
}  # fmt: skip
OTHERS = {
    "tools": "RATE = 2\nOTHER = 3\ndef clean(x): return x * RATE\ndef unused(x): return x\n",
    "pack/__init__": "__all__ = ['starred']\ndef starred(x): return x\ndef hidden(x): return x\n",
    "pack/deep": "def go(x): return near(x)\ndef near(x): return x + 1\n",
}
OTHERS_MATTER = [("RATE = 2", "RATE = 4"), ("x * RATE", "x + RATE"), ("near(x): return x + 1", "near(x): return x + 2"), ("starred(x): return x", "starred(x): return -x")]  # fmt: skip
OTHERS_SAME = [("unused(x): return x", "unused(x): return -x"), ("hidden(x): return x", "hidden(x): return -x"), ("OTHER = 3", "OTHER = 5"), ("def clean", "# why\ndef clean")]  # fmt: skip
