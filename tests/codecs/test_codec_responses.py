"""A response comes back with all there is to read, or is refused because its request carries a credential."""

from __future__ import annotations

import collections
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
from loopback import Answering, Loopback, serving

from spotmagic.codecs import decode, encode
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint

CANARY = "canary-3f9a"


class _Handler(Answering):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.say(status=302, location="/found?code=DE&page=2")
            return
        cookies = ("set-cookie", "session=7; Path=/; HttpOnly"), ("set-cookie", "b=8")
        content = gzip.compress(json.dumps({"path": self.path}).encode())
        self.say(content, 200, *cookies, content_encoding="gzip", x_request_key="k")

    do_POST = do_GET


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(Loopback(_Handler)) as server:
        yield server.address


def back(value: Any, *, trusted: bool = True) -> Any:
    encoded = encode(value, pickle="never")
    return decode(encoded.codecs, encoded.head, encoded.buffers, trusted=trusted)


def read(response: Any) -> dict[str, Any]:
    request = response.request
    return {
        "status": response.status_code, "url": str(response.url), "headers": list(response.headers.items()),
        "content": response.content, "text": response.text, "json": response.json() if response.content else None,
        "cookies": dict(response.cookies), "encoding": response.encoding, "elapsed": response.elapsed,
        "history": [read(earlier) for earlier in response.history], "method": request.method,
        "asked": str(request.url), "sent": list(request.headers.items()), "links": response.links,
        "repr": repr(response), "lines": list(response.iter_lines()),
        "body": getattr(request, "content", None) if hasattr(request, "_content") else getattr(request, "body", None),
        "reason": getattr(response, "reason_phrase", getattr(response, "reason", None)),
        "http": getattr(response, "http_version", None), "next": str(getattr(response, "next_request", None)),
    }  # fmt: skip


GETS: dict[str, Callable[[str], Any]] = {
    "httpx": lambda url: httpx.get(url, follow_redirects=True),
    "requests": requests.get,
    "httpx of a form": lambda url: httpx.post(url, data={"q": "1"}, follow_redirects=False),
    "requests of json": lambda url: requests.post(url, json={"q": "1"}, allow_redirects=False),
}


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("path", ["/a?code=DE&key=summer", "/moved"])
@pytest.mark.parametrize("name", GETS)
def test_all_there_is_to_read_is_what_the_run_gave(name: str, path: str, trusted: bool, server: str) -> None:
    response = GETS[name](server + path)
    if trusted:
        read(response)  # which works some of it out
    copy = back({"r": [response]}, trusted=trusted)["r"][0]
    assert type(copy) is type(response) and read(copy) == read(response)
    assert fingerprint(copy) == fingerprint(response)
    assert read(copy) == read(response)
    copy.raise_for_status() if path != "/moved" else None


def test_headers_cookies_and_addresses_come_back_alone(server: str) -> None:
    for response in (httpx.get(server), requests.get(server)):
        copy = back([response.headers, response.url])
        assert type(copy[0]) is type(response.headers) and list(copy[0].items()) == list(response.headers.items())
        assert copy[1] == response.url
    jar = back(requests.get(server).cookies)
    assert dict(jar) == {"session": "7", "b": "8"} and [cookie.path for cookie in jar] == ["/", "/"]


BEARER = f"Bearer {CANARY}"
WITH_CREDENTIALS: dict[str, tuple[Callable[[str], Any], str]] = {
    "header": (lambda url: httpx.get(url, headers={"Authorization": BEARER}), "authorization"),
    "header of requests": (lambda url: requests.get(url, headers={"Authorization": BEARER}), "Authorization"),
    "key in a header": (lambda url: httpx.get(url, headers={"X-Api-Key": CANARY}), "x-api-key"),
    "name and password": (lambda url: requests.get(url, auth=("me", CANARY)), "Authorization"),
    "cookie": (lambda url: requests.get(url, cookies={"session": CANARY}), "Cookie"),
    "parameter": (lambda url: httpx.get(url, params={"api_key": CANARY}), "api_key"),
    "long key": (lambda url: requests.get(url, params={"key": CANARY * 3}), "key"),
    "signature": (lambda url: httpx.get(url, params={"X-Amz-Signature": CANARY * 3}), "X-Amz-Signature"),
    "body": (lambda url: httpx.post(url, json={"client_secret": CANARY}), "client_secret"),
    "form": (lambda url: requests.post(url, data={"password": CANARY}), "password"),
    "before a redirect": (
        lambda url: httpx.get(url + "/moved", params={"token": CANARY}, follow_redirects=True), "token",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITH_CREDENTIALS)
def test_a_request_with_a_credential_is_refused_by_name(name: str, server: str) -> None:
    get, told = WITH_CREDENTIALS[name]
    response = get(server)
    for value in (response, {"r": response}, collections.UserDict(r=response)):
        with pytest.raises(Uncacheable, match=rf"credential \({told}\).*return .json\(\) or .content of the response"):
            encode(value)
    assert encode([response.json() if response.content else None, response.content, dict(response.headers)]).codecs


def test_what_was_not_read_is_refused(server: str) -> None:
    with pytest.raises(Uncacheable, match="not read"):
        encode(httpx.Response(200, stream=httpx.ByteStream(b"x")))
    with pytest.raises(Uncacheable, match="not read"):
        encode([requests.Response()])


def test_attributes_of_the_user_come_back(server: str) -> None:
    response = requests.get(server)
    response.note = {"a": [1]}
    assert back(response).note == {"a": [1]}
