"""HTTP under a spot: which requests, what each is called and keyed by, and how its answer is had, run or replayed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import encode
from spotmagic.engine import streamed
from spotmagic.engine.call import Call, Gate, Ticket
from spotmagic.engine.explain import ARGUMENTS
from spotmagic.engine.streamed import Streamed
from spotmagic.engine.usage import usage_of
from spotmagic.errors import OptionError, SpotError, Uncacheable, tell
from spotmagic.limits import Cost
from spotmagic.options import MarkOptions, mark_options, parse_duration, parse_names
from spotmagic.spot.limiter import GivenRates
from spotmagic.store.entry import Entry, Part
from spotmagic.values.short import pack, texts
from spotmagic.wrap.answer import Answer, StatusError, answer_from, obstacle
from spotmagic.wrap.request import METHODS, Asked, Sent, address, read_request
from spotmagic.wrap.target import Undo, take_back

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

_MARK = ("ttl", "price", "mode", "retry", "keep_if", "keep_inputs", "save_blob")
_RATES = ("rpm", "tpm", "concurrency")
_WRAPS = {"httpx": "spotmagic.wrap.transports", "requests": "spotmagic.wrap.sessions"}
Show = Callable[[Answer], Any]
"""Makes the answer a response of the user's library, read whole."""

_rules: dict[str, list[Rule]] = {}  # by family, the newest first
_undos: dict[str, list[Undo]] = {}
# Held while rules change. They are read without it: a list of rules is never changed, another takes its place.
_lock = threading.RLock()


class HTTPTarget:
    """The requests of a family of libraries: ``httpx`` (with ``httpx2``), or ``requests``."""

    options = (*_MARK, "match", "ignore", *_RATES, "name", "timeout")

    def __init__(self, family: str) -> None:
        self._family = family

    def on(self, spot: Spot, options: Mapping[str, Any]) -> Undo:
        """Let the requests that match pass this spot. Of several rules that match the newest holds."""
        rule, family = Rule(spot, self._family, options), self._family

        def undo() -> None:
            with _lock:
                _rules[family] = [one for one in _rules.get(family, ()) if one is not rule]
                if not _rules[family]:
                    take_back(_undos.get(family, []))

        try:
            with _lock:
                if not _undos.setdefault(family, []):
                    import_module(_WRAPS[family]).wrap(_undos[family])
                _rules[family] = [rule, *_rules.get(family, ())]
        except BaseException:
            undo()
            raise
        return undo


def rule_of(family: str, method: str, url: str) -> Rule | None:
    """The rule that holds for a request, or ``None`` for one that is none of ours."""
    if method not in METHODS:
        return None
    return next((rule for rule in _rules.get(family, ()) if rule.fits(url)), None)


class Rule:
    """Requests of one address under one spot, with the options they were given.

    Raises:
        OptionError: for an option that cannot be used.
    """

    def __init__(self, spot: Spot, family: str, options: Mapping[str, Any]) -> None:
        self.spot = spot
        self._match = tuple(one.partition("://")[2] or one for one in parse_names(options.get("match") or ()))
        self._ignore = parse_names(options.get("ignore") or ())
        given = spot.filled(mark_options({name: options[name] for name in _MARK if name in options}))
        self.options: MarkOptions = given
        self._gate = self._made_gate(family, options)

    def _made_gate(self, family: str, options: Mapping[str, Any]) -> Gate | None:
        own = GivenRates(*(options.get(name) for name in _RATES))
        if not own.said and "timeout" in options:
            raise OptionError("timeout= is given without a rate", todo="Say rpm=, tpm= or concurrency= too")
        if not own.said and "name" not in options:
            return None
        title = options.get("name") or " ".join([family, *self._match])
        limit = self.spot.limits.get(title, rpm=own.rpm, tpm=own.tpm, concurrency=own.concurrency)
        timeout = None if options.get("timeout") is None else parse_duration(options["timeout"], "timeout")
        cost = Cost("mean", first=limit.typical) if own.tpm is not None else Cost(1)
        return Gate(limit, cost, tokens if own.tpm is not None else None, timeout)

    def fits(self, url: str) -> bool:
        """Whether an address is one of this rule's."""
        if not self._match:
            return url.startswith(("http://", "https://"))
        host, path = address(url)
        names = (f"{host}{path}", f"{host.rpartition(':')[0] or host}{path}")  # ports may be left out of a pattern
        return any(fnmatchcase(name, one) for one in self._match for name in names)

    def call(self, sent: Sent, show: Show) -> Call:
        """The call that a request is. Its ``run`` is still to be given."""
        what = read_request(sent, self.spot.ring.mask, self._ignore)
        call = Call(
            name=what.name,
            kind="http",
            key=what.key,
            code=b"",
            inputs=what.inputs,
            run=_never,
            encode=lambda answer: self._encoded(answer, sent, what),
            decode=decode_answer,
            options=_shown(self.options, show),
            mode=self.spot.mode_of(what.name, self.options.mode),
            budget=self.spot.budget,
            hooks=self.spot.hooks,
        )
        if what.told and self.options.keep_inputs is not False:
            call.notes = {ARGUMENTS: pack(texts(what.told, secret=what.secrets))}
        if not what.key:  # nothing to find it by, so it is sent: limits and prices hold all the same
            call.trouble = "its body is a stream, which cannot be read before it is sent"
        if self._gate is not None:
            call.ticket = Ticket(self._gate, self._gate.cost.estimate())
        return call

    def _encoded(self, answer: Answer, sent: Sent, what: Asked) -> tuple[Part, ...]:
        """The parts of an answer. Raises :class:`Uncacheable` for one that is not for a file."""
        why = obstacle(answer, sent.method, what)
        if why:
            raise Uncacheable(why)
        encoded = encode(answer.plain(), pickle="never")
        return (Part("value", *encoded),)


def decode_answer(entry: Entry) -> Answer:
    """The answer of an entry."""
    from spotmagic.spot.mark import decode_value

    return answer_from(decode_value(entry))


def answered(rule: Rule, call: Call, ask: Callable[[bool], Answer], *, whole: bool) -> tuple[Answer, Streamed | None]:
    """The answer to a request, from the store or by asking for it. One that is not kept is given as it came.

    Args:
        ask: sends the request. Told False, it leaves the body of an answer that is kept to its reader.
        whole: the body is not read piece by piece.

    Returns:
        The answer; where its body is still to come with what is told of how that ends.
    """
    try:
        if whole:
            call.run = functools.partial(ask, True)
            return rule.spot.engine.drive(call).value, None
        found = streamed.opened(rule.spot.engine.ledger, call)
        if not isinstance(found, Streamed):
            return found.value, None
        return found.start(functools.partial(ask, False)), found
    except StatusError as error:
        return error.response, None


async def aanswered(
    rule: Rule, call: Call, ask: Callable[[bool], Awaitable[Answer]], *, whole: bool
) -> tuple[Answer, Streamed | None]:
    """The same for a request that is awaited."""
    try:
        if whole:
            call.run = functools.partial(ask, True)
            return (await rule.spot.engine.adrive(call)).value, None
        found = streamed.opened(rule.spot.engine.ledger, call)
        if not isinstance(found, Streamed):
            return found.value, None
        return await found.astart(functools.partial(ask, False)), found
    except StatusError as error:
        return error.response, None


def checked_status(answer: Answer) -> Answer:
    """The answer, if it is one that is kept. Raises :class:`StatusError` for any other."""
    if not answer.ok:
        raise StatusError(answer)
    return answer


def prepared(rule: Rule, sent: Sent, show: Show) -> Call | None:
    """The call of a request, or ``None`` for one that passes as if we were not there: trouble of ours is told."""
    try:
        return rule.call(sent, show)
    except SpotError:
        raise
    except Exception as error:
        tell(
            f"a {sent.method} request is not kept",
            f"{type(error).__name__}: {error}",
            "It is sent as if it were not wrapped",
            once=f"http {sent.method} {type(error).__name__}",
        )
        return None


def tokens(answer: Answer) -> float:
    """The tokens that an answer says were used, 1 where it says nothing. What was cached Anthropic does not count."""
    told = answer.told()
    for one in reversed(told):
        said = one.get("usage") or one.get("usageMetadata")
        for name in ("total_tokens", "totalTokenCount") if isinstance(said, dict) else ():
            if isinstance(said.get(name), int | float):
                return float(said[name])
    usage = usage_of(told)
    if usage is None:
        return 1.0
    return float(usage.input + usage.output - (usage.cached if usage.provider == "anthropic" else 0)) or 1.0


def _shown(options: MarkOptions, show: Show) -> MarkOptions:
    """The options with the user's functions given the response of their library, not what is kept of it."""
    given: dict[str, Any] = {}
    for name in ("price", "keep_if"):
        function = getattr(options, name, None)
        if callable(function):
            given[name] = lambda answer, function=function: function(show(answer))
    return replace(options, **given) if given else options


def _never() -> Any:
    raise AssertionError("a request that nobody sends")
