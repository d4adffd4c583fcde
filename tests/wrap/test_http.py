"""Requests of httpx, httpx2 and requests under a spot: asked once, the same answer after that, never a credential."""

from __future__ import annotations

import asyncio
import base64
import datetime
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from wrap_server import EVENTS

from spotmagic import Spot, last, wrap
from spotmagic.errors import BudgetSpent, OptionError, RecordMissing

KEY = "sk-live-4f9a8b7c6d5e4f3a2b1c"
PACKAGES = [name for name in ("httpx", "httpx2", "requests") if importlib.util.find_spec(name)]
CLIENTS = [*PACKAGES, *(f"{name} async" for name in PACKAGES if name != "requests")]
pytestmark = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture
def ask(client: str) -> Any:
    """Sends one request with a client of its own and gives the response, read."""
    name, _, is_async = client.partition(" ")
    package = importlib.import_module(name)

    async def later(method: str, url: str, **given: Any) -> Any:
        async with package.AsyncClient(verify=False) as session:
            return await session.request(method, url, **given)

    def send(method: str, url: str, **given: Any) -> Any:
        if is_async:
            return asyncio.run(later(method, url, **given))
        with package.Session() if name == "requests" else package.Client(verify=False) as session:
            if name == "requests" and "content" in given:
                given["data"] = given.pop("content")
            return session.request(method, url, **given)

    return send


@pytest.fixture(autouse=True)
def wrapped(client: str, spot: Spot) -> Any:
    return spot.wrap(client.partition(" ")[0].removesuffix("2"))


def test_a_request_is_sent_once_and_comes_back_whole(ask: Any, server: Any) -> None:
    one = ask("POST", f"{server.url}/v1/chat", json={"model": "tiny", "messages": ["é"]})
    first = last()
    two = ask("POST", f"{server.url}/v1/chat", json={"model": "tiny", "messages": ["é"]})
    assert len(server.asked) == 1
    assert (first.verdict, first.stored, first.kind) == ("ran", True, "http") and last().verdict == "hit"
    assert last().name == f"POST {server.url.removeprefix('http://')}/v1/chat"
    assert type(two) is type(one) and two.status_code == one.status_code == 200
    assert two.json() == one.json() and two.content == one.content and two.text == one.text
    gone = {"set-cookie"}
    assert [pair for pair in one.headers.items() if pair[0].lower() not in gone] == list(two.headers.items())
    assert str(two.request.url) == str(one.request.url) and two.request.method == "POST"
    assert isinstance(two.elapsed, datetime.timedelta) and two.elapsed > datetime.timedelta(0)
    if hasattr(one, "http_version"):
        assert one.http_version == two.http_version == "HTTP/1.1"
        assert one.reason_phrase == two.reason_phrase == "OK" and one.encoding == two.encoding
    else:
        assert (one.reason, one.url, one.encoding) == (two.reason, two.url, two.encoding)
        assert one.raw.version == two.raw.version


def test_cookies_come_with_the_first_answer_and_are_in_no_file(ask: Any, server: Any, spot: Spot) -> None:
    one = ask("GET", f"{server.url}/v1/chat")
    assert one.cookies["session"] == "s3cr3t-s3ss10n"
    two = ask("GET", f"{server.url}/v1/chat")
    assert last().verdict == "hit" and not two.cookies
    assert not found(spot.folder, "s3cr3t-s3ss10n")


@pytest.mark.parametrize(
    "other",
    [
        {"json": {"model": "other", "n": 1}},
        {"json": {"model": "tiny", "n": 1.0}},
        {"json": {"model": "tiny", "n": True}},
        {"json": {"model": "tiny", "n": 1, "tools": []}},
        {"json": ["tiny", 1]},
        {"headers": {"anthropic-version": "2"}},
        {"headers": {"openai-organization": "other"}},
        {"headers": {"X-Tenant": "b"}},
        {"headers": {"Accept": "text/plain"}},
        {"params": {"api-version": "2"}},
        {"params": {"token": "page2"}},
        {"path": "/v1/other"},
        {"method": "GET"},
        {"host": "localhost"},
    ],
    ids=lambda other: json.dumps(other),
)
def test_what_may_change_the_answer_is_asked_anew(ask: Any, server: Any, other: dict[str, Any]) -> None:
    def send(host: str = "127.0.0.1", path: str = "/v1/chat", method: str = "POST", **given: Any) -> Any:
        given.setdefault("json", {"model": "tiny", "n": 1})
        headers = {"Accept": "*/*", "anthropic-version": "1", **given.pop("headers", {})}
        params = {"api-version": "1", **given.pop("params", {})}
        return ask(method, server.url.replace("127.0.0.1", host) + path, headers=headers, params=params, **given)

    assert send().json()["count"] == 1
    assert send(**other).json()["count"] == 2
    assert send().json()["count"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"headers": {"Authorization": f"Bearer {KEY}x"}},
        {"headers": {"x-api-key": f"{KEY}x"}},
        {"headers": {"x-goog-api-key": f"{KEY}x"}},
        {"headers": {"User-Agent": "mine"}},
        {"headers": {"Idempotency-Key": "a7c1"}},
        {"headers": {"x-stainless-retry-count": "1"}},
        {"headers": {"traceparent": "00-1-1"}},
        {"headers": {"X-Request-ID": "77"}},
        {"headers": {"Cookie": "session=other-session"}},
        {"params": {"api_key": f"{KEY}x"}},
        {"params": {"key": "AIzaSyB" + "a1" * 16}},
        {"content": b'{ "n" : 1,\n "model":"t\\u0069ny" }'},
    ],
    ids=lambda other: json.dumps(other, default=str),
)
def test_what_cannot_change_the_answer_is_not(ask: Any, server: Any, other: dict[str, Any]) -> None:
    def send(**given: Any) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", **given.pop("headers", {})}
        given.setdefault("content", b'{"model":"tiny","n":1}')
        return ask("POST", f"{server.url}/v1/chat", headers=headers, **given)

    assert send().json()["count"] == 1
    assert send(**other).json()["count"] == 1


def test_ignored_fields_parameters_and_headers_do_not_count(ask: Any, server: Any, spot: Spot, client: str) -> None:
    spot.wrap(client.partition(" ")[0].removesuffix("2"), ignore="user,metadata.run,page,x-trial")
    for number in ("1", "2"):
        body = {"user": number, "metadata": {"run": number, "task": "a"}}
        answer = ask("POST", f"{server.url}/a", json=body, params={"page": number}, headers={"X-Trial": number})
        assert answer.json()["count"] == 1
    assert ask("POST", f"{server.url}/a", json={"metadata": {"task": "b"}}).json()["count"] == 2


def test_forms_and_files_count_by_what_they_hold(ask: Any, server: Any) -> None:
    def count(**given: Any) -> int:
        return ask("POST", f"{server.url}/upload", **given).json()["count"]

    assert count(data={"a": "1", "b": "2"}) == count(data={"a": "1", "b": "2"}) == 1
    assert count(data={"a": "1", "b": "3"}) == 2
    assert count(files={"file": ("a.txt", b"one")}) == count(files={"file": ("a.txt", b"one")}) == 3
    assert count(files={"file": ("a.txt", b"two")}) == 4
    assert count(files={"file": ("b.txt", b"two")}) == 5


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
def test_only_2xx_is_kept(ask: Any, server: Any, status: int) -> None:
    server.statuses = [status]
    first = ask("POST", f"{server.url}/v1/chat", json={"n": 1})
    assert first.status_code == status and first.json() == {"error": 1} and not last().stored
    assert ask("POST", f"{server.url}/v1/chat", json={"n": 1}).json()["count"] == 2
    assert ask("POST", f"{server.url}/v1/chat", json={"n": 1}).json()["count"] == 2


def test_other_methods_pass_as_they_are(ask: Any, server: Any) -> None:
    for method in ("PUT", "DELETE"):
        for _ in range(2):
            ask(method, f"{server.url}/thing")
    assert len(server.asked) == 4


def test_redirects_lead_to_what_is_kept(ask: Any, server: Any, client: str) -> None:
    given = {} if client == "requests" else {"follow_redirects": True}
    for _ in range(2):
        answer = ask("GET", f"{server.url}/away", **given)
        assert answer.json()["path"] == "landed" and len(answer.history) == 1
    assert [path for _, path, _ in server.asked] == ["/away", "/landed", "/away"]


def test_compressed_and_binary_bodies_come_back(ask: Any, server: Any) -> None:
    for path in ("/gzip", "/bytes"):
        one, two = (ask("GET", f"{server.url}{path}") for _ in range(2))
        assert last().verdict == "hit" and one.content == two.content and dict(one.headers) == dict(two.headers)
    assert len(server.asked) == 2


def found(folder: Path, secret: str) -> list[str]:
    """The files of a folder that hold a text, in any form it may take there."""
    raw = secret.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), raw[::-1], secret.encode("utf-16-le")}
    forms |= {base64.b64encode(b"\0" * shift + raw)[(4 if shift else 0) : -4] for shift in range(3)}
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files for form in forms if form in path.read_bytes()]


def test_no_credential_is_in_any_file(ask: Any, server: Any, spot: Spot) -> None:
    basic = base64.b64encode(f"me:{KEY}".encode()).decode()
    ways: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": {"Authorization": f"Basic {basic}"}},
        {"headers": {"X-Api-Key": KEY}},
        {"headers": {"Cookie": f"session={KEY}"}},
        {"headers": {"X-Custom-Key": KEY}},
        {"params": {"api_key": KEY}},
        {"params": {"key": KEY}},
        {"params": {"sig": KEY}},
        {"json": {"password": KEY}},
        {"json": {"nested": [{"api_key": KEY}]}},
        {"data": {"client_secret": KEY}},
        {"path": f"/bot{KEY}/send"},
    ]
    for number, way in enumerate(ways):
        url = f"{server.url}{way.pop('path', '/v1/chat')}?n={number}"
        ask("POST", url, **way)
        ask("POST", url.replace("http://", f"http://me:{KEY}@") + "&userinfo", **way)
    ask("POST", f"{server.url}/echo", headers={"Authorization": f"Bearer {KEY}"})
    assert not last().stored and "holds a credential" in last().reason
    spot.stats()
    spot.flush()
    assert not found(spot.folder, KEY)
    assert not found(spot.folder, basic)


def test_people_find_a_request_by_what_it_asks(ask: Any, server: Any, spot: Spot) -> None:
    """Its fields and parameters are listed, without a secret; ``keep_inputs=False`` keeps digests alone."""
    messages = [{"role": "user", "content": "What is the capital of Peru?"}]
    body = {"model": "tiny", "messages": messages, "temperature": 0.5, "my_token": "hunter2hunter2"}
    ask("POST", f"{server.url}/v1/chat", json=body, params={"lang": "fr", "api_key": KEY})
    (row,) = spot.entries("*capital of Peru*")
    assert row.kind == "http" and "tiny" in str(row) and "0.5" in str(row) and "lang" in str(row)
    assert KEY not in str(row) and "hunter2" not in str(row)
    assert not found(spot.folder, "hunter2hunter2")


def test_tokens_and_model_are_kept_with_the_answer(ask: Any, server: Any, spot: Spot) -> None:
    """Of a plain answer, and of events, whose first one tells what was read and whose last what was written."""
    for path, tokens in (("/chat", 10), ("/messages", 12)):
        ask("POST", f"{server.url}{path}", json={})
        (row,) = spot.entries(f"*{path}")
        assert (row.model, row.tokens) == ("tiny", tokens)


def test_an_issued_token_is_not_kept(ask: Any, server: Any, spot: Spot) -> None:
    assert ask("POST", f"{server.url}/login", json={}).json()["access_token"]
    assert "holds a credential (`access_token`)" in last().reason
    assert not found(spot.folder, "t0k-" + "a1" * 12)


def test_what_opens_a_session_is_done_each_time(ask: Any, server: Any) -> None:
    """Its cookie or id is good for one session: a hit would leave the requests after it outside."""
    for way, why in (
        ({"json": {"user": "me", "password": "tr0ub4dor"}, "path": "/signin"}, "signs in by cookies"),
        ({"data": {"user": "me", "password": "tr0ub4dor"}, "path": "/signin"}, "signs in by cookies"),
        ({"json": {"method": "initialize"}, "path": "/session"}, "opens a session (`mcp-session-id`)"),
    ):
        path, before = server.url + way.pop("path"), len(server.asked)
        for _ in range(2):
            ask("POST", path, **way)
            assert why in last().reason
        assert len(server.asked) == before + 2


def test_inside_a_priced_call_the_budget_counts_once(ask: Any, server: Any, spot: Spot, client: str) -> None:
    spot.budget.total = 3.0
    spot.wrap(client.partition(" ")[0].removesuffix("2"), price=0.5)

    @spot.mark(price=1.0, ignore="ask")
    def summarise(ask: Any, url: str) -> int:
        return ask("POST", url, json={}).json()["count"]

    @spot.mark(version="1", ignore="ask")
    def unpriced(ask: Any, url: str) -> int:
        return ask("POST", url, json={}).json()["count"]

    assert [summarise(ask, f"{server.url}/{n}") for n in (1, 2, 1)] == [1, 2, 1]
    assert spot.budget.spent() == 2.0
    assert unpriced(ask, f"{server.url}/3") == 3
    assert spot.budget.spent() == 2.5


def test_hooks_hear_of_requests(ask: Any, server: Any, tmp_path: Path, client: str) -> None:
    heard: list[str] = []

    class Hook:
        def on_start(self, event: Any) -> None:
            heard.append("start")

        def on_success(self, event: Any) -> None:
            heard.append("success")

        def on_hit(self, event: Any) -> None:
            heard.append("hit")

    with Spot("heard", root=tmp_path, hooks=[Hook()]) as spot, spot.wrap(client.partition(" ")[0].removesuffix("2")):
        for _ in range(2):
            ask("GET", f"{server.url}/a")
    assert heard == ["start", "success", "hit"]


def test_a_job_that_is_asked_about_ends(ask: Any, server: Any) -> None:
    states = [ask("GET", f"{server.url}/job").json()["status"] for _ in range(5)]
    assert states == ["in_progress", "in_progress", "completed", "completed", "completed"] and len(server.asked) == 3


def test_replay_sends_nothing_and_says_what_is_missing(ask: Any, server: Any, spot: Spot) -> None:
    ask("POST", f"{server.url}/v1/chat", json={"model": "tiny"})
    spot.set_mode("replay")
    assert ask("POST", f"{server.url}/v1/chat", json={"model": "tiny"}).json()["count"] == 1
    with pytest.raises(RecordMissing) as caught:
        ask("POST", f"{server.url}/v1/chat", json={"model": "large"})
    assert "`model` changed" in str(caught.value) and "/v1/chat" in str(caught.value)
    spot.set_mode("record")
    assert ask("POST", f"{server.url}/v1/chat", json={"model": "tiny"}).json()["count"] == 2
    spot.set_mode("off")
    assert ask("POST", f"{server.url}/v1/chat", json={"model": "tiny"}).json()["count"] == 3
    spot.set_mode("mock")
    assert ask("POST", f"{server.url}/v1/chat", json={"model": "tiny"}).json()["count"] == 2


def test_match_chooses_addresses(ask: Any, server: Any, spot: Spot, client: str, wrapped: Any) -> None:
    wrapped.off()
    spot.wrap(client.partition(" ")[0].removesuffix("2"), match="127.0.0.1/v1/*")
    assert [ask("GET", f"{server.url}/v1/a").json()["count"] for _ in range(2)] == [1, 1]
    assert [ask("GET", f"{server.url}/v2/a").json()["count"] for _ in range(2)] == [2, 3]


def test_off_and_twice(ask: Any, server: Any, spot: Spot, client: str) -> None:
    name = client.partition(" ")[0].removesuffix("2")
    spot.wrap(name)
    assert [ask("GET", f"{server.url}/a").json()["count"] for _ in range(2)] == [1, 1]
    wrap.off(name)
    assert ask("GET", f"{server.url}/a").json()["count"] == 2
    package = importlib.import_module(client.partition(" ")[0])
    transports = [getattr(package, name, None) for name in ("HTTPTransport", "AsyncHTTPTransport")]
    classes = [package.Session, package.adapters.HTTPAdapter] if name == "requests" else transports
    functions = [one for kind in classes for one in vars(kind).values() if callable(one)]
    assert functions and all(one.__code__.co_filename.count(package.__name__) for one in functions)


def test_prices_and_budget_hold(ask: Any, server: Any, spot: Spot, client: str) -> None:
    name = client.partition(" ")[0].removesuffix("2")
    spot.budget.total = 1.0
    spot.wrap(name, price=lambda answer: answer.json()["usage"]["total_tokens"] * 0.1)
    ask("POST", f"{server.url}/a", json={"n": 1})
    assert last().price == 1.0
    ask("POST", f"{server.url}/a", json={"n": 1})
    assert last().saved_price == 1.0
    with pytest.raises(BudgetSpent):
        ask("POST", f"{server.url}/a", json={"n": 2})
    assert len(server.asked) == 1


def test_limits_hear_of_a_429(ask: Any, server: Any, spot: Spot, client: str) -> None:
    name = client.partition(" ")[0].removesuffix("2")
    spot.wrap(name, rpm=6000, tpm=10**6, name="api", retry=3)
    server.statuses = [429]
    assert ask("POST", f"{server.url}/a", json={"n": 1}).json()["count"] == 2
    assert last().waited > 0 or last().stored
    assert len(server.asked) == 2


def test_a_wrong_option_names_the_right_one(ask: Any, spot: Spot, client: str) -> None:
    with pytest.raises(OptionError, match=r"Did you mean match\?"):
        spot.wrap(client.partition(" ")[0].removesuffix("2"), mach="a/*")


def test_streams_of_events_pass(ask: Any, server: Any) -> None:
    assert ask("POST", f"{server.url}/events").content == b"".join(EVENTS)
    assert ask("POST", f"{server.url}/events").content == b"".join(EVENTS)
    assert len(server.asked) == 1
