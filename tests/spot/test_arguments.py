"""Calls are recognised by their arguments, in listings, patterns and as a data frame; and no secret is ever in one."""

from __future__ import annotations

import base64
import dataclasses
import enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas
import pydantic
import pytest

from spotmagic import KeyGen, Spot
from spotmagic.errors import OptionError
from spotmagic.values.short import pack, texts, unpack

SECRET = "sesame/open+the?door 42"
CITIES = ("France", "Norway", "Peru")


@pytest.fixture
def ask(spot: Spot) -> Any:
    @spot.mark
    def ask(prompt: str, model: str = "small") -> str:
        return prompt.upper()

    for city in CITIES:
        ask(f"What is the capital of {city}?")
    return ask


def test_a_row_is_known_by_its_call(spot: Spot, ask: Any) -> None:
    ask("Why?\nHow?", model="large")
    row = spot.entries(order="-created")[0]
    assert row.arguments == {"prompt": '"Why?\nHow?"', "model": '"large"'}
    assert row.call == 'ask("Why?\nHow?", model="large")'
    ask.sample(3)("again")
    assert spot.entries()[0].call == 'ask("again", model="small", sample=3)'


def test_calls_are_found_by_argument(spot: Spot, ask: Any) -> None:
    found = spot.entries("what is the capital*")
    assert {row.arguments["prompt"] for row in found} == {f'"What is the capital of {city}?"' for city in CITIES}
    assert len(spot.entries("*capital of norway?")) == 1 == len(spot.entries("ask(*peru*)"))
    assert len(spot.entries("other(*peru*)")) == 0 == len(spot.entries("* *", kind="cell"))
    assert len(spot.entries("a*(small)")) == 3 and len(spot.entries(search="NORWAY")) == 1
    assert not spot.entries("what is*small"), "a pattern is about one argument"


def test_a_pattern_without_a_space_or_bracket_means_names_alone(spot: Spot, ask: Any) -> None:
    spot.mark(_whatever)("ask")
    assert spot.forget("What*") == 0 == spot.forget("small")
    assert spot.forget("what is the capital of p*") == 1 and spot.stats().entries == 3
    assert spot.forget("ask") == 2


def _whatever(prompt: str) -> str:
    return prompt


def test_questions_and_answers_are_a_data_frame(spot: Spot, ask: Any) -> None:
    @spot.mark
    def table(name: str, answer: int = 1) -> Any:
        return [name]

    table("x")
    frame = spot.entries(order="created").df()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 4
    assert frame["prompt"].tolist()[:3] == [f"What is the capital of {city}?" for city in CITIES]
    assert frame["answer"].tolist()[2:] == ["WHAT IS THE CAPITAL OF PERU?", ["x"]]
    assert frame["argument name"].tolist()[-1] == "x" and frame["argument answer"].tolist()[-1] == "1"
    assert {"price", "seconds", "created", "name"} <= {*frame.columns} and len(spot.entries("nothing").df()) == 0


def test_digests_alone_are_kept_where_that_is_wanted(spot: Spot, tmp_path: Path) -> None:
    spot.mark(keep_inputs=False)(_twice)("quiet words")
    assert not spot.entries()[0].arguments
    with Spot("quiet", root=tmp_path, keep_inputs=False) as quiet:
        quiet.mark(_twice)("quiet words")
        assert quiet.entries()[0].call.endswith("_twice") and not quiet.entries()[0].arguments
        quiet.mark(keep_inputs=True)(_twice)("heard")
        assert quiet.entries("*_twice")[0].arguments == {"prompt": '"heard"'}
        quiet.flush()
    spot.close()
    assert not any(b"quiet words" in path.read_bytes() for path in (tmp_path / "quiet").rglob("*") if path.is_file())
    with pytest.raises(OptionError, match="keep_inputs=3 is neither"):
        spot.mark(keep_inputs=3)  # type: ignore[call-overload]


def _twice(prompt: str) -> int:
    return len(prompt)


@dataclasses.dataclass
class Config:
    model: str
    api_key: str
    note: str = dataclasses.field(default="hush", repr=False)


class Login(pydantic.BaseModel):
    user: str
    word: pydantic.SecretStr


class Holder:
    def __init__(self, password: str) -> None:
        self.password = password

    def __repr__(self) -> str:
        raise AssertionError("asked for its text")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


class SecretText(str):
    pass


HOLDING = {
    "a secret argument": lambda s: {"api_key": s},
    "an ignored one that others hold": lambda s: {"token": s, "text": f"use {s} here"},
    "a header": lambda s: {"headers": {"Authorization": f"Bearer {s}", "X-Api-Key": s, "Cookie": f"id={s}"}},
    "pairs": lambda s: {"headers": [("authorization", s), ("accept", "x")]},
    "a nested dict": lambda s: {"options": {"a": [{"b": {"client_secret": s, "model": "m"}}]}},
    "named and valued": lambda s: {"headers": [{"name": "Authorization", "value": s}]},
    "a dataclass": lambda s: {"config": Config("m", s)},
    "a model": lambda s: {"login": Login(user="u", word=s)},
    "an object": lambda s: {"holder": Holder(s), "text": s},
    "a text class": lambda s: {"text": SecretText(s)},
    "an address": lambda s: {"password": s, "url": f"https://host/?q={quote(s, safe='')}&r={quote(s)}"},
    "base64": lambda s: {"password": s, "text": base64.b64encode(f"user:{s}".encode()).decode()},
    "hexadecimal": lambda s: {"password": s, "text": s.encode().hex()},
    "at the cut": lambda s: {"password": s, "text": "x" * 190 + s, "more": "y " * 99 + s},
    "bytes": lambda s: {"password": s.encode(), "text": s},
}


def test_no_secret_is_in_the_folder_in_any_spelling(tmp_path: Path) -> None:
    with Spot("hush", root=tmp_path) as spot:
        for how, arguments in HOLDING.items():

            def send(ignored: Any = None, **options: Any) -> int:
                return len(options)

            send.__qualname__ = how.replace(" ", "_")
            spot.mark(ignore="ignored", version="1")(send)(ignored=[SECRET], **arguments(SECRET))
        rows = spot.entries()
        assert len(rows) == len(HOLDING) and all(row.arguments for row in rows)
        spot.flush()
    data = SECRET.encode()
    spelled = [SECRET, SECRET[:9], quote(SECRET)[:9], quote(SECRET, safe="")[:9], data.hex()[:14]]
    spelled += [base64.b64encode(b"user:" + data).decode()[8:18], base64.b64encode(data).decode()[:10]]
    found = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for one in spelled:
        assert one.encode() not in found and one.encode("utf-16-le") not in found, one


@pytest.mark.parametrize(
    "token",
    ["sk-proj-abcdefgh12345678", "ghp_abcdefgh12345678abcd", "eyJhbGciOiJIUzI1NiJ9.e30.abc", "AKIAABCDEFGH12345678",
     "-----BEGIN RSA PRIVATE KEY-----\n" + "Zm9v\n" * 300 + "-----END RSA PRIVATE KEY-----", "0a" * 20],
)  # fmt: skip
def test_what_looks_like_a_credential_is_masked_wherever_it_stands(token: str) -> None:
    shown = texts(
        {"a": token, "b": f"please use {token} now", "c": [{"x": token}], "d": f"x={token}", "e": "z" * 195 + token}
    )
    assert not any(token[:30] in text or token[4:12] in text for text in shown.values())
    assert shown["b"].startswith('"please use …')


def test_a_secret_of_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert texts({"a": "correct horse battery"}) == {"a": '"correct horse battery"'}
    monkeypatch.setenv("DB_PASSWORD", "correct horse battery")
    assert texts({"a": "the correct horse battery staple"}) == {"a": '"the … staple"'}


def test_policies_say_what_is_shown(spot: Spot, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    policies = KeyGen.map(path=KeyGen.FILE_CONTENT, loud=KeyGen.IGNORE, pin=KeyGen.SECRET)
    f: Any = spot.mark(key=policies)(_read)
    f(str(tmp_path / "notes.txt"), loud="very loud", pin="four-five-six", text="with four-five-six in it")
    assert spot.entries()[0].arguments == {
        "path": f'"{tmp_path / "notes.txt"}"', "text": '"with … in it"',
    }  # fmt: skip
    chosen: Any = spot.mark(key=lambda config: config.model)(_of)
    chosen(Config("m", SECRET))
    assert spot.entries()[0].call == '_of("m")'


def _read(path: str, loud: str = "", pin: str = "", text: str = "") -> int:
    return len(path)


def _of(config: Config) -> str:
    return config.model


class Colour(enum.Enum):
    RED = 1


class Endless(dict[str, Any]):
    def items(self) -> Any:
        raise AssertionError("asked")

    __iter__ = keys = __repr__ = __len__ = items  # type: ignore[assignment]


def test_texts_are_short_and_run_no_code_of_users() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    system, question = {"role": "system", "content": "You " * 300}, {"role": "user", "content": "Which is the capital?"}
    shown = texts({
        "chat": [system, question], "long": "a" * 10_000, "holder": Holder("x"), "mine": Endless(a=1), "loop": loop,
        "deep": deep, "big": 10**9999, "frame": pandas.DataFrame({"a": [1, 2]}), "colour": Colour.RED,
        "data": b"x" * 9, "many": list(range(1000)), "nothing": None, "kind": Colour, "lone": "\ud800",
        "zero": "a\0\x1e\x1fb",
    })  # fmt: skip
    assert all(len(text) <= 200 for text in shown.values()) and "Which is the capital?" in shown["chat"]
    assert shown["holder"] == "<Holder>" and shown["mine"] == '{"a": 1}' and shown["colour"] == "Colour.RED"
    assert shown["frame"] == "<DataFrame, 2 \N{MULTIPLICATION SIGN} 1>" and shown["data"] == "<bytes, 9 bytes>"
    assert shown["many"].endswith("…, 999]") and shown["nothing"] == "None" and shown["kind"] == "Colour"
    assert unpack(pack(shown)) == shown
    assert len("".join(texts({f"a{n}": "é" * 500 for n in range(50)}).values()).encode()) <= 2_000


def test_arguments_are_told_as_they_were_before_the_run(spot: Spot) -> None:
    @spot.mark(ignore="log", version="1")
    def grow(words: list[str], log: list[str]) -> int:
        log.append("later")
        return len(words)

    grow(["one"], [])
    assert spot.entries()[0].arguments == {"words": '["one"]'}


def test_trouble_with_a_text_costs_no_result(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spotmagic.keys.told.texts", lambda *_: 1 / 0)
    f: Any = spot.mark(_whatever)
    with pytest.warns(Warning, match="are not listed: ZeroDivisionError"):
        assert f("x") == "x"
    assert f.peek("x") == "x"
