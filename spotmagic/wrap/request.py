"""What of an HTTP request counts: method, normalised address, body, and the headers that may change the answer. Pure.

A header counts unless its name says that it cannot change the answer (who asks, tracing, transport, credentials): when
it is not known whether two requests differ, they differ. Credentials are left out, so that a rotated key still finds
what was paid for; what only may be one (``?token=``, a ``password`` in a body) counts by HMAC under the user's secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from spotmagic.values.notes import Mask, is_secret_name
from spotmagic.values.scheme import MARKS, Kind, digest, pack_plain

LAYOUT = "http-1"
"""Part of every key: another way of taking requests apart is another layout."""
METHODS = frozenset({"GET", "POST"})
"""What is kept: other methods are there to change something at the other side."""
_PORTS = {"http": 80, "https": 443}
_CREDENTIAL_HEADER = re.compile(
    r"(proxy-)?authorization|cookie2?|.*(^|[-_])([a-z]*api[-_]?key|(subscription|access|auth|master|secret"
    r"|app(lication)?)-key|auth|secret|password|signature|(?<!page-)(?<!next-)(?<!continuation-)(?<!cursor-)token)"
)
_INDIFFERENT_HEADER = re.compile(
    r"user-agent|.*-user-agent|connection|keep-alive|content-length|transfer-encoding|te|trailer|expect|date|x-amz-date"
    r"|x-amz-content-sha256|content-md5|(content-)?digest|referer|origin|dnt|via|forwarded|x-forwarded-.*|priority"
    r"|cache-control|pragma|.*idempotency.*|.*request-?id|.*correlation-?id|.*invocation-id|amz-sdk-request|.*trace.*"
    r"|baggage|b3|x-b3-.*|x-datadog-.*|newrelic|x-stainless-.*|x-fern-.*|x-sdk-.*|.*-sdk-version|.*-api-client"
    r"|.*-client-(name|version|info)|.*retry-count|.*timeout.*|x-retry.*|x-attempt.*"
)
_CREDENTIAL_PARAMETER = re.compile(
    r"(.*[-_])?(api[-_]?key|access[-_]?token|auth[-_]?token|sig|signature|subscription-key)"
    r"|x-(amz|goog)-(credential|security-token)",
    re.IGNORECASE,
)
_MAYBE = re.compile(r"(^|[-_])(key|auth|code|session|session_?id)$", re.IGNORECASE)
_GOOGLE_KEY = re.compile(r"AIza[\w-]{30,}")  # what Google's APIs take as ?key=, which elsewhere names a record
_CREDIBLE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w\-.~+/=:]{16,}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_PIECES = re.compile(r"[A-Za-z0-9]{16,}")
_SWITCHES = re.compile(r"[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]")
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]")
_PART_NAME = re.compile(rb'name="?([^";\r\n]*)"?')
_SHORTEST = 8  # characters from which on a credential is looked for in answers: "test" stands anywhere


class Sent(NamedTuple):
    """A request as it goes out.

    Attributes:
        headers: names in small letters, in their order.
        body: ``None`` for one that is a stream, which cannot be read before it is sent.
        place: where it goes beside its address, such as a socket's path.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    Attributes:
        name: what the call is called: ``POST api.openai.com/v1/chat/completions``.
        key: 16 bytes, or none for a request that has no key.
        inputs: the fingerprint of each field, parameter and header that counts.
        secrets: texts of its credentials: nothing that is kept may hold them.
        signs_in: its body holds a password or the like.
        told: the fields of its body and its parameters, for people; no secrets.
    """

    name: str
    key: bytes
    inputs: dict[str, bytes]
    secrets: tuple[str, ...]
    signs_in: bool
    told: dict[str, Any]


def address(url: str) -> tuple[str, str]:
    """The host with a port that is not the scheme's own, and the path of an address: both normalised."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    shown = host if port is None or port == _PORTS.get(parts.scheme.lower()) else f"{host}:{port}"
    return shown, _ESCAPE.sub(_normal_escape, parts.path) or "/"


def _normal_escape(found: re.Match[str]) -> str:
    sign = unquote(found[0], errors="surrogateescape")
    return sign if _UNRESERVED.fullmatch(sign) else found[0].upper()


def call_name(sent: Sent) -> str:
    """Method and address without what may be a credential in its path."""
    host, path = address(sent.url)
    steps = ["…" if _is_opaque(unquote(step)) else step for step in path.split("/")]
    return f"{sent.method} {host}{'/'.join(steps)}"[:120]


def _is_opaque(step: str) -> bool:
    """Whether a step of a path looks drawn at random, as tokens in addresses are, and ids too."""
    # Names change between letters, digits and cases once or twice: `gpt4`, `chatCompletions`, `v1beta2`.
    return any(len(_SWITCHES.findall(piece)) >= 3 for piece in _PIECES.findall(step))


def read_request(sent: Sent, mask: Mask, ignore: Collection[str] = ()) -> Asked:
    """What a request asks for.

    Args:
        mask: HMAC under the user's own secret.
        ignore: fields of the body (``user``, ``metadata.run``), parameters and headers that do not count.
    """
    reading = _RequestReading(mask, frozenset(name.lower() for name in ignore))
    parts = urlsplit(sent.url)
    user, _, netloc = parts.netloc.rpartition("@")
    reading.count("url", [parts.scheme.lower(), *address(sent.url), sent.place])
    if password := user.partition(":")[2]:
        reading.secrets.append(unquote(password))
    reading.parameters(parts.query)
    for name, value in sent.headers:
        reading.header(name, value, netloc)
    if sent.body:
        reading.body(sent.body, dict(sent.headers))
    name = call_name(sent)
    pieces = [piece for label, packed in sorted(reading.counted) for piece in (label, packed)]
    key = b"" if sent.body is None else digest(LAYOUT, sent.method, reading.form_of_body, *pieces)
    inputs: dict[str, bytes] = {}
    for label, packed in reading.counted:
        short = label.partition(" ")[2].replace(" ", "_")
        inputs[short if short not in inputs else label.replace(" ", ":").replace(" ", "_")] = digest(packed)
    secrets = tuple(dict.fromkeys(one for one in reading.secrets if len(one) >= _SHORTEST))
    told = {name: for_people(value) for name, value in reading.told.items()}
    told = {name: value for name, value in told.items() if not any(one in str(value) for one in secrets)}
    return Asked(name, key, inputs, secrets, reading.signs_in, told)


class _RequestReading:
    """A request being read: what counts of it, each piece under its place and name.

    ``POST https://api.example.com/v1/chat?beta=1`` with JSON of ``{"model": "m"}`` counts as ``address url``, ``query
    ?beta``, ``header content-type`` and ``body model``. Its ``Authorization`` goes to ``secrets`` alone.
    """

    def __init__(self, mask: Mask, ignore: frozenset[str]) -> None:
        self.mask, self.ignore = mask, ignore
        self.counted: list[tuple[str, bytes]] = []
        self.secrets: list[str] = []
        self.told: dict[str, Any] = {}
        self.form_of_body = ""
        self.signs_in = False

    def count(self, name: str, value: Any, place: str = "address") -> None:
        self.counted.append((f"{place} {name}", pack_plain(value)))

    def parameters(self, query: str) -> None:
        """The parameters of an address. Those of API keys and signatures do not count: they only let one in."""
        # A plus may be itself or a space: only escapes that mean the same everywhere are undone.
        self.pairs(query, "query", "?", lambda text: _ESCAPE.sub(_normal_escape, text))

    def pairs(self, text: str, place: str, sign: str, read: Callable[[str], str]) -> None:
        """Pairs of names and values: those of one name count in their order, the names in any."""
        named: dict[str, list[Any]] = {}
        for pair in text.split("&") if text else ():
            name, equals, value = pair.partition("=")
            name, value = read(name), read(value)
            if unquote(name).lower() in self.ignore:
                continue
            if _CREDENTIAL_PARAMETER.fullmatch(name) or (name == "key" and _GOOGLE_KEY.fullmatch(value)):
                self.secrets += [value, unquote(value)]
                continue
            named.setdefault(name, []).append(self.perhaps(name, value) if equals else None)
        for name, values in named.items():
            self.count(f"{sign}{name}", values, place)
            shown = [unquote(value) if isinstance(value, str) else value for value in values]
            self.told[unquote(name)] = shown[0] if len(shown) == 1 else shown

    def header(self, name: str, value: str, netloc: str) -> None:
        if name in self.ignore or name.removeprefix("header:") in self.ignore:
            return
        if _CREDENTIAL_HEADER.fullmatch(name):
            self.secrets += _credentials(name, value)
        elif name == "host":
            if value.lower() not in (netloc.lower(), netloc.lower().partition(":")[0]):
                self.count("host", value.lower(), "header")
        elif name == "accept-encoding":  # the coding of what is kept is undone by the client as ever
            if value.strip().lower() == "identity":
                self.count(name, "identity", "header")
        elif name == "content-type":
            self.count(name, re.sub(r";\s*boundary=[^;]*", "", value).lower().strip(), "header")
        elif not _INDIFFERENT_HEADER.fullmatch(name):
            self.count(f"header:{name}", self.perhaps(name.replace("-", "_"), value), "header")

    def perhaps(self, name: str, value: str) -> Any:
        """The value, masked where it may be a secret: then it counts, and nobody can guess it."""
        if value and (is_secret_name(name) or (_MAYBE.search(name) and _CREDIBLE.fullmatch(value))):
            if _CREDIBLE.fullmatch(value):
                self.secrets.append(value)
            self.signs_in = self.signs_in or "pass" in name.lower()
            return [MARKS[Kind.SECRET], self.mask(value.encode("utf-8", "surrogatepass"))]
        return value

    def body(self, body: bytes, headers: dict[str, str]) -> None:
        kind = headers.get("content-type", "").lower()
        # What is read as JSON or a form may not equal the same bytes that are not, so the form is part of the key.
        self.form_of_body = "bytes"
        if "content-encoding" in headers:
            self.count("body", body, "body")
        elif "json" in kind:
            self.json(body)
        elif kind.startswith("application/x-www-form-urlencoded"):
            self.form_of_body = "form"
            self.form(body)
        elif kind.startswith("multipart/") and (found := re.search(r'boundary="?([^";]+)', headers["content-type"])):
            self.multipart(body, found[1].encode("latin-1", "replace"))
        else:
            self.count("body", body, "body")

    def json(self, body: bytes) -> None:
        """A body of JSON by its fields: spaces and escapes do not count, the order inside of them does."""
        try:
            read = json.loads(body, object_pairs_hook=_pairs, parse_float=_as_written, parse_constant=_as_written)
            if not isinstance(read, dict):
                self.count("body", self.hidden(read), "body")
                return
            fields = [(name, self.hidden(value, name)) for name, value in self.kept(read, "")]
            packed = [(name, pack_plain(value), value) for name, value in fields]
        except (ValueError, TypeError, RecursionError):  # no JSON after all, or a name given twice
            self.count("body", body, "body")
            return
        self.form_of_body = "json"
        for name, data, value in packed:
            self.counted.append((f"body {name}", data))
            self.told[name] = value

    def kept(self, fields: dict[str, Any], above: str) -> Iterator[tuple[str, Any]]:
        """The fields of an object that are not ignored."""
        for name, value in fields.items():
            path = f"{above}{name}"
            if path.lower() in self.ignore:
                continue
            deeper = any(one.startswith(f"{path.lower()}.") for one in self.ignore)
            yield name, dict(self.kept(value, f"{path}.")) if deeper and isinstance(value, dict) else value

    def hidden(self, value: Any, name: str = "") -> Any:
        """A value of JSON with what is named like a secret masked."""
        if isinstance(value, dict):
            return {key: self.hidden(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.hidden(item) for item in value]
        return self.perhaps(name, value) if isinstance(value, str) and name and is_secret_name(name) else value

    def form(self, body: bytes) -> None:
        text = body.decode("utf-8", "surrogateescape")
        self.pairs(text, "body", "", lambda one: unquote(one.replace("+", " "), errors="surrogateescape"))

    def multipart(self, body: bytes, boundary: bytes) -> None:
        """The parts of a multipart body, without the boundary between them, which is made up for each request."""
        for number, part in enumerate(body.split(b"--" + boundary)):
            head, _, content = part.partition(b"\r\n\r\n")
            found = _PART_NAME.search(head)
            name = found[1].decode("utf-8", "surrogateescape") if found else ""
            if name.lower() in self.ignore and found:
                continue
            shown: Any = self.perhaps(name, content.decode("utf-8", "surrogateescape").strip()) if name else content
            self.count(name or f"part{number}", [number, head, content if isinstance(shown, str) else shown], "body")


def for_people(value: Any) -> Any:
    """A value of a body as people read it: numbers as numbers, dots for what is masked."""
    if isinstance(value, dict):
        return {name: for_people(item) for name, item in value.items()}
    if isinstance(value, list):
        return "…" if value[:1] == [MARKS[Kind.SECRET]] else [for_people(item) for item in value]
    return float(value) if isinstance(value, bytes) else value  # see _as_written


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _as_written(text: str) -> bytes:
    """A number as it is written: two texts may be one float, and JSON has no bytes to be mistaken for."""
    return text.encode()


def _credentials(name: str, value: str) -> list[str]:
    """The texts of a credential's header: the whole, what follows its scheme, each cookie, what Basic hides."""
    found = [value]
    if name.startswith("cookie"):
        cookies = [pair.partition("=")[2].strip() for pair in value.split(";")]
        return found + [cookie for cookie in cookies if _CREDIBLE.fullmatch(cookie)]
    scheme, space, rest = value.partition(" ")
    if not space:
        return found
    found.append(rest.strip())
    if scheme.lower() == "basic":
        try:
            found += base64.b64decode(rest).decode("utf-8", "replace").partition(":")[2:]
        except (binascii.Error, ValueError):
            pass
    return found
