"""The key of a call: what of its arguments counts, how, and what is told of it."""

from __future__ import annotations

import functools
import os
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic.errors import OptionError, Uncacheable
from spotmagic.keys import FunctionKey, KeyGen
from spotmagic.options import mark_options
from tests.keys.conftest import MakeKey, Project, mask

PROMPT = "Summarise"


def plain(a: Any, b: Any = 2, /, c: Any = 3, *rest: Any, d: Any = 4, **more: Any) -> Any:
    return a, b, c, rest, d, more


def fixed(a: Any, b: Any = 2, *, c: Any = 3) -> Any:
    return a, b, c, PROMPT


def nothing() -> int:
    return 1


def secretive(prompt: str, api_key: str = "", max_tokens: int = 5) -> str:
    return prompt


def reading(path: Any, verbose: bool = False) -> Any:
    return path


def method_holder() -> Any:
    class Holder:
        def __init__(self, n: int) -> None:
            self.n = n

        def go(self, x: int) -> int:
            return self.n + x

        @classmethod
        def made(cls, x: int) -> int:
            return x

        def __call__(self, x: int) -> int:
            return x

    return Holder


def test_one_call_has_one_key_however_it_is_written(key_of: MakeKey) -> None:
    key = key_of(fixed)
    written = [
        ((1,), {}),
        ((1, 2), {}),
        ((), {"a": 1}),
        ((1,), {"b": 2}),
        ((1,), {"c": 3, "b": 2}),
        ((), {"c": 3, "a": 1}),
    ]
    assert len({key.key(args, kwargs) for args, kwargs in written}) == 1
    assert key.key((1, 3), {}) != key.key((1, 2), {})
    key = key_of(plain)
    assert key.key((1,), {}) == key.key((1, 2), {}) == key.key((1, 2, 3), {"d": 4})
    others = [
        ((1, 2, 3, 4), {}),
        ((1,), {"e": 4}),
        ((1,), {"d": 5}),
        ((1, 2, 4), {}),
        ((1, 2, 3, (4,)), {}),
        ((1,), {"f": 4}),
    ]
    assert len({key.key(args, kwargs) for args, kwargs in others}) == len(others)
    assert key_of(nothing).key((), {}) == key_of(nothing).key((), {})


def test_a_wrong_call_is_the_type_error_of_the_function(key_of: MakeKey) -> None:
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"a": 1})):
        with pytest.raises(TypeError) as ours:
            key_of(fixed).key(args, kwargs)
        with pytest.raises(TypeError) as theirs:
            fixed(*args, **kwargs)
        assert str(ours.value) == str(theirs.value)


def test_the_account_names_arguments_and_what_is_reached(key_of: MakeKey) -> None:
    keyed = key_of(fixed).keyed((1,), {})
    assert list(keyed.inputs) == ["a", "b", "c", "global PROMPT"]
    assert keyed.key == key_of(fixed).key((1,), {})
    assert key_of(fixed).name == f"{__name__}.fixed"
    assert (keyed.trouble, keyed.state, keyed.handles, keyed.secret) == ("", (), (), False)


def test_a_name_of_a_notebook_is_the_qualified_name_alone(key_of: MakeKey) -> None:
    def local(x: int) -> int:
        return x

    local.__module__ = "__main__"
    assert key_of(local).name.endswith("<locals>.local")
    assert not key_of(local).name.startswith(("tests", "__main__"))
    assert key_of(functools.partial(local, 1)).name == key_of(local).name


@pytest.mark.parametrize(
    "options",
    [
        {"ignore": "verbos"},
        {"key": KeyGen.ignore("verbos")},
        {"key": KeyGen.map(verbos=KeyGen.IGNORE)},
        {"key": {"verbos": KeyGen.SECRET}},
    ],
)
def test_a_wrong_parameter_name_is_an_error_at_decoration(key_of: MakeKey, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="Did you mean verbose"):
        key_of(reading, **options)


@pytest.mark.parametrize("wrong", [3, "text", {"path": 3}, {"path": "IGNOR"}])
def test_a_key_that_says_nothing_is_an_error(key_of: MakeKey, wrong: Any) -> None:
    with pytest.raises(OptionError):
        key_of(reading, key=wrong)


def test_an_ignored_argument_may_be_anything(key_of: MakeKey) -> None:
    key = key_of(reading, ignore="verbose")
    assert key.key(("a", False), {}) == key.key(("a", (i for i in [])), {})
    assert list(key.keyed(("a", threading.Lock()), {}).inputs) == ["path"]
    key = key_of(plain, ignore="noise")
    assert key.key((1,), {"noise": 1}) == key.key((1,), {"noise": 2}) == key.key((1,), {})


def test_file_content_counts_and_the_path_does_not(key_of: MakeKey, tmp_path: Path) -> None:
    key = key_of(reading, key=KeyGen.map(path=KeyGen.FILE_CONTENT))
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("a")
    two.write_text("a")
    assert key.key((str(one),), {}) == key.key((two,), {})
    os.utime(one, (1, 1))
    before = key.key((one,), {})
    assert before == key.key((two,), {})
    one.write_text("b")
    assert key.key((one,), {}) != before
    (tmp_path / "two.csv").write_text("a")
    assert key.key((tmp_path / "two.csv",), {}) != before, "readers go by the suffix"
    folder = key.key((tmp_path,), {})
    (tmp_path / "more").write_text("")
    assert key.key((tmp_path,), {}) != folder
    assert key.key(([one, two],), {}) != key.key(([two, one],), {})


def test_path_stat_counts_size_and_time(key_of: MakeKey, tmp_path: Path) -> None:
    key = key_of(reading, key=KeyGen.map(path=KeyGen.PATH_STAT))
    one = tmp_path / "one"
    one.write_text("a")
    before = key.key((one,), {})
    assert before == key.key((str(one),), {})
    os.utime(one, (1, 1))
    assert key.key((one,), {}) != before


def test_a_missing_file_is_not_kept_as_missing(key_of: MakeKey, tmp_path: Path) -> None:
    for policy in (KeyGen.FILE_CONTENT, KeyGen.PATH_STAT):
        with pytest.raises(Uncacheable, match="No such file") as caught:
            key_of(reading, key=KeyGen.map(path=policy)).key((tmp_path / "none",), {})
        assert caught.value.path == "path"
        with pytest.raises(Uncacheable, match="no path"):
            key_of(reading, key=KeyGen.map(path=policy)).key((3,), {})


def test_a_function_says_what_counts(key_of: MakeKey) -> None:
    key = key_of(reading, key=lambda path, verbose=False: path["id"])
    assert key.key(({"id": 1, "x": 2},), {}) == key.key(({"id": 1, "x": 3}, True), {}) != key.key(({"id": 2},), {})
    assert list(key.keyed(({"id": 1},), {}).inputs) == ["key"]
    key = key_of(reading, key=KeyGen.map(path=len))
    assert key.key(("ab",), {}) == key.key(("cd",), {}) != key.key(("abc",), {})


def test_secrets_are_masked_by_name_type_and_policy(key_of: MakeKey) -> None:
    key = key_of(secretive)
    other = FunctionKey(secretive, mark_options({}), mask=lambda data: mask(data + b"another user"))
    assert key.key(("a", "sk-1"), {}) == key.key(("a",), {"api_key": "sk-1"}) != key.key(("a", "sk-2"), {})
    assert key.key(("a", "sk-1"), {}) != other.key(("a", "sk-1"), {})
    assert key.keyed(("a", "sk-1"), {}).secret
    shared = {"ignore": "api_key"}
    assert key_of(secretive, **shared).key(("a", "sk-1"), {}) == key_of(secretive, **shared).key(("a", "sk-2"), {})
    assert not key_of(secretive, **shared).keyed(("a", "sk-1"), {}).secret
    masked = key_of(reading, key=KeyGen.map(path=KeyGen.SECRET))
    assert masked.key(("a",), {}) != key_of(reading).key(("a",), {})
    assert masked.keyed(("a",), {}).secret
    assert key_of(plain).keyed((1,), {"password": "x"}).secret
    assert not key_of(plain).keyed((1,), {"max_tokens": 5}).secret


def test_a_secret_of_a_global_is_masked(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "OPENAI_API_KEY = 'sk-1'\ndef f(x): return OPENAI_API_KEY\n")
    key = key_of(module.f)
    before = key.key((1,), {})
    assert key.keyed((1,), {}).secret
    assert before != FunctionKey(module.f, mark_options({}), mask=lambda data: mask(data + b"other")).key((1,), {})
    module.OPENAI_API_KEY = "sk-2"
    assert key.key((1,), {}) != before


def test_what_has_no_fingerprint_is_named_by_its_argument(key_of: MakeKey) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    for call in (lambda k: k.key(({"a": [numbers()]},), {}), lambda k: k.keyed((), {"path": {"a": [numbers()]}})):
        with pytest.raises(Uncacheable, match=r"`path\['a'\]\[0\]`"):
            call(key_of(reading))


def test_what_is_reached_without_a_fingerprint_is_named(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "import threading\nnumbers = iter([1])\ndef f(x): return next(numbers)\n")
    with pytest.raises(Uncacheable, match="`numbers` cannot be fingerprinted"):
        key_of(module.f).key((1,), {})
    assert key_of(module.f, ignore="numbers").key((1,), {})
    assert key_of(module.f, version="v1").key((1,), {})


def test_handles_that_are_reached_are_told(project: Project, key_of: MakeKey) -> None:
    module = project.load(
        "main",
        """
        import concurrent.futures, logging, threading
        log = logging.getLogger('x')
        lock = threading.Lock()
        pool = concurrent.futures.ThreadPoolExecutor(1)
        def f(x): return log, lock, pool
        """,
    )
    assert key_of(module.f).keyed((1,), {}).handles == ("logging.Logger (name=x)", "concurrent.ThreadPoolExecutor")


def test_methods_count_their_object_and_its_class(key_of: MakeKey) -> None:
    holder = method_holder()
    key = key_of(holder.go)
    assert key.key((holder(1), 2), {}) == key.key((holder(1), 2), {}) != key.key((holder(2), 2), {})
    assert list(key.keyed((holder(1), 2), {}).inputs)[:2] == ["self", "x"]
    assert (
        key_of(holder(1).go).key((2,), {}) == key_of(holder(1).go).key((2,), {}) != key_of(holder(3).go).key((2,), {})
    )
    assert key_of(holder.made).key((2,), {}) != key_of(holder.go).key((holder(1), 2), {})
    assert key_of(holder(1)).key((2,), {}) == key_of(holder(1)).key((2,), {}) != key_of(holder(2)).key((2,), {})


def test_a_bound_object_that_changes_gives_a_new_key(key_of: MakeKey) -> None:
    held = method_holder()(1)
    for key in (key_of(held.go), key_of(functools.partial(held.go)), key_of(held)):
        before = key.key((2,), {})
        held.n += 1
        assert key.key((2,), {}) != before


def test_partials_bind_their_rest_and_count_what_they_hold(key_of: MakeKey) -> None:
    one, two = key_of(functools.partial(fixed, 1)), key_of(functools.partial(fixed, 2))
    assert one.key((5,), {}) == one.key((), {"b": 5}) != two.key((5,), {})


def test_builtins_are_keyed_by_name(key_of: MakeKey) -> None:
    assert key_of(len).key(([1],), {}) != key_of(sum).key(([1],), {})
    assert key_of(max).key((1, 2), {}) != key_of(max).key((1, 3), {})


def test_a_wrapper_binds_as_what_it_wraps_and_takes_what_only_it_takes(project: Project, key_of: MakeKey) -> None:
    module = project.load(
        "main",
        """
        import functools
        def giving(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs): return fn("client", *args, **kwargs)
            return wrapper
        def same(fn):
            @functools.wraps(fn)
            def wrapper(*args, **kwargs): return fn(*args, **kwargs)
            return wrapper
        @giving
        def f(client, x): return x
        @same
        def g(a, b=2): return a
        """,
    )
    key = key_of(module.f)
    assert key.key((1,), {}) != key.key((2,), {}), "the wrapper gives the client"
    key = key_of(module.g)
    assert key.key((1,), {}) == key.key((1, 2), {}) == key.key((1,), {"b": 2})


def test_version_leaves_the_code_out_and_still_tells_it(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "K = 2\ndef f(x): return x * K\n")
    key = key_of(module.f, version="v1")
    before = key.keyed((1,), {})
    module.K = 3
    after = key.keyed((1,), {})
    assert after.key == before.key
    assert after.inputs["global K"] != before.inputs["global K"]
    edited = project.load("edited", "K = 2\ndef f(x): return x * K + 1\n")
    edited.f.__module__ = module.f.__module__
    assert key_of(edited.f, version="v1").keyed((1,), {}).code != before.code
    assert key_of(edited.f, version="v1").key((1,), {}) == before.key
    assert key_of(module.f, version="v2").key((1,), {}) != before.key


def test_generators_and_coroutine_functions_have_keys(project: Project, key_of: MakeKey) -> None:
    module = project.load("main", "async def a(x): return x\ndef g(x): yield x\nasync def ag(x): yield x\n")
    assert len({key_of(one).key((1,), {}) for one in (module.a, module.g, module.ag)}) == 3


def test_a_global_of_a_helper_can_be_ignored_and_a_strange_name_not(project: Project, key_of: MakeKey) -> None:
    module = project.load(
        "main", "numbers = iter([1])\ndef helper(x): return next(numbers)\ndef f(x): return helper(x)\n"
    )
    assert key_of(module.f, ignore="numbers").key((1,), {})
    with pytest.raises(OptionError, match="unknown parameter 'nmbers'"):
        key_of(module.f, ignore="nmbers")
    with pytest.raises(Uncacheable, match="global numbers"):
        key_of(module.f).key((1,), {})


def test_functions_of_a_module_that_hides_a_generator_are_what_the_module_has(
    project: Project, key_of: MakeKey
) -> None:
    module = project.load(
        "main",
        """
        import random
        from random import choice, uniform
        from numpy.random import rand
        def helper(): return choice([1, 2])
        def f(x): return uniform(0, x), helper(), rand()
        def g(x): return random.uniform(0, x)
        own = random.Random(1).uniform
        def h(x): return own(0, x)
        """,
    )
    for function in (module.f, module.g):
        key = key_of(function)
        before = key.key((1,), {})
        function(1)
        assert key.key((1,), {}) == before
    key = key_of(module.h)
    before = key.key((1,), {})
    module.h(1)
    assert key.key((1,), {}) != before


def test_unchanged_is_sure_of_plain_arguments_and_what_is_reached_and_of_nothing_else(
    project: Project, key_of: MakeKey
) -> None:
    keys = key_of(fixed)
    for args in [(1, "a"), ("x",), (None, 1.5)]:
        accounts: list[Any] = []
        keys.key(args, {}, accounts)
        keyed = keys.keyed(args, {}, accounts)
        assert keys.unchanged(accounts)
        assert keys.keyed(args, {}, accounts) == keyed
    for args in [([1],), ({},), ((1, []),)]:
        accounts = []
        keys.keyed(args, {}, accounts)
        assert not keys.unchanged(accounts)
    assert not keys.unchanged([])
    reading_files: list[Any] = []
    files = key_of(reading, key=KeyGen.map(path=KeyGen.FILE_CONTENT))
    files.keyed((__file__,), {}, reading_files)
    assert not files.unchanged(reading_files)
    module: Any = project.load("lib", "ROWS = [1]\ndef total(n): return sum(ROWS) + n\n")
    grown = key_of(module.total)
    accounts = []
    grown.keyed((1,), {}, accounts)
    assert grown.unchanged(accounts)
    module.ROWS.append(2)
    assert not grown.unchanged(accounts)


def test_what_newer_pythons_leave_in_classes_says_nothing(key_of: MakeKey) -> None:
    """Python 3.13 leaves ``__classdictcell__`` in named tuples, 3.14 ``__conditional_annotations__`` in others."""
    bare = type("Row", (), {"a": 1})
    before = key_of(fixed).key((bare(),), {})
    for name, value in {"__classdictcell__": types.CellType({}), "__conditional_annotations__": {1}}.items():
        setattr(bare, name, value)
    assert key_of(fixed).key((bare(),), {}) == before


def test_a_cell_counts_by_what_is_in_it(key_of: MakeKey) -> None:
    """As it lies in the namespace of a class that a library keeps, with that namespace in it."""
    keys, cycle = key_of(fixed), types.CellType({})
    cycle.cell_contents["__classdictcell__"] = cycle
    made = [types.CellType(), types.CellType(1), types.CellType(True), types.CellType([1]), cycle]
    assert len({keys.key((cell,), {}) for cell in (*made, 1, [1], {})}) == len(made) + 3
    assert keys.key((types.CellType([1]),), {}) == keys.key((made[3],), {})


def test_a_reference_to_what_is_not_there_yet_counts_by_its_text(key_of: MakeKey) -> None:
    """Python 3.14 makes them of annotations that nobody can evaluate, and has them hold the class and its names."""
    kind, keys = type("ForwardRef", (), {"__module__": "annotationlib"}), key_of(fixed)

    def refer(text: str, owner: Any) -> Any:
        made = kind()
        made.__forward_arg__, made.__owner__ = text, owner
        return made

    assert keys.key((refer("Later", 1),), {}) == keys.key((refer("Later", 2),), {})
    assert keys.key((refer("Later", 1),), {}) != keys.key((refer("Other", 1),), {})
