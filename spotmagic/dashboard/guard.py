"""Who may ask the page's server: the reader's own browser, with the token of this start, and nobody else.

Another web page can send requests to a server on loopback, by its own address or by a name that resolves to it. So the
Host must be ours, a secret must come along that no other page has, and what changes something must come from our page.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

MAX_BODY = 1_000_000

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, list[str]]

# A stored page is shown in a frame that inherits this policy: inline style is for it. There is no inline script.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self' blob: data:; "
    "media-src blob: data:; font-src data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Lets through to an app what may ask it, and puts the headers of :data:`HEADERS` on every answer.

    Attributes:
        token: opens the page once in an address, and every request as a bearer token.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self.token = secrets.token_urlsafe(24)
        self._session = secrets.token_urlsafe(24)
        self._cookie = f"spotmagic-{port}"  # ports of one host share their cookies
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        if scope["type"] == "websocket":
            if self._may_connect(headers):  # the rules of the same origin do not hold for sockets: any page may try
                return await self._app(scope, receive, send)
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        answer = _Answer(send)
        trouble = self._trouble(scope, headers)
        if trouble:
            return await answer.tell(*trouble)
        # The token opens the page once: what it is turned into stands in no address, so in no history and no log.
        if self._is_way_in(scope):
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if not _same(given, self.token):
                return await answer.tell(401, _WAY_IN)
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            return await answer.tell(303, "", location="/", set_cookie=cookie)
        if not self._is_known(headers):
            return await answer.tell(401, _WAY_IN)
        if scope["method"] != "POST":
            return await self._app(scope, receive, answer.send)
        body = await _body(receive)  # read here, as the length that a request tells of itself may be any
        if body is None:
            return await answer.tell(413, f"A request has at most {MAX_BODY:,} bytes.")
        return await self._app(scope, _given(body, receive), answer.send)

    def _trouble(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """What is wrong with a request, whoever it comes from."""
        if not self._is_ours(headers):
            return 421, "This server is called 127.0.0.1 and localhost."
        if scope["method"] in ("GET", "HEAD"):
            return None
        if scope["method"] != "POST":
            return 405, "Only GET and POST are understood."
        # A browser says both of what another page sends, and no page can leave them out. Who is no browser has a token.
        if any(origin not in self._origins for origin in headers.get(b"origin", [])):
            return 403, "Another page may not ask."
        if any(site not in ("same-origin", "none") for site in headers.get(b"sec-fetch-site", [])):
            return 403, "Another page may not ask."
        kinds = headers.get(b"content-type", [])
        if [kind.split(";")[0].strip().lower() for kind in kinds] != ["application/json"]:
            return 415, "Say Content-Type: application/json."
        return None

    def _may_connect(self, headers: Headers) -> bool:
        """Whether a socket comes from our own page. One that does not say where it comes from does not."""
        origins = headers.get(b"origin", [])
        return (
            self._is_ours(headers) and len(origins) == 1 and origins[0] in self._origins and self._has_cookie(headers)
        )

    def _is_ours(self, headers: Headers) -> bool:
        hosts = headers.get(b"host", [])
        return len(hosts) == 1 and hosts[0].lower() in self._hosts

    def _is_way_in(self, scope: Scope) -> bool:
        return scope["method"] == "GET" and scope["path"] == "/" and b"token=" in scope["query_string"]

    def _is_known(self, headers: Headers) -> bool:
        return self._has_cookie(headers) or any(
            _same(given, f"Bearer {self.token}") for given in headers.get(b"authorization", [])
        )

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies: SimpleCookie = SimpleCookie("; ".join(headers.get(b"cookie", [])))
        except CookieError:
            return False
        found = cookies.get(self._cookie)
        return found is not None and _same(found.value, self._session)


_WAY_IN = "Open the address that `spotmagic ui` has printed."


class _Answer:
    """An answer with our headers on it."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *own]
        await self._send(message)

    async def tell(self, status: int, text: str, **headers: str) -> None:
        """Answer with a line of text."""
        body = text.encode()
        sent = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **headers}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


async def _body(receive: Receive) -> bytes | None:
    """The body of a request, or ``None`` for one that is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was already read, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give
