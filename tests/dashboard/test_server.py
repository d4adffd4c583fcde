"""The page's server: who may ask it, and that nothing asked of it breaks it or leads out of it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.server import Server, serve
from spotmagic.errors import OptionError
from spotmagic.spot import Spot

from .client import Client, Said
from .conftest import HOSTILE, Keep

PNG = b"\x89PNG\r\n\x1a\n...."


def test_localhost_is_ours_too(client: Client) -> None:
    assert client.get("/", Host=f"localhost:{client.port}").status == 200


def test_only_get_and_post_are_understood(client: Client) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert client.ask(method, "/api/totals").status == 405
    assert client.get("/api/totals").status == 405


def test_a_large_request_is_refused(client: Client) -> None:
    assert client.api("entries", b'{"search": "' + b"x" * 1_000_000 + b'"}').status == 413
    assert client.api("totals").status == 200


# the API


def test_the_api_answers_in_json(client: Client, spot: Spot, keep: Keep) -> None:
    totals = client.api("totals")
    assert totals.headers["content-type"] == "application/json"
    assert totals.json["result"] == Backend(spot).dispatch("totals", {})[0]
    assert client.api("entries", {"search": "ask"}).json["result"]["total"] == 1
    assert client.ask("POST", "/api/totals", b"", Authorization=f"Bearer {client.server.token}",
                      Content_Type="application/json; charset=utf-8").status == 200  # fmt: skip
    picture = keep(PNG)
    shown = client.api("preview", {"key": picture, "part": "value"}).json
    assert base64.b64decode(shown["buffers"][shown["result"]["buffer"]]) == PNG


def test_a_mistake_is_told_in_words(client: Client) -> None:
    wrong = client.api("entries", {"limit": 0})
    assert wrong.status == 400 and wrong.json["error"]["type"] == "OptionError"
    assert client.api("nothing").status == 404
    assert client.api("entry", {"key": "0" * 32}).status == 409
    for body in (b"{", b"[", b"\xff", b"[" * 200_000, b"1" * 5000, b'"text"', b"[]", b"null"):
        assert client.api("entries", body).status == 400


def test_trouble_inside_is_told_and_ends_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Backend, "dispatch", broken)
    said = client.api("totals")
    assert said.status == 500 and said.json == {"ok": False, "error": {"type": "RuntimeError", "text": "a bug"}}


# the line


def ask(method: str, rid: str = "a.1", **params: Any) -> dict[str, Any]:
    return {"t": "request", "v": 1, "rid": rid, "method": method, "params": params}


def test_the_line_answers_in_order_with_buffers(client: Client, keep: Keep) -> None:
    key = keep(PNG)
    wanted = [ask("totals", "a.1"), {"t": "probe"}, ask("preview", "a.2", key=key, part="value"), ask("no", "a.3")]
    (one, _), (two, picture), (three, _) = client.live(*wanted, answers=3)
    assert (one["rid"], one["ok"], two["rid"], two["ok"], three["rid"], three["ok"]) == (
        "a.1", True, "a.2", True, "a.3", False,
    )  # fmt: skip
    assert (two["sizes"], picture) == ([len(PNG)], PNG)


def test_what_any_kernel_writes_comes_over_the_line(client: Client, keep: Keep) -> None:
    threading.Timer(0.4, lambda: keep("later", name="two")).start()
    ((beat, _),) = client.live(answers=1)
    assert beat["t"] == "beat" and beat["totals"]["entries"] == 2


def test_the_spots_beside_it_have_pages_of_their_own(client: Client, spot: Spot) -> None:
    assert client.api("spots").json["result"] == {"names": ["default"]}
    with Spot("other", root=spot.folder.parent) as other:
        other.mark(version="1")(str)("text")
    (spot.folder.parent / "no spot").mkdir()
    assert client.api("spots").json["result"] == {"names": ["default", "other"]}
    page = client.get("/spot/other")
    assert page.status == 200 and b"<title>other" in page.body
    ((said, _),) = client.live(ask("totals"), answers=1, at="/live/other")
    assert (said["result"]["spot"]["name"], said["result"]["entries"]) == ("other", 1)
    for name in ("nothing", "no%20spot", "..", "%2e%2e", "..%2fdefault", "other%00"):
        assert client.get(f"/spot/{name}").status == 404
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        client.live(ask("totals"), answers=1, at="/live/nothing")


@pytest.mark.parametrize("message", [b"\0\1", "{", "[" * 100_000, "1" * 5000])
def test_what_is_no_message_ends_the_line_and_no_more(client: Client, message: Any) -> None:
    with pytest.raises(Exception, match="1003"):
        client.live(message, answers=1)
    assert client.live(ask("totals"), answers=1)[0][0]["ok"]


# hostile requests

PATHS = """
/../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /static/panel.js //etc/passwd /api/../panel.js /panel.js/ /panel.js%00 /api/
/api/entry/../../x /api/%2e%2e%2fsecret /C:\\secret /\\..\\secret /?token=\xff /.spotmagic/default/format.json
/format.json /spot.duckdb /api/__init__ /api/dispatch /%ff%fe /api/preview?key=../../secret http://evil/ *
""".split()
VALUES: list[Any] = [
    *[None, True, 0, -1, 1, 2**63, 2**200, -(2**70), 1.5, [], [None], [["0" * 32]], {}, {"a": 1}],
    *["", "x" * 501, "../../secret", "/etc/passwd", "\0", "\ud800", HOSTILE, "\u202e", "read_text('/etc/passwd')"],
    *["'; DROP TABLE entries; --", "%' OR 1=1 --", "[", "[!", "*?[", "]" * 9, "live", "all", "-created", "-" * 9],
    *["0" * 32, "F" * 32, "g" * 32, "0" * 33, ["0" * 32], ["\ud800"], "replay", "auto", "value", "outputs", "ask"],
]
NAMES = "key keys name part limit offset order search kind status pinned mode all file x".split()
METHODS = """
totals entries entry preview forget pin accept functions function set_mode runs limits rebuild health check export
""".split()
ODD = """Host: evil
Cookie: a=\xff; ;=;
Content-Length: -1
Content-Length: 99999999999
Content-Type: application/json
Transfer-Encoding: chunked
Origin: null
Upgrade: websocket
Connection: upgrade
: nameless
Expect: 100-continue""".split("\n")


def test_a_thousand_hostile_requests_break_nothing_and_lead_nowhere(client: Client, spot: Spot, keep: Keep) -> None:
    """Seeded, so that one that breaks something is found again."""
    secret = spot.folder.parent.parent / "secret"
    secret.write_text("the secret that must not be told")
    key = keep({"a": [1, 2, HOSTILE]}, name=HOSTILE)
    outside = listing(spot.folder.parent.parent, spot.folder)
    chance = random.Random(7)
    seen: dict[int, int] = {}
    for number in range(1000):
        if number % 4 == 0:
            said = raw(client, chance)
        else:
            names = chance.sample(NAMES, chance.randint(0, 4))
            params: Any = {name: chance.choice([*VALUES, key]) for name in names}
            method = chance.choice([*METHODS, chance.choice(["nothing", "%2e%2e", "_entries", "__class__", "first"])])
            body = json.dumps(chance.choice([params, params, params, [params], chance.choice(VALUES)])).encode()
            if chance.random() < 0.1:
                body = bytes(byte ^ (chance.random() < 0.05) for byte in body)
            said = client.api(method, body)
        assert said.status < 500, (number, said)
        assert b"secret that must not" not in said.body and b"root:" not in said.body
        seen[said.status] = seen.get(said.status, 0) + 1
    assert len(seen) > 4 and seen[200] > 100, seen
    assert listing(spot.folder.parent.parent, spot.folder) == outside


def raw(client: Client, chance: random.Random) -> Said:
    """A request that no library would send."""
    path = chance.choice(PATHS)
    head = chance.choice(["GET", "GET", "POST", "HEAD", "get", "G" * 99, "CONNECT"])
    lines = [f"{head} {path} HTTP/1.{chance.choice('11019')}"]
    ours = [f"Host: 127.0.0.1:{client.port}", f"Authorization: Bearer {client.server.token}"]
    lines += chance.sample([*ours, *ours, "X: " + "y" * 9000, *ODD], chance.randint(0, 6))
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
        line.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(line)
        try:
            answer.begin()
            return Said(answer.status, {}, answer.read())
        except (http.client.HTTPException, ConnectionError):  # hung up on, or only half a request
            return Said(0, {}, b"")


def listing(root: Path, but: Path) -> list[tuple[str, int, int]]:
    """Every file under a folder but those under another one, with what tells a change."""
    found = [path for path in root.rglob("*") if path.is_file() and but not in path.parents]
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found)


# exports


def test_an_export_is_fetched_once_by_who_is_let_in(client: Client, spot: Spot, tmp_path: Path) -> None:
    """It has the name that was said, nothing of it stays in the folder, and a program fetches it as a page does."""
    client.api("totals")
    before = {path.name for path in spot.folder.iterdir()}
    known = client.api("export", {"file": "my räsults.zip"}).json["result"]
    assert known["text"].startswith("1 result, ")
    assert {path.name for path in spot.folder.iterdir()} == before
    path = f"/export/{known['ticket']}"
    assert client.ask("GET", path).status == 401
    assert client.get(path, Host="evil.example").status == 421
    assert client.ask("HEAD", path, Authorization=f"Bearer {client.server.token}").status == 404
    assert client.get("/export/" + "x" * 32).status == 404
    said = client.ask("GET", path, Cookie=client.cookie())
    assert (said.status, said.headers["content-type"]) == (200, "application/zip")
    assert said.headers["content-disposition"] == "attachment; filename*=UTF-8''my%20r%C3%A4sults.zip"
    assert int(said.headers["content-length"]) == len(said.body)
    assert said.headers["x-content-type-options"] == "nosniff"
    assert client.get(path).status == 404
    (tmp_path / "fetched.zip").write_bytes(said.body)
    with Spot("elsewhere", root=tmp_path) as other:
        assert other.load(tmp_path / "fetched.zip").taken == 1


def test_exports_that_nobody_fetches_do_not_pile_up(client: Client) -> None:
    tickets = [client.api("export", {"file": "a"}).json["result"]["ticket"] for _ in range(4)]
    assert [client.get(f"/export/{ticket}").status for ticket in tickets] == [404, 404, 200, 200]


def test_a_page_cannot_say_where_an_export_goes(client: Client, spot: Spot) -> None:
    everything = spot.folder.parent.parent
    client.api("totals")
    before = sorted(everything.rglob("*"))
    for name in ("../results.zip", "/tmp/results.zip", "a/b", "..", ".hidden", "", "a\\b", "nul\0", "x" * 201):
        assert client.api("export", {"file": name}).status == 400
    assert sorted(everything.rglob("*")) == before


# how it starts and ends


def test_a_taken_port_is_told_when_it_was_asked_for(spot: Spot, client: Client) -> None:
    with pytest.raises(OptionError, match=f"port {client.port} is not free: another program has it"):
        Server(spot, client.port)
    for port in (-1, 70_000):
        with pytest.raises(OptionError, match="ports go from 0 to 65535"):
            Server(spot, port)


def test_without_the_extra_it_names_what_to_install(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r'pip install "spotmagic\[ui\]"'):
        Server(spot, 0)


def test_the_browser_is_opened_without_the_token_on_a_command_line(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, str, int]] = []

    def browse(address: str) -> None:
        path = Path(unquote(urlsplit(address).path))
        opened.append((address, path.read_text(), path.stat().st_mode & 0o777))

    said: list[str] = []
    monkeypatch.setattr("webbrowser.open", browse)
    monkeypatch.setattr(Server, "run", lambda server: server._socket.close())
    serve(spot, 0, say=said.append)
    ((address, text, mode),) = opened
    token = said[0].split("token=")[1]
    assert address.startswith("file://") and token not in address
    assert f"token={token}" in text and mode == 0o600
    assert not Path(unquote(urlsplit(address).path)).exists()


def test_it_ends_while_pages_are_open(spot: Spot) -> None:
    server = Server(spot, 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    client = Client(server)

    async def hold() -> float:
        headers = {"cookie": client.cookie()}
        origin: Any = f"http://127.0.0.1:{server.port}"
        async with connect(f"ws://127.0.0.1:{server.port}/live", origin=origin, additional_headers=headers) as line:
            began = time.monotonic()
            server.stop()
            with pytest.raises(Exception, match="1012|1006|no close"):
                await asyncio.wait_for(line.recv(), 10)
            return time.monotonic() - began

    assert asyncio.run(hold()) < 5
    thread.join(10)
    assert not thread.is_alive()


def test_two_pages_see_what_the_other_does(client: Client, spot: Spot) -> None:
    client.api("set_mode", {"mode": "replay", "name": "ask"})
    assert client.api("functions").json["result"]["rows"][0]["mode"] == "replay"
    assert spot.mode_of("ask") == "replay"
