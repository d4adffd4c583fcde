"""Another web page, or another program without the token, gets nothing of the page's server and changes nothing."""

from __future__ import annotations

import socket
import threading
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dashboard import conftest as served
from dashboard.client import Client
from websockets.exceptions import InvalidStatus

from spotmagic.spot import Spot

spot, keep, client = served.spot, served.keep, served.client


def test_a_naive_server_answers_whoever_asks(tmp_path: Path) -> None:
    """The control: on loopback too, it takes any host, any origin and no token."""
    (tmp_path / "results").write_text("of this user")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/results"
        asked = urllib.request.Request(address, headers={"Host": "evil.example", "Origin": "http://evil.example"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.read() == b"of this user"
        server.shutdown()


def test_the_token_opens_the_page_once_and_leaves_the_address(client: Client) -> None:
    first = client.ask("GET", f"/?token={client.server.token}")
    assert (first.status, first.headers["location"]) == (303, "/")
    made = first.headers["set-cookie"]
    assert made.startswith(f"spotmagic-{client.port}=")
    assert "HttpOnly" in made and "SameSite=Strict" in made
    assert client.server.token not in made
    page = client.ask("GET", "/", Cookie=client.cookie())
    assert page.status == 200 and b"page.js" in page.body and b"<title>default" in page.body


@pytest.mark.parametrize("path", ["/", "/page.js", "/panel.js", "/?token=", "/?token=wrong", "/nothing", "/live"])
def test_without_the_token_nothing_is_told(client: Client, path: str) -> None:
    said = client.ask("GET", path)
    assert said.status == 401
    assert "set-cookie" not in said.headers


@pytest.mark.parametrize("headers", [{"Cookie": "spotmagic-{port}=x"}, {"Cookie": '"'}, {"Authorization": "Bearer é"}])
def test_a_wrong_secret_is_no_secret(client: Client, headers: dict[str, str]) -> None:
    given = {name: value.format(port=client.port) for name, value in headers.items()}
    assert client.ask("GET", "/", **given).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", "::1"]
)
def test_a_name_that_was_bent_to_this_machine_gets_nothing(client: Client, host: str) -> None:
    given = host.format(port=client.port)
    assert client.get("/", Host=given).status == 421
    assert client.api("totals", Host=given).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_page_may_change_nothing(client: Client, spot: Spot, headers: dict[str, str]) -> None:
    key = spot.entries()[0].key
    given = {name: value.format(port=client.port) for name, value in headers.items()}
    assert client.api("forget", {"keys": [key]}, Cookie=client.cookie(), **given).status == 403
    assert len(spot.entries()) == 1
    own = client.api("forget", {"keys": [key]}, Origin=f"http://127.0.0.1:{client.port}", Sec_Fetch_Site="same-origin")
    assert own.json == {"ok": True, "result": {"forgotten": 1}}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_could_send_is_not_taken(client: Client, kind: str) -> None:
    assert client.api("totals", Content_Type=kind).status == 415


def test_every_answer_says_how_it_may_be_used(client: Client) -> None:
    answers = [client.get("/"), client.get("/nothing"), client.ask("GET", "/"), client.api("totals"), client.api("no")]
    for said in answers:
        policy = said.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src 'self';" in policy
        assert said.headers["x-content-type-options"] == "nosniff"
        assert said.headers["referrer-policy"] == "no-referrer"
        assert said.headers["cache-control"] == "no-store"
        assert not [name for name in said.headers if name.startswith("access-control")]
        assert "server" not in said.headers


def test_it_listens_on_loopback_alone(client: Client) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.2", client.port))  # would be taken, did it listen everywhere


def ask(method: str, rid: str = "a.1", **params: Any) -> dict[str, Any]:
    return {"t": "request", "v": 1, "rid": rid, "method": method, "params": params}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"cookie": ""},
        {"cookie": "spotmagic-1=x"},
        {"host": "evil.example:{port}"},
    ],
)
def test_a_line_from_elsewhere_is_refused(client: Client, headers: dict[str, str]) -> None:
    given = {name: value.format(port=client.port) for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as refused:
        client.live(ask("totals"), answers=1, **given)
    assert refused.value.response.status_code == 403
