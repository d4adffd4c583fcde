"""The words of a magic's line."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotmagic.errors import OptionError
from spotmagic.notebook.options import FLAGS, VALUES, CellOptions, parse, split
from spotmagic.options import Mode


def options(line, **names):
    return parse(line, dict(names))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("a b", ["a", "b"]),
        ("key='a b'", ["key=a b"]),
        ("key=\"a 'b'\"", ["key=a 'b'"]),
        ('key="a \\"b\\""', ['key=a "b"']),
        (r"key=a\ b", ["key=a b"]),
        ("key=a # a comment", ["key=a"]),
        ("key=a#b", ["key=a#b"]),
        ("key=$5 key2=~x", ["key=$5", "key2=~x"]),
        ("key=a=b", ["key=a=b"]),
        ("key={{a}}", ["key={a}"]),
        ("''", [""]),
        ("a{b}'c {d}'", ["a{b}c {d}"]),
    ],
)
def test_words_are_split_as_by_a_shell(line, words):
    assert [word.text for word in split(line)] == words


def test_an_expression_may_hold_spaces_quotes_and_braces():
    read = options("price={lambda r: {'a b': 1}['a b']} key=x").price
    assert read(None) == 1


def test_a_lone_expression_is_the_object_and_within_text_its_text():
    assert options("ttl={t}", t=90).ttl == 90
    assert options("key=run-{n}", n=3).key == "run-3"
    assert options("key={x:.2f}", x=3.14159).key == "3.14"
    assert options("inputs={names}", names=["a", "b"]).inputs == ("a", "b")


def test_a_lambda_sees_the_notebook_as_it_is_later():
    namespace = {"rate": 1.0}
    price = parse("price={lambda r: rate * r}", namespace).price
    namespace["rate"] = 2.0
    assert price(3) == 6.0


def test_options_of_all_kinds_are_read():
    read = options(
        "key=k name=n inputs=a,b ignore=c outputs=x ttl=7d rpm=20/min tpm=50k cost=3 retry=3 price=0.2 mode=replay min=3s"
    )
    assert (read.key, read.name, read.inputs, read.ignore, read.outputs) == ("k", "n", ("a", "b"), ("c",), ("x",))
    assert (read.ttl, read.rpm, read.tpm, read.cost, read.retry, read.price) == (604800, 20, 50_000, 3, 3, 0.2)
    assert (read.mode, read.least_seconds) == (Mode.REPLAY, 3.0)
    assert options(" ".join(FLAGS)) == CellOptions(**dict.fromkeys(FLAGS, True))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kye=a", "'kye'. Did you mean key?"),
        ("refersh", "Did you mean refresh?"),
        ("mode=reply", "Did you mean replay?"),
        ("key", "key needs a value"),
        ("key=", "key= is empty"),
        ("quiet=1", "quiet takes no value"),
        ("key=a key=b", "given twice"),
        ("quiet quiet", "given twice"),
        ("key={nam}", "NameError"),
        ("key={1/0}", "ZeroDivisionError"),
        ("key='a", "has no end"),
        ("key={", "not an expression"),
        ("ttl=7x", "not a duration"),
        ("min=0s", "above zero"),
        ("rpm=fast", "not a rate"),
        ("inputs=a-b", "no variable"),
        ("inputs={5}", "not names"),
        ("retry=1.5", "count of attempts"),
        ("price=-1", "at least zero"),
        ("key=a version=2", "both given"),
        ("cost=3", "without a rate"),
    ],
)
def test_what_is_wrong_is_named(line, said):
    with pytest.raises(OptionError, match=None) as caught:
        options(line)
    assert said in str(caught.value)


@given(st.text(max_size=40))
def test_any_line_gives_words_or_an_option_error(line):
    try:
        split(line)
    except OptionError:
        pass


@given(
    st.lists(
        st.text(st.characters(blacklist_characters="{}", blacklist_categories=("Cs",)), min_size=1, max_size=10),
        max_size=5,
    )
)
def test_quoting_as_a_shell_quotes_gives_the_words_back(words):
    import shlex

    given_words = ["x" + word.replace("=", "") for word in words]
    assert [w.text for w in split(" ".join(map(shlex.quote, given_words)))] == given_words


def test_every_option_tells_what_it_is_for():
    assert all(option.about for option in VALUES.values()) and all(FLAGS.values())
