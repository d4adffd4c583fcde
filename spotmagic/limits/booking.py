"""The rule of a limit, as arithmetic on times: who may start when. Pure; the storages keep its state and take locks.

It is GCRA in debt form. For each dimension (requests, tokens) one number says when all that was booked so far is paid
for. A call may start when that time has come, and then owes everything it costs: so a call larger than a burst passes,
and those after it wait. A start is booked before it is waited for, which makes the order fair and loses no capacity.

- Idle time earns nothing. What settling gives back may be spent sooner, up to ``TOLERANCE`` seconds of rate; and what a
  dimension could not let pass because calls waited for the other one, up to ``PATIENCE``.
- A pause stops the time of the limit: every start that is booked but has not come moves on by as much.
- Errors of the provider cut the share of the rate that is used; it grows back slowly (AIMD).

Example: at 60 requests a minute each start owes one second. Three calls come at 10.0 s to an idle limit: they start at
10, 11 and 12 s, and ``requests`` is 13. A fourth one at 10.5 s is booked for 13.0 and waits 2.5 s; ``requests`` is 14.
If it is not made after all, :func:`undo` sets ``requests`` back to 13, as nobody has booked since.
"""

from __future__ import annotations

from typing import NamedTuple

MINUTE = 60.0
TOLERANCE = 1.0
"""Seconds of rate that settled costs may give back at most."""
PATIENCE = 0.25
"""Seconds of rate that a dimension may gain while calls wait for the other one."""
SLACK = 0.01
"""Seconds that a waiter whose wake-up came late may still count from when it was due."""
CUT = 0.75
"""What is left of the rate after one cut."""
CUT_EVERY = 1.0
"""Seconds between two cuts at least."""
GROWTH = 0.01
"""Share of the declared rate that comes back per second."""
LEAST = 0.01
"""Share of the declared rate that no cut goes below."""
LONGEST_PAUSE = 600.0
"""Seconds of one pause at most, whatever a server asks for."""
CLOCK_JUMP = 1.0
"""A clock that is this many seconds behind the state was set back."""


class Rates(NamedTuple):
    """What a limit lets pass: requests and tokens per minute, and calls at the same time. 0 is not limited."""

    requests: float = 0.0
    tokens: float = 0.0
    concurrency: int = 0

    def __str__(self) -> str:
        parts = [(self.requests, "requests/min"), (self.tokens, "tokens/min"), (self.concurrency, "at once")]
        return ", ".join(f"{number:g} {unit}" for number, unit in parts if number) or "no limit"


class State(NamedTuple):
    """All that is known about a limit. A tuple, as it is packed and unpacked on every call. Times are in seconds."""

    serial: int = 0  # bookings so far
    wrote: float = 0.0  # when this state was made
    at: float = 0.0  # the latest start that was booked
    requests: float = 0.0  # when the requests booked so far are paid for
    tokens: float = 0.0
    pause: float = 0.0  # nothing starts before
    frozen: float = 0.0  # seconds of all pauses so far
    factor: float = 1.0  # share of the declared rates in use, when it last changed
    eased: float = -1e9  # when that was
    rpm: float = 0.0  # the declared rates
    tpm: float = 0.0
    concurrency: int = 0

    @property
    def rates(self) -> Rates:
        """The declared rates."""
        return Rates(self.rpm, self.tpm, self.concurrency)


class Booking(NamedTuple):
    """A start that was booked."""

    start: float
    wait: float  # seconds from the booking to the start
    serial: int
    frozen: float
    request_seconds: float  # what it costs in time of each dimension
    token_seconds: float
    moved: tuple[float, float, float]  # by how much it moved ``at``, ``requests`` and ``tokens``


class Late(NamedTuple):
    """No booking: the start would come too late."""

    wait: float  # seconds until it


def book(
    state: State, now: float, requests: float, tokens: float, late: float = 0.0, within: float = float("inf")
) -> tuple[State, Booking | Late]:
    """Book the next start.

    Args:
        requests: how many requests the call counts for.
        tokens: how many tokens it is expected to cost.
        late: for how many seconds the caller could have booked already; counts up to ``SLACK``.
        within: seconds from now in which it has to start; else nothing is booked and :class:`Late` comes back.
    """
    share = 1.0 if state.factor >= 1.0 else factor(state, now)
    request_seconds = MINUTE * requests / (state.rpm * share) if state.rpm else 0.0
    token_seconds = MINUTE * tokens / (state.tpm * share) if state.tpm else 0.0
    ready = max(now - min(late, SLACK), state.pause, state.at)  # nobody starts before one who came earlier
    start = ready
    if request_seconds and state.requests > start:
        start = state.requests
    if token_seconds and state.tokens > start:
        start = state.tokens
    wait = start - now if start > now else 0.0
    if wait > within:
        return state, Late(wait)
    paid_requests = _charged(state.at, state.requests, start, start - ready) + request_seconds
    paid_tokens = _charged(state.at, state.tokens, start, start - ready) + token_seconds
    serial = state.serial + 1
    # Differences rather than the old values: a pause between booking and undoing has moved all of them by as much.
    moved = (start - state.at, paid_requests - state.requests, paid_tokens - state.tokens)
    booking = Booking(start, wait, serial, state.frozen, request_seconds, token_seconds, moved)
    return State(serial, now, start, paid_requests, paid_tokens, *state[5:]), booking


def undo(state: State, now: float, booking: Booking) -> State:
    """Take back a booking that nobody used.

    If others booked since, their starts stand, so the request is lost (two calls at the same moment would pass the
    limit) and the tokens are given back as settling does.
    """
    if state.serial != booking.serial:
        return settle(state, now, 0.0, booking.token_seconds)
    at, requests, tokens = booking.moved
    return state._replace(
        serial=state.serial - 1,
        wrote=now,
        at=state.at - at,
        requests=state.requests - requests,
        tokens=state.tokens - tokens,
    )


def settle(state: State, now: float, request_seconds: float, token_seconds: float) -> State:
    """Give back what a call did not cost after all, or charge what it cost beyond its booking (below zero)."""
    # Idle time earns nothing: what is given back counts from the last start or from now, whichever is later.
    at = max(state.at, now - SLACK)
    requests = max(state.requests, at - _credit(state.at, state.requests))
    tokens = max(state.tokens, at - _credit(state.at, state.tokens))
    if request_seconds:
        requests = max(requests - request_seconds, at - TOLERANCE)
    if token_seconds:
        tokens = max(tokens - token_seconds, at - TOLERANCE)
    return state._replace(wrote=now, at=at, requests=requests, tokens=tokens)


def freeze(state: State, now: float, seconds: float) -> State:
    """Let nothing start for some seconds: starts that are booked and have not come move on."""
    seconds = min(seconds, LONGEST_PAUSE)
    begin = max(now, state.pause)  # two complaints about one burst ask for the same pause: only the rest is added
    extra = now + seconds - begin
    if extra <= 0:
        return state
    at = max(state.at, begin)
    requests = max(state.requests, at - _credit(state.at, state.requests)) + extra
    tokens = max(state.tokens, at - _credit(state.at, state.tokens)) + extra
    return state._replace(
        wrote=now, at=at + extra, requests=requests, tokens=tokens, pause=begin + extra, frozen=state.frozen + extra
    )


def cut(state: State, now: float, started: float) -> State:
    """Use less of the rate, because the provider complained about a call that had started at ``started``.

    Calls that started before the last cut say nothing about the rate after it.
    """
    if now - state.eased < CUT_EVERY or started < state.eased:
        return state
    return state._replace(wrote=now, factor=max(LEAST, CUT * factor(state, now)), eased=now)


def heed(state: State, now: float, pause: float, cutting: bool, started: float | None) -> State:
    """The state after a provider's complaint about a call that started then (``None``: just now)."""
    if cutting:
        state = cut(state, now, now if started is None else started)
    return freeze(state, now, pause) if pause > 0 else state


def factor(state: State, now: float) -> float:
    """The share of the declared rates that is in use now."""
    if state.factor >= 1.0:
        return 1.0
    return min(1.0, state.factor + GROWTH * max(0.0, now - state.eased))


def left(state: State, now: float, booking: Booking) -> float:
    """Seconds until a booked start, with the pauses that came since it was booked."""
    return booking.start + state.frozen - booking.frozen - now


def declare(state: State, rates: Rates) -> State:
    """The state under other rates. What was booked stays booked."""
    return state._replace(rpm=rates.requests, tpm=rates.tokens, concurrency=rates.concurrency)


def ease(state: State) -> State:
    """The state at its full rate and without a pause."""
    return state._replace(factor=1.0, pause=0.0)


def rebase(state: State, now: float) -> State:
    """The state on a clock that was set back: the same distances, counted from the new now."""
    back = state.wrote - now
    if back < CLOCK_JUMP:
        return state
    return state._replace(
        wrote=now,
        at=state.at - back,
        requests=state.requests - back,
        tokens=state.tokens - back,
        pause=state.pause - back,
        eased=state.eased - back,
    )


def _credit(at: float, paid: float) -> float:
    """Seconds of rate that settling gave back and nobody has used."""
    return at - paid if at > paid else 0.0


def _charged(at: float, paid: float, start: float, waited: float) -> float:
    """From when on a dimension is charged for a start: what it let pass unused before counts as far as it is kept.

    That is its credit, and what it gains while a call that it would let pass waits for the other dimension.
    """
    if paid >= start:
        return paid
    credit = _credit(at, paid)
    return max(paid, start - max(credit, min(PATIENCE, credit + waited)))
