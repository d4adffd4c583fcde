"""Credentials in texts, found by form, name or the environment: they stand in no file, badge or listing."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from spotmagic.originals import dumps
from spotmagic.values.notes import is_secret_name

_NAME = r"(?:api_?key|token|secret|password|passwd|credentials?|authorization)"
_KNOWN = re.compile(
    r"\b(?:(?:sk|pk|rk|gsk|hf|xai|pplx|tvly|lsv2|r8|glpat|gh[pousr]|github_pat|xox[abprs])[_-]"
    r"|AKIA|ASIA|AIza|ya29|eyJ)(?=[\w.\-]*\d)[\w.\-]{11,}"
)
_ISSUED_FORM = re.compile(
    r"\b(?:(?:sk|rk|gsk|hf|xai|pplx|tvly|lsv2|glpat|gh[pousr]|github_pat|xox[abprs])[_-](?=[\w\-]*\d)[\w\-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[\w\-]{35}|eyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{10,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_BEARER = re.compile(r"\b(?:Bearer|Basic|Token)(?:\\?\s|%20)+([\w.~+/\-]{8,}=*)")
_IN_URL = re.compile(r"(?<=://)[^\s/'\"@]+:([^\s/'\"@]+)@")
_GIVEN = re.compile(
    rf"(?i)(?:(?:\b|[_\-]){_NAME}['\"]?\s*[=:]\s*['\"]?|[?&](?:key|sig|signature|auth|pwd)=)([\w.~+\-]{{8,}}=*)"
)
_PAIR = re.compile(r"\bauth\s*=\s*\(\s*['\"][^'\"]*['\"]\s*,\s*['\"]([^'\"]{8,})['\"]")
_QUERY = re.compile(rf"(?i)[?&](?:[\w\-]*{_NAME}|sig|signature|auth|pwd|key)=([^&\s#'\"]{{8,}})")
_RANDOM = re.compile(r"(?<![\w/+.\-])(?=[\w+\-]*\d)(?=[\w+\-]*[A-Za-z])[\w+\-]{32,}={0,2}(?![\w/+.\-])")
SHORTEST = 8
HIDDEN = "…"
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL)
_SAYING = "key", "token", "secret", "passw", "credential", "auth", "sig", "pwd"  # without one of them _GIVEN finds none
_LONGEST, _FAR = 1_000, 20_000
_FEW = 4  # a secret of fewer letters is hidden under its name alone: it stands in every text

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SURELY = frozenset({
    "password", "passwd", "passphrase", "passcode", "pwd", "secret", "secrets", "credential", "credentials",
    "authorization", "apikey",
})  # fmt: skip
_SIGNS = frozenset({"signature", "sig", "csrf", "xsrf"})
_ALONE = _SURELY | _SIGNS | {"auth", "cookie", "cookies", "bearer", "jwt", "otp"}
_ISSUED = frozenset({"access", "refresh", "auth", "bearer", "api", "security"})
_OF_PAGES = frozenset({
    "page", "next", "previous", "prev", "continuation", "cursor", "sync", "start", "end", "eos", "bos", "pad", "unk",
    "mask", "stop", "special",
})  # fmt: skip
_OF_DATA = frozenset({
    "cache", "column", "dedup", "dict", "entity", "file", "foreign", "group", "hash", "idempotency", "index", "item",
    "join", "lookup", "map", "object", "partition", "primary", "public", "record", "row", "sort", "unique",
})  # fmt: skip
_OF_KEYS = frozenset({
    "api", "access", "private", "secret", "auth", "encryption", "signing", "account", "subscription", "master",
})  # fmt: skip


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """A message or traceback without the credentials in it.

    Args:
        secrets: further texts that must not be in it, however they are written.
    """
    found = {*in_text(text), *_seen().hidden, *(one for secret in secrets for one in spellings(secret))}
    for secret in sorted(found, key=len, reverse=True):  # the longest first: one may stand inside another
        text = text.replace(secret, HIDDEN)
    return text


def in_text(text: str) -> Iterator[str]:
    """What is a credential in a text by its form, or by what stands before it."""
    yield from _KNOWN.findall(text)
    yield from _BEARER.findall(text)
    yield from _IN_URL.findall(text)
    yield from _PAIR.findall(text)
    yield from (one for one in _GIVEN.findall(text) if re.search(r"\d", one))


def in_argument(text: str) -> Iterator[tuple[str, bool]]:
    """What is a credential in a text that a call is given, and whether that is sure: prose speaks of them too."""
    text = text[:_FAR]
    if "://" in text:
        yield from ((one, True) for found in _IN_URL.findall(text) for one in {found, unquote(found)})
        yield from ((one, False) for one in _QUERY.findall(text))
    if "earer" in text or "asic" in text:
        yield from ((one, False) for one in _BEARER.findall(text))
    yield from ((one, False) for one in _KNOWN.findall(text))


def issued_in(text: str) -> list[str]:
    """What has the whole form of a credential that a service issues: no word of prose or code has it by chance."""
    return _ISSUED_FORM.findall(text)


def random_in(text: str) -> list[str]:
    """What looks drawn by chance in a text."""
    return _RANDOM.findall(text)


def is_credible(text: str, *, sure: bool) -> bool:
    """Whether a credential that is met elsewhere is surely it: many a password is a word, and many a word no password.

    Args:
        sure: the name that it stands under, or its type, says that it is one.
    """
    if sure:
        return len(text) >= 10 or (len(text) >= 6 and not text.isalpha())
    return len(text) >= 10 and _MIXED.fullmatch(text) is not None


_MIXED = re.compile(r"(?=.*\d)(?=.*[A-Za-z])\S+")


def is_secret(name: str, value: Any) -> bool:
    """Whether a variable holds a credential: by its name, or as the value of a secret environment variable."""
    if not isinstance(value, str) or len(value) < SHORTEST:
        return False
    return (is_secret_name(name) and " " not in value) or value in environment() or _KNOWN.fullmatch(value) is not None


def environment() -> dict[str, str]:
    """The credentials in the environment, with the variables that hold them."""
    return _seen().named


def _pieces(name: str) -> list[str]:
    """The words of a name in small letters: ``openaiApiKey`` and ``OPENAI_API-KEY`` both end in api, key."""
    return [piece.lower() for piece in _PIECES.findall(name)]


@lru_cache(maxsize=4096)
def is_private(name: str) -> bool:
    """Whether what has this name is not to be shown: ``api_key``, ``X-Api-Key``, ``accessToken``, ``Cookie``.

    Wider than what enters a key masked (:func:`is_secret_name`): to hide too much costs no result.
    """
    if is_secret_name(name):
        return True
    pieces = _pieces(name)
    if not pieces or len(name) > 100:
        return False
    return (
        not _ALONE.isdisjoint(pieces)
        or pieces[-1] == "token"
        or (pieces[-1] == "key" and not _OF_KEYS.isdisjoint(pieces[:-1]))
        or (pieces[-1] == "key" and pieces[0] == "x" and len(pieces) > 2)
        or pieces[-2:] == ["session", "id"]
    )


@lru_cache(maxsize=4096)
def is_surely_secret(name: str) -> bool:
    """Whether what has this private name is a credential and nothing else. A token may be of a page or of a text."""
    pieces = _pieces(name)
    named = pieces[-1:] == ["key"] and not _OF_KEYS.isdisjoint(pieces[:-1])
    issued = pieces[-1:] == ["token"] and not _ISSUED.isdisjoint(pieces[:-1])
    return named or issued or not _SURELY.isdisjoint(pieces)


@lru_cache(maxsize=4096)
def may_name_key(name: str) -> bool:
    """Whether what has this name is a credential if it looks drawn by chance: ``OPENAI_KEY``, but no ``sort_key``."""
    pieces = _pieces(name)
    return len(pieces) > 1 and pieces[-1] == "key" and _OF_DATA.isdisjoint(pieces)


def is_drawn(text: str) -> bool:
    """Whether a text is no word, name or number: long, of letters and digits, without a space."""
    return len(text) >= 20 and _MIXED.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def names_credential(name: str) -> bool:
    """Whether what has this name gives access: a signature is none, nor is the token of the next page."""
    pieces = _pieces(name)
    turned = pieces[-1:] == ["token"] and not _OF_PAGES.isdisjoint(pieces[:-1])
    return is_private(name) and not turned and _SIGNS.isdisjoint(pieces) and pieces[-2:] != ["session", "id"]


def beginning(text: str, most: int, hidden: Iterable[str] = ()) -> str:
    """The beginning of a text, each credential in it by an ellipsis.

    Args:
        most: the place in the text where it ends. What begins before it is looked at whole.
        hidden: secrets that are known, beside those of the environment and what looks like one.
    """
    known = [*hidden, *_seen().hidden]
    # A secret that the end of the window cuts begins behind ``most``, where nothing is shown.
    window = text[: most + max([_LONGEST, *map(len, known)])] if len(text) > most else text
    spans = [found.span() for one in known if one in window for found in re.finditer(re.escape(one), window)]
    spans += [found.span(found.re.groups) for form in _forms(window) for found in form.finditer(window)]
    if not spans:
        return text[:most]
    pieces, at = [], 0
    for begin, end in sorted(spans):
        if begin >= most:
            break
        if end > at:
            pieces += [window[at:begin], HIDDEN] if begin >= at else []
            at = end
    return "".join([*pieces, window[at:most]])


def _forms(text: str) -> Iterator[re.Pattern[str]]:
    """The forms of credentials that may be in a text: to look for all of them in prose takes long."""
    if max(map(len, text.split()), default=0) >= 14:
        yield from (_KNOWN, _RANDOM)
    if "earer" in text or "asic" in text or "oken" in text:
        yield _BEARER
    if "://" in text:
        yield _IN_URL
    if "=" in text or ":" in text:
        lower = text.lower()
        if any(word in lower for word in _SAYING):
            yield _GIVEN
    if "-----BEGIN" in text:
        yield _BLOCK


def spellings(secret: str) -> set[str]:
    """How a secret may stand in other texts: as it is, quoted for an address, in hexadecimal, in base64."""
    if len(secret) < _FEW:
        return set()
    data = secret.encode("utf-8", "surrogatepass")
    found = {secret, quote(data, safe=""), quote(data), quote_plus(data), data.hex(), data.hex().upper()}
    found |= {repr(secret)[1:-1], dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]}
    for shift in range(3):  # base64 writes three bytes together: what stands before shifts the letters
        code = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        inner = code[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        found |= {inner, inner.translate(_URLSAFE)}
    return {one for one in found if len(one) >= _FEW}


_URLSAFE = str.maketrans("+/", "-_")


class _Environment:
    """The secrets of the environment as they were when it was last another one.

    Attributes:
        named: the variables that hold credentials, by their values.
        hidden: all values that are not to be shown.
    """

    __slots__ = ("hidden", "named", "now")

    def __init__(self, now: object) -> None:
        self.now = now
        long = [(name, value) for name, value in os.environ.items() if len(value) >= SHORTEST]
        named = (
            (name, value)
            for name, value in long
            if (is_secret_name(name) and is_credible(value, sure=True)) or (may_name_key(name) and is_drawn(value))
        )
        self.named = {value: f"the environment's {name}" for name, value in named}
        self.hidden = tuple({**self.named, **dict.fromkeys(value for name, value in long if is_private(name))})


_last = _Environment(None)


def _seen() -> _Environment:
    global _last
    # CPython's own table: to compare it takes a fraction of reading every variable, and masking asks often.
    now = getattr(os.environ, "_data", None)
    if now is None or now != _last.now:
        _last = _Environment(None if now is None else dict(now))
    return _last
