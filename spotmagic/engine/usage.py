"""What an answer of a model says it took: tokens and the model, and their price where genai-prices is installed.

Answers are known by their shape, as objects of an SDK, as JSON, and as streams of either: OpenAI (chat, responses,
embeddings) and those who speak like it (Mistral, litellm), Anthropic, Google, Cohere, LangChain. No code of a value
runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spotmagic.codecs.streams import Recording
from spotmagic.originals import dumps, loads
from spotmagic.values.state import attributes, plain_dict

_MOST = 10**15
_LARGEST = 10_000_000  # bytes of a body that is read for its usage
_ENDS = 5  # items of a stream that are looked at, at each end: the last ones tell, and what they leave out the first
_BEGIN = 64  # bytes of an item that tell whether it is JSON
_PIECES = 10_000  # items of a stream whose counts are added up
_SERVED = re.compile(rb"\s*(?:(?:data|event|id|retry)?:|[{\[])")  # how JSON begins, and a stream of events
_STARTS = frozenset(one for sign in "deir:{[" for one in (sign, sign.encode()))  # of what that takes
_READ = frozenset({"plain", "refs", "pydantic", "dataclass", "attrs", "enum", "namedtuple"})  # no code of theirs runs
_PLAIN = (str, bytes, int, float, bool, type(None))


class Usage(NamedTuple):
    """What one answer took, in tokens.

    Attributes:
        model: as the answer names it, or empty.
        input: all of the question, ``cached`` and ``written`` (to a cache) among it.
        output: all of the answer, ``reasoning`` among it.
        provider: who speaks in this shape, for a model that several have; or empty.
    """

    model: str = ""
    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    provider: str = ""

    def note(self) -> str:
        """As a text that is kept; :func:`read_usage` reads it."""
        return dumps([*self], ensure_ascii=False)


def read_usage(note: str) -> Usage | None:
    """The usage in a text. Whoever wrote it may be anybody."""
    try:
        model, *counts, provider = loads(note)
        asked, answered, cached, written, reasoning = map(_count, counts)
        return Usage(str(model)[:200], asked, answered, cached, written, reasoning, str(provider))
    except (ValueError, TypeError):
        return None


def usage_of(value: Any) -> Usage | None:
    """What an answer took, or ``None`` where it does not say."""
    try:
        return _usage(value)
    except Exception:  # a shape that looks like an answer and is none
        return None


def price_of_usage(usage: Usage) -> float:
    """The price of an answer by genai-prices, in dollars; 0 where that is not installed or knows none."""
    try:
        from genai_prices import Usage as Tokens
        from genai_prices import calc_price
    except ImportError:
        return 0.0
    tokens = Tokens(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached or None,
        cache_write_tokens=usage.written or None,
    )
    for provider in dict.fromkeys((None, usage.provider or None)):
        try:
            return float(calc_price(tokens, usage.model, provider_id=provider).total_price)
        except Exception:
            continue  # it knows no such model there
    return 0.0


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The objects of JSON in a stream of server-sent events, or of lines."""
    found = []
    for line in body.splitlines():
        try:
            told = loads(line.removeprefix(b"data:"))
        except ValueError:
            continue
        if isinstance(told, dict):
            found.append(told)
    return found


def _usage(value: Any) -> Usage | None:
    kind = type(value)
    if issubclass(kind, list) or (kind is Recording and value.codecs <= _READ):
        return _of_items(value) if value else None
    if issubclass(kind, str | bytes):
        if value[:_BEGIN].lstrip()[:1] not in _STARTS:  # most answers are words
            return None
        body = _body([value])
        return None if body is None else _usage(body)
    if issubclass(kind, _PLAIN):
        return None
    held = _held(value)
    for name, read in _SHAPES:
        found = held.get(name)
        if found is not None and not issubclass(type(found), _PLAIN):
            usage = read(held, _held(found))
            if usage is not None and (usage.input or usage.output):
                return usage
    return None


def _of_items(items: Sequence[Any]) -> Usage | None:
    """What a stream took, all of it."""
    first = items[:_ENDS]
    if all(issubclass(type(one), str | bytes) for one in first):
        body = _body(items)
        return None if body is None else _usage(body)
    ends = [
        _held(one) for one in (*first, *items[max(_ENDS, len(items) - _ENDS) :]) if not issubclass(type(one), _PLAIN)
    ]
    if any(one.get("type") == "AIMessageChunk" for one in ends):
        return _sum(items if len(items) <= _PIECES else ends)
    for one in ends:
        if one.get("type") == "message_start":
            return _of_message(_held(one.get("message")), ends)
    return next(filter(None, map(_usage, reversed(ends))), None)


def _of_message(message: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Usage | None:
    """What a stream of Anthropic's took: its first event tells the question, the one before its last the answer."""
    said: dict[str, Any] = {}
    for usage in (message.get("usage"), *(one.get("usage") for one in events)):
        if usage is not None and not issubclass(type(usage), _PLAIN):
            said.update((name, count) for name, count in _held(usage).items() if count is not None)
    return _usage({**message, "type": "message", "usage": said})


def _sum(pieces: Sequence[Any]) -> Usage | None:
    """What pieces took of which each tells its own share."""
    told = list(filter(None, map(_usage, pieces)))
    if not told:
        return None
    abouts = [_about(_held(one)) for one in pieces]
    model, provider = (next(filter(None, names), "") for names in zip(*abouts, strict=True))
    return Usage._make((model, *(sum(one) for one in zip(*(usage[1:-1] for usage in told), strict=True)), provider))


def _body(pieces: Sequence[str | bytes]) -> Any:
    """What of JSON stands in a body that came in pieces, or in lines, and may tell of a usage."""
    if not _SERVED.match(b"".join(_bytes(one[:_BEGIN]) for one in pieces[:_ENDS])):
        return None  # words of an answer
    if sum(map(len, pieces)) > _LARGEST:
        return None
    read = [*map(_bytes, pieces)]
    body = (b"" if len(read) == 1 or any(b"\n" in one for one in read) else b"\n").join(read)
    lower = body.lower()
    if b"usage" not in lower and b"billed" not in lower:
        return None
    try:
        told = loads(body)
    except ValueError:
        told = events_of(body)
    return told if isinstance(told, dict | list) else None


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _held(value: Any) -> Mapping[str, Any]:
    if issubclass(type(value), dict):
        return value if type(value) is dict else plain_dict(value)
    held = attributes(value)
    extra = held.get("__pydantic_extra__")
    return {**extra, **held} if isinstance(extra, dict) else held


def _count(value: Any) -> int:
    """A number of tokens; 0 for what is none."""
    return int(value) if type(value) in (int, float) and 0 <= value < _MOST else 0


def _at(held: Mapping[str, Any], *path: str) -> Any:
    for name in path[:-1]:
        inner = held.get(name)
        held = {} if inner is None or issubclass(type(inner), _PLAIN) else _held(inner)
    return held.get(path[-1])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _told(
    model: str,
    said: Mapping[str, Any],
    provider: str,
    names: tuple[str, str],
    cached: Sequence[str],
    reasoning: Sequence[str],
    written: Sequence[str] = ("",),
) -> Usage:
    """A usage whose counts stand under these names, and details of them at these paths."""
    counts = [_count(said.get(name)) for name in names]
    counts += [_count(_at(said, *path)) for path in (cached, written, reasoning)]
    return Usage._make((model, *counts, provider))


def _openai_or_anthropic(answer: Mapping[str, Any], said: Mapping[str, Any]) -> Usage | None:
    model = _text(answer.get("model"))
    if "prompt_tokens" in said:
        provider = "mistral" if model.startswith(("mistral", "magistral", "codestral", "ministral")) else "openai"
        names, answered = ("prompt_tokens", "completion_tokens"), ("completion_tokens_details", "reasoning_tokens")
        return _told(model, said, provider, names, ("prompt_tokens_details", "cached_tokens"), answered)
    if "billed_units" in said:
        return _cohere(answer, said)
    cached, written = _count(said.get("cache_read_input_tokens")), _count(said.get("cache_creation_input_tokens"))
    if "cache_read_input_tokens" in said or answer.get("type") == "message":  # Anthropic counts these beside its input
        total = _count(said.get("input_tokens")) + cached + written
        return Usage(model, total, _count(said.get("output_tokens")), cached, written, 0, "anthropic")
    if "input_tokens" in said:
        names, answered = ("input_tokens", "output_tokens"), ("output_tokens_details", "reasoning_tokens")
        return _told(model, said, "openai", names, ("input_tokens_details", "cached_tokens"), answered)
    return None


def _cohere(answer: Mapping[str, Any], said: Mapping[str, Any]) -> Usage | None:
    counts = {name: _count(_at(said, "billed_units", name)) for name in ("input_tokens", "output_tokens")}
    return Usage(_text(answer.get("model")), counts["input_tokens"], counts["output_tokens"], provider="cohere")


def _google(answer: Mapping[str, Any], said: Mapping[str, Any]) -> Usage | None:
    names = "prompt_token_count", "candidates_token_count", "thoughts_token_count", "cached_content_token_count"
    counts = [_count(said.get(name) or said.get(_camel(name))) for name in names]
    model = _text(answer.get("model_version") or answer.get("modelVersion"))
    return Usage(model, counts[0], counts[1] + counts[2], counts[3], 0, counts[2], "google")


def _google_or_langchain(answer: Mapping[str, Any], said: Mapping[str, Any]) -> Usage | None:
    if "input_tokens" not in said:
        return _google(answer, said)
    model, provider = _about(answer)
    names, answered = ("input_tokens", "output_tokens"), ("output_token_details", "reasoning")
    cached, written = (("input_token_details", one) for one in ("cache_read", "cache_creation"))
    return _told(model, said, provider, names, cached, answered, written)


def _about(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The model and the provider of an answer of LangChain."""
    about = answer.get("response_metadata")
    about = about if isinstance(about, dict) else {}
    return _text(about.get("model_name") or about.get("model")), _text(about.get("model_provider"))


def _of_llm_output(_: Mapping[str, Any], said: Mapping[str, Any]) -> Usage | None:
    model, tokens = _text(said.get("model_name")), said.get("token_usage")
    return _openai_or_anthropic({"model": model}, tokens) if isinstance(tokens, dict) else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


_SHAPES: tuple[tuple[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Usage | None]], ...] = (
    ("usage_metadata", _google_or_langchain),
    ("usageMetadata", _google),
    ("usage", _openai_or_anthropic),
    ("meta", _cohere),
    ("llm_output", _of_llm_output),
    (
        "response",
        lambda _, said: _usage(said),
    ),  # the last event of a stream: of OpenAI's responses, Cohere's first API,
    ("data", lambda _, said: _usage(said)),  # Mistral,
    ("delta", lambda _, said: _usage(said)),  # Cohere
)
