"""Requests of several threads and processes at once, and what counts of any two requests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotmagic.wrap.request import Sent, read_request

SESSION = """
import sys, threading
import httpx
from spotmagic import Spot

with Spot("wrapped", root=sys.argv[2]) as spot, spot.wrap("httpx"), httpx.Client(verify=False) as client:
    got = []
    ask = lambda: got.append(client.post(sys.argv[1] + "/slow", json={"n": 1}).json()["count"])
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(got)
"""


def test_threads_and_processes_at_once_pay_once(server: Any, tmp_path: Path) -> None:
    """The server answers when both processes have begun, or after a moment where one waits for the other."""
    command = [sys.executable, "-c", SESSION, server.url, str(tmp_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate(timeout=60)[0].strip() for run in runs] == ["[1, 1, 1, 1]"] * 2
    assert len(server.asked) == 1


def mask(data: bytes) -> bytes:
    return b"masked " + data


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(
    st.sampled_from(["model", "messages", "n", "url", "method", "header:accept"]), VALUES, max_size=4
)


def key_of(body: Any, url: str = "http://api.test/v1", **headers: str) -> bytes:
    sent = Sent("POST", url, (("content-type", "application/json"), *headers.items()), json.dumps(body).encode())
    return read_request(sent, mask).key


@given(one=BODIES, other=BODIES)
def test_two_bodies_are_one_call_only_if_they_are_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = sorted(map(json.dumps, one.items())) == sorted(map(json.dumps, other.items()))
    assert (key_of(one) == key_of(other)) is same


PAIRS = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.text("x&=+% é", max_size=2)), max_size=4)


@given(one=PAIRS, other=PAIRS)
def test_two_queries_are_one_call_only_if_each_name_has_the_same_values(one: Any, other: Any) -> None:
    from urllib.parse import urlencode

    def named(pairs: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    keys = [key_of({}, f"http://api.test/v1?{urlencode(pairs)}") for pairs in (one, other)]
    assert (keys[0] == keys[1]) is (named(one) == named(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://API.test/v1", "http://api.test/v1"),
        ("http://api.test:80/v1", "http://api.test/v1"),
        ("https://api.test:443", "https://api.test/"),
        ("http://api.test/%7ea%2fb", "http://api.test/~a%2Fb"),
        ("http://api.test/v1#part", "http://api.test/v1"),
        ("http://api.test/v1?a=1&b=2", "http://api.test/v1?b=2&a=1"),
        ("http://me:secret@api.test/v1", "http://api.test/v1"),
    ],
)
def test_addresses_that_are_one(one: str, other: str) -> None:
    assert key_of({}, one) == key_of({}, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://api.test/v1", "https://api.test/v1"),
        ("http://api.test/v1", "http://api.test:8080/v1"),
        ("http://api.test/v1", "http://api.test/v1/"),
        ("http://api.test/v1", "http://api.test/V1"),
        ("http://api.test/a/b", "http://api.test/a%2Fb"),
        ("http://api.test/v1?a=1&a=2", "http://api.test/v1?a=2&a=1"),
        ("http://api.test/v1?a", "http://api.test/v1?a="),
        ("http://api.test/v1?key=users", "http://api.test/v1?key=orders"),
        ("http://api.test/v1?key=9f86d081884c7d65", "http://api.test/v1?key=1f86d081884c7d65"),
        ("http://api.test/v1?page_token=a", "http://api.test/v1?page_token=b"),
        ("http://api.test/v1?q=a+b", "http://api.test/v1?q=a%2Bb"),
        ("http://api.test/v1?q=a+b", "http://api.test/v1?q=a%20b"),
        ("http://api.test/v1?q=a%26b=1", "http://api.test/v1?q=a&b=1"),
        ("http://api.test/v1?code=DE", "http://api.test/v1?code=FR"),
    ],
)
def test_addresses_that_are_two(one: str, other: str) -> None:
    assert key_of({}, one) != key_of({}, other)


def test_bodies_that_are_no_json_after_all_count_as_bytes() -> None:
    def raw(body: bytes) -> bytes:
        return read_request(Sent("POST", "http://api.test", (("content-type", "application/json"),), body), mask).key

    assert (
        len({raw(one) for one in (b'{"a":1,"a":2}', b'{"a":2}', b'{"a":', b"1e400", b"2e400", b'"1e400"', b"\xff")})
        == 7
    )
    assert raw(b'{"a": "\\ud800"}') != raw(b'{"a": "\\ud801"}')
