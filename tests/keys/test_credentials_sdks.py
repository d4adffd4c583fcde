"""A credential that only opens a door changes no key; one that may choose what comes back counts, under a mask."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import anthropic
import httpx
import openai
import pytest
import requests
from openai import AsyncOpenAI, OpenAI
from pydantic import SecretStr

from spotmagic.errors import OptionError
from spotmagic.keys import FunctionKey
from spotmagic.options import mark_options

URL = "http://127.0.0.1:9/v1"
api_key = K = "sk-one-0123456789abcdef"
sealed = SecretStr(K)
headers = {"Authorization": f"Bearer {K}", "x-team": "one"}
config = {"api_key": K}


class Settings:
    def __init__(self) -> None:
        self.api_key = K


settings = Settings()


def of_keyword(x: Any) -> Any:
    return OpenAI(api_key=api_key, base_url=URL).chat.completions.create(x)


def of_module(x: Any) -> Any:
    return anthropic.Anthropic(api_key=K, base_url=URL).messages.create(x)


def of_environment(x: Any) -> Any:
    return openai.OpenAI(api_key=os.environ["OPENAI_API_KEY"]).chat.completions.create(x)


def of_getenv(x: Any) -> Any:
    return AsyncOpenAI(api_key=os.getenv("OPENAI_API_KEY", "")).chat.completions.create(x)


def of_either(x: Any) -> Any:
    return OpenAI(api_key=os.environ.get("OPENAI_API_KEY") or K).models.list()


def of_secret(x: Any) -> Any:
    return OpenAI(api_key=sealed.get_secret_value()).chat.completions.create(x)


def of_local(x: Any) -> Any:
    key = os.environ["OPENAI_API_KEY"].strip()
    client = OpenAI(api_key=key)
    return client.chat.completions.create(x)


def of_helper(x: Any) -> Any:
    return of_environment(x)


def of_head(x: Any) -> Any:
    return requests.post(URL, headers={"Authorization": f"Bearer {api_key}", "x-team": "one"}, json=x)


def of_other_head(x: Any) -> Any:
    return httpx.post(URL, headers={"x-api-key": api_key}, json=x)


def of_local_head(x: Any) -> Any:
    head = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}
    with httpx.Client() as http:
        return http.post(URL, headers=head, json=x)


def of_request(x: Any) -> Any:
    with httpx.Client(headers={"Authorization": f"Bearer {K}"}) as http:
        return http.request("POST", URL, headers={"x-api-key": K}, json=x)


def of_headers(x: Any) -> Any:
    return requests.post(URL, headers=headers, json=x)


def fetched(x: Any) -> Any:
    """Whose data comes is up to who asks."""
    return requests.get(URL, headers={"Authorization": f"Bearer {api_key}"})


def fetched_locally(x: Any) -> Any:
    with httpx.Client() as http:
        return http.get(URL, headers={"Authorization": f"Bearer {K}"})


def requested(x: Any) -> Any:
    return requests.request("GET", URL, headers={"Authorization": f"Bearer {K}"})


def in_parameters(x: Any) -> Any:
    return requests.post(URL, params={"token": api_key})


def in_another_head(x: Any) -> Any:
    return requests.post(URL, headers={"x-team": K}, json=x)


def in_an_address(x: Any) -> Any:
    return OpenAI(api_key="none", base_url=f"{URL}/{K}").chat


def used_twice(x: Any) -> Any:
    return OpenAI(api_key=api_key), len(api_key)


def returned(x: Any) -> Any:
    return os.environ["OPENAI_API_KEY"]


def bound(x: Any) -> Any:
    key = K
    return OpenAI(api_key=key), key


def made(key: Any) -> Any:
    return OpenAI(api_key=key)


def passed_on(x: Any) -> Any:
    return made(api_key)


class Own(OpenAI):
    pass


def of_a_class_of_ones_own(x: Any) -> Any:
    return Own(api_key=api_key)


def of_a_dict(x: Any) -> Any:
    return OpenAI(api_key=config["api_key"])


def of_an_import(x: Any) -> Any:
    """What is imported when it runs cannot be looked at before."""
    from openai import OpenAI as Late

    return Late(api_key=api_key)


def unlike_headers(x: Any) -> Any:
    return requests.post(URL, headers=headers, json=headers)


OPENING = [
    of_keyword, of_module, of_environment, of_getenv, of_either, of_secret, of_local, of_helper, of_head,
    of_other_head, of_local_head, of_request, of_headers,
]  # fmt: skip
COUNTING = [
    fetched, fetched_locally, requested, in_parameters, in_another_head, in_an_address, used_twice, returned, bound,
    passed_on, of_a_class_of_ones_own, of_a_dict, of_an_import, unlike_headers,
]  # fmt: skip


def keys_of(function: Any, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[FunctionKey]:
    """The keys of two people, who each have a secret and an account of their own."""
    made = []
    for number, word in enumerate(("one", "two")):
        key = f"sk-{word}-0123456789abcdef"
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setitem(globals(), "api_key", key)
        monkeypatch.setitem(globals(), "K", key)
        monkeypatch.setitem(globals(), "sealed", SecretStr(key))
        monkeypatch.setitem(globals(), "config", {"api_key": key})
        monkeypatch.setitem(globals(), "headers", {"Authorization": f"Bearer {key}", "x-team": "one"})
        one = FunctionKey(function, mark_options(options), mask=lambda data, n=number: masked(data, n))
        one.key(("x",), {})
        made.append(one)
    return made


def masked(data: bytes, number: int) -> bytes:
    return hashlib.blake2b(data, key=b"secret %d" % number, digest_size=16).digest()


@pytest.mark.parametrize("function", OPENING, ids=lambda one: one.__name__)
def test_what_only_opens_a_client_or_a_post_changes_no_key(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (key.keyed(("x",), {}) for key in keys_of(function, monkeypatch))
    assert one.key == two.key and not one.secret
    assert any("credential" in handle for handle in one.handles)


@pytest.mark.parametrize("function", COUNTING, ids=lambda one: one.__name__)
def test_whatever_may_choose_what_comes_back_counts(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = keys_of(function, monkeypatch)
    first = one._now.base.digest()  # type: ignore[union-attr]
    assert first != two._now.base.digest()  # type: ignore[union-attr]


def test_headers_count_but_for_the_credentials_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    key = FunctionKey(of_headers, mark_options({}), mask=lambda data: data[:16])
    before = key.key(("x",), {})
    monkeypatch.setitem(headers, "Authorization", "Bearer another")
    assert key.key(("x",), {}) == before
    monkeypatch.setitem(headers, "x-team", "two")
    assert key.key(("x",), {}) != before


def test_a_name_that_becomes_something_else_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function gives keys by rules of its own, and another class need not be a client."""
    key = FunctionKey(of_keyword, mark_options({}), mask=lambda data: data[:16])
    before = key.key(("x",), {})
    monkeypatch.setitem(globals(), "api_key", "sk-other-0123456789")
    assert key.key(("x",), {}) == before
    monkeypatch.setitem(globals(), "api_key", lambda: "sk")
    assert key.key(("x",), {}) != before
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "OpenAI", made)
    assert key.key(("x",), {}) != before


def test_a_variable_of_the_environment_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = keys_of(returned, monkeypatch, ignore=("OPENAI_API_KEY",))
    assert one.key(("x",), {}) == two.key(("x",), {})
    with pytest.raises(OptionError, match="OPENAI_API_KEX"):
        FunctionKey(returned, mark_options({"ignore": ("OPENAI_API_KEX",)}), mask=lambda data: data)
