"""A limit's state in a Redis server, shared between machines: the same rule, as one script that the server runs.

Times are the server's own. Slots are leases, renewed while they are held, so those of a machine that is gone come back.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import threading
import weakref
from collections import deque
from importlib import resources
from typing import Any

from spotmagic import threads
from spotmagic.errors import OptionError
from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Booking, Late, Rates, State
from spotmagic.limits.storage import Slot, StorageGone, User

LEASE = 30.0
"""Seconds after which a slot that is not renewed is free."""
TIMEOUT = 1.0
"""Seconds in which the server has to answer."""


class Lease:
    """A slot held in the server."""

    __slots__ = ("_storage", "token")

    def __init__(self, storage: RedisStorage, token: str) -> None:
        self._storage, self.token = storage, token

    def free(self) -> None:
        """Let go of it. Doing so again changes nothing."""
        token, self.token = self.token, ""
        if token:
            self._storage.free(token)

    def drop(self) -> None:
        """Let go of it soon: the server is not asked from here. What nobody keeps is dropped too."""
        # Only a note, as the garbage collector may come here in the midst of a request to the server.
        token, self.token = self.token, ""
        if token:
            self._storage.dropped.append(token)

    __del__ = drop


class RedisStorage:
    """A :class:`~spotmagic.limits.storage.Storage` in a Redis server.

    Args:
        url: such as ``redis://host:6379/0``.
        name: of the limit.

    Raises:
        StorageGone: when the server does not answer.
        OptionError: when the client for it is not installed, or the URL is none.
    """

    kind = "redis"

    def __init__(self, url: str, name: str) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise OptionError(
                "limits in Redis need its client", why="redis is not installed", todo="pip install 'spotmagic[redis]'"
            ) from None
        self._gone: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        try:
            client = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
            )
        except ValueError as error:
            raise OptionError(f"{url!r} is not the URL of a Redis server", why=str(error)) from error
        self._client, self._script = client, client.register_script(script())
        # The name in braces is what a cluster chooses the server by, so that all keys of a script lie in one.
        self._keys = [f"spotmagic:limit:{{{name}}}:{part}" for part in ("state", "slots", "users")]
        self._rates = Rates()
        self.seen = State()
        self.forked()
        self.read()

    def declare(self, rates: Rates) -> Rates | None:
        self._rates = rates
        given = self._run("declare")
        if not given:
            return None
        before = Rates(float(given[0]), float(given[1]), int(float(given[2])))
        return before if before not in (rates, Rates()) else None

    def book(self, requests: float, tokens: float, late: float, within: float) -> Booking | Late:
        given = [float(part) for part in self._run("book", requests, tokens, late, within, self._me, self._waiting)]
        if len(given) == 1:
            return Late(given[0])
        start, wait, serial, frozen, request_seconds, token_seconds, *moved = given
        return Booking(start, wait, int(serial), frozen, request_seconds, token_seconds, (moved[0], moved[1], moved[2]))

    def left(self, booking: Booking) -> float:
        state, now = self.read()
        return rule.left(state, now, booking)

    def undo(self, booking: Booking) -> None:
        self._run("undo", booking.serial, *booking.moved, booking.token_seconds)

    def settle(self, request_seconds: float, token_seconds: float) -> None:
        self._run("settle", request_seconds, token_seconds)

    def heed(self, pause: float, cut: bool, started: float | None) -> None:
        self._run("heed", pause, int(cut), "" if started is None else started)

    def ease(self) -> None:
        self._run("ease")

    def read(self) -> tuple[State, float]:
        self._run("read")
        return self.seen, self._now

    def take(self, slots: int) -> Slot | None:
        if self.dropped:
            self._free_dropped()
        lease = Lease(self, f"{self._me} {secrets.token_hex(8)}")
        if not self._run("take", slots, lease.token, LEASE):
            lease.token = ""
            return None
        self._held.add(lease.token)
        # The thread that renews keeps this lock for good, so there is one. It lives as long as the storage.
        if self._renewing.acquire(blocking=False) and not threads.spawn("spotmagic-lease", _renew, weakref.ref(self)):
            self._renewing.release()
        return lease

    def free(self, token: str) -> None:
        """Let go of a slot. Never raises: the lease ends by itself."""
        self._held.discard(token)
        try:
            self._run("free", token)
        except StorageGone:
            pass

    def tell(self, waiting: int) -> None:
        self._waiting = waiting

    def users(self) -> list[User]:
        given = self._run("users")
        waiting = {given[i]: int(float(given[i + 1])) for i in range(0, len(given), 2)}
        waiting[self._me] = self._waiting
        return [User(*row) for row in sorted(waiting.items())]

    def running(self) -> int:
        return int(self._run("running")[0])

    def forked(self) -> None:
        self._me = f"{platform.node()}:{os.getpid()}"
        self._waiting = 0
        self._held: set[str] = set()
        self.dropped: deque[str] = deque()
        self._renewing = threading.Lock()

    def _run(self, operation: str, *arguments: Any, now: float | None = None) -> list[str]:
        """What an operation gives; the state it leaves is in ``seen``."""
        rates = self._rates
        try:
            state, time, given = self._script(
                keys=self._keys,
                args=[operation, "" if now is None else repr(now), rates.requests, rates.tokens, rates.concurrency]
                + [repr(value) if isinstance(value, float) else value for value in arguments],
            )
        except self._gone as error:
            raise StorageGone(str(error)) from error
        fields = [float(part) for part in state]
        fields[0], fields[-1] = int(fields[0]), int(fields[-1])  # serial and concurrency
        self.seen = State._make(fields)
        self._now = float(time)
        return [part.decode() for part in given]

    def _free_dropped(self) -> None:
        while self.dropped:
            self.free(self.dropped.popleft())

    def renew(self) -> None:
        """Make every lease last."""
        self._free_dropped()
        held = list(self._held)
        if held:
            try:
                self._run("renew", LEASE, *held)
            except StorageGone:  # they come back by themselves, and so does the server perhaps
                pass


def _renew(storage: weakref.ref[RedisStorage]) -> None:
    rest = threading.Event()
    while not rest.wait(LEASE / 3):
        owner = storage()
        if owner is None:
            return
        owner.renew()
        del owner  # or the storage would be held through the next rest, and never go


def script() -> str:
    """The rule in the language of the server, with the constants of the one in Python."""
    text = resources.files("spotmagic.limits").joinpath("booking.lua").read_text("utf-8")
    return re.sub(r"<([A-Z_]+)>", lambda constant: repr(getattr(rule, constant[1])), text)
