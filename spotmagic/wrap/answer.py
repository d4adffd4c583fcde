"""What a server answered, for a file and back: status, headers and body as they came, without credentials."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from spotmagic.codecs import Undecodable
from spotmagic.engine.call import NotKept
from spotmagic.engine.streamed import Streamed
from spotmagic.engine.usage import events_of
from spotmagic.values.credentials import found_in
from spotmagic.values.notes import is_secret_name
from spotmagic.wrap.request import Asked

Fields = tuple[tuple[bytes, bytes], ...]
_ISSUED = re.compile(
    r"((access|refresh|id|auth|session|bearer|api|security)_?)?token|(client_?|access_?|api_?)?(secret|key_?secret)"
    r"|(api|access|private|secret)_?key|password",
    re.IGNORECASE,
)
_LONG = 16  # letters of a credential at least: a `token` of four may be a word of the text
MOST_KEPT = 1 << 26
"""Bytes of a body that is read piece by piece from which on it is not kept: a download, which has a file of its own."""
TOO_LARGE = NotKept("its body is larger than 64 MB")
_OF_EVENTS = re.compile("event-stream|ndjson|jsonl|json-seq")
_SESSION = re.compile(rb"(.*-)?session(-?id)?", re.IGNORECASE)
_UNFINISHED = frozenset({
    "accepted", "cancelling", "created", "finalizing", "in_progress", "in_queue", "inprogress", "pending",
    "processing", "queued", "running", "scheduled", "started", "starting", "submitted", "validating", "working",
})  # fmt: skip
_LAST_EVENT = re.compile(
    rb"^data:\s*\[DONE\]\s*$|^event:\s*(done|end|message_stop)\s*$"
    rb'|"type"\s*:\s*"(message_stop|message-end|response\.completed)"',
    re.MULTILINE,
)
_DROPPED = frozenset({b"set-cookie", b"set-cookie2"})
_CODERS = {"br": ("brotli", "brotlicffi"), "zstd": ("compression.zstd", "zstandard", "backports.zstd")}


@dataclass(frozen=True)
class Answer:
    """A server's answer.

    Attributes:
        fields: the headers, as they came.
        chunks: the body as it came, still coded as ``Content-Encoding`` says.
        seconds: from sending the request to the end of the answer.
    """

    status_code: int
    reason: str | None
    version: str
    fields: Fields
    chunks: tuple[bytes, ...]
    seconds: float = 0.0

    def __len__(self) -> int:
        """How many pieces of the body came."""
        return len(self.chunks)

    @property
    def ok(self) -> bool:
        """Whether it is one of 2xx: the ones that are kept."""
        return 200 <= self.status_code < 300

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers by name in small letters; of those given twice the last."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.fields}

    @property
    def codings(self) -> list[str]:
        """How the body is coded, in the order it was done."""
        return [one for one in re.split(r"[,\s]+", self.headers.get("content-encoding", "").lower()) if one]

    @cached_property
    def body(self) -> bytes | None:
        """The body with its coding undone, or ``None`` where that cannot be done here."""
        return decoded(b"".join(self.chunks), self.codings)

    def told(self) -> list[dict[str, Any]]:
        """The objects of JSON that the body is: one, or one for each event or line of a stream."""
        body = self.body or b""
        if _OF_EVENTS.search(self.headers.get("content-type", "")):
            return events_of(body)
        try:
            told = json.loads(body)
        except ValueError:
            return []
        return [told] if isinstance(told, dict) else []

    def plain(self) -> dict[str, Any]:
        """The answer as plain values. Cookies and headers named like a secret are left out."""
        kept = [
            [name.decode("latin-1"), value.decode("latin-1")]
            for name, value in self.fields
            if name.lower() not in _DROPPED and not is_secret_name(name.decode("latin-1"))
        ]
        return {
            "status": self.status_code,
            "reason": self.reason,
            "version": self.version,
            "headers": kept,
            "body": [_text_or_bytes(chunk) for chunk in self.chunks],
            "seconds": self.seconds,
        }


def answer_from(plain: Any) -> Answer:
    """The answer that plain values tell of. Raises ``Undecodable`` where there is none, or it is not read here."""
    try:
        fields = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in plain["headers"])
        chunks = tuple(chunk.encode() if isinstance(chunk, str) else bytes(chunk) for chunk in plain["body"])
        reason = None if plain["reason"] is None else str(plain["reason"])
        answer = Answer(int(plain["status"]), reason, str(plain["version"]), fields, chunks, float(plain["seconds"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Undecodable("corrupt", f"no answer of a server ({error})") from error
    for coding in answer.codings:
        if coding in _CODERS and _coder(coding) is None:
            raise Undecodable("not restorable", f"its body is coded with {coding}, which nothing here decodes")
    return answer


class StatusError(NotKept):
    """An answer that is none of 2xx: it goes to the caller as it is, and is not kept. Limits and retries read it.

    Attributes:
        response: the answer.
        body: the start of its text.
    """

    def __init__(self, response: Answer) -> None:
        super().__init__(f"answered {response.status_code} {response.reason or ''}".strip())
        self.response = response
        self.body = (response.body or b"")[:2000].decode("utf-8", "replace")


def obstacle(answer: Answer, method: str, asked: Asked) -> str:
    """Why an answer may not be kept, or an empty text."""
    names = {name.lower() for name, _ in answer.fields}
    session = next((name for name in names if _SESSION.fullmatch(name)), None)
    if session is not None:  # which will not be there the next time
        return f"its answer opens a session (`{session.decode('latin-1')}`)"
    if asked.signs_in and names & _DROPPED:
        return "its answer signs in by cookies"
    body = answer.body
    if body is None:
        return f"its body is coded with {', '.join(answer.codings)}, which nothing here decodes"
    # Some services send back what they were asked with, as echoes and debug pages do.
    data = b"\n".join([body, *(value for name, value in answer.fields if name.lower() not in _DROPPED)])
    if found_in([data], dict.fromkeys(asked.secrets, "credential")):
        return "its answer holds a credential of the request"
    if "json" in answer.headers.get("content-type", "") and len(body) < 1_000_000:
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if isinstance(told, dict):
            for name, value in told.items():
                if isinstance(value, str) and len(value) >= _LONG and _ISSUED.fullmatch(name):
                    return f"its answer holds a credential (`{name}`)"
            if method == "GET" and _unfinished(told):
                return "its answer tells of work that is still under way"
    return ""


def has_ended(answer: Answer) -> bool:
    """Whether all of an answer came although nobody read on to its end: its length, or its last event, says so."""
    length = answer.headers.get("content-length", "")
    if length.isdigit():
        return sum(map(len, answer.chunks)) >= int(length)
    tail = decoded(b"".join(answer.chunks), answer.codings) if answer.codings else b"".join(answer.chunks[-3:])
    if "event-stream" not in answer.headers.get("content-type", "") or not (tail or b"").rstrip(b" ").endswith(b"\n"):
        return False
    # The three last pieces will do: events are short, and the last one is the shortest.
    last = re.split(rb"\r?\n\r?\n", (tail or b"").rstrip())[-1]
    return _LAST_EVENT.search(last) is not None


class Arriving:
    """The body of an answer that is still coming, noted on its way to its reader.

    Args:
        head: the answer without its body.
        call: what is told when the body ends, or does not.
    """

    def __init__(self, head: Answer, call: Streamed) -> None:
        self._head, self._call = head, call
        self._chunks: list[bytes] = []
        self._size = 0

    def note(self, chunk: bytes) -> None:
        """Take a piece that came. Of a body that becomes too large nothing is held any longer."""
        self._size += len(chunk)
        if self._size <= MOST_KEPT:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()
            self._call.stop(None, TOO_LARGE)

    def so_far(self, **told: Any) -> Answer:
        """The answer with what came of its body, and with what else is known by now."""
        return replace(self._head, chunks=tuple(self._chunks), **told)


def _unfinished(told: dict[str, Any]) -> bool:
    words = [told.get(name) for name in ("status", "state")]
    return told.get("done") is False or any(isinstance(one, str) and one.lower() in _UNFINISHED for one in words)


def _text_or_bytes(chunk: bytes) -> str | bytes:
    """A chunk as text where it is some: people read and search it."""
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return chunk


def decoded(data: bytes, codings: Iterable[str]) -> bytes | None:
    """Bytes with their codings undone, or ``None`` where one is not known here or the bytes are not whole."""
    for coding in reversed(list(codings)):
        if coding in ("gzip", "x-gzip", "deflate"):
            try:
                data = zlib.decompressobj(47).decompress(data)  # 32 + 15: gzip or zlib, as the header says
            except zlib.error:
                try:
                    data = zlib.decompressobj(-15).decompress(data)  # some servers send "deflate" without the header
                except zlib.error:
                    return None
        elif coding != "identity":
            coder = _coder(coding)
            try:
                data = coder(data)
            except Exception:
                return None
    return data


def _coder(coding: str) -> Any:
    """What decodes a coding, if that is installed."""
    for name in _CODERS.get(coding, ()):
        try:
            module = import_module(name)
        except ImportError:
            continue
        if name == "zstandard":
            return lambda data: module.ZstdDecompressor().decompressobj().decompress(data)
        return module.decompress
    return None
