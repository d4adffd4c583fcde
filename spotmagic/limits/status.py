"""A limit as people look at it."""

from __future__ import annotations

from dataclasses import dataclass

from spotmagic.limits.booking import MINUTE, State, factor
from spotmagic.limits.storage import User
from spotmagic.words import duration


@dataclass(frozen=True, slots=True)
class LimitState:
    """What a limit does now.

    Attributes:
        name: of the limit.
        place: where its state is kept: ``"file"``, ``"redis"`` or ``"memory"``.
        rpm, tpm, concurrency: as declared; 0 is not limited.
        factor: the share of the rates in use, below 1 after the provider complained.
        pause: seconds until anything may start.
        wait: seconds a call that comes now would wait, if nobody were before it.
        running: calls that hold a slot.
        queue: calls that wait, in all processes.
        booked: starts that were booked so far, in all processes.
        owed: requests and tokens that are booked and not paid for by time yet.
        users: the processes, with how many of their calls wait.
    """

    name: str
    place: str
    rpm: float
    tpm: float
    concurrency: int
    factor: float
    pause: float
    wait: float
    running: int
    queue: int
    booked: int
    owed: tuple[float, float]
    users: tuple[User, ...]

    @property
    def rpm_now(self) -> float:
        """Requests per minute in use."""
        return self.rpm * self.factor

    @property
    def tpm_now(self) -> float:
        """Tokens per minute in use."""
        return self.tpm * self.factor

    def __str__(self) -> str:
        rates = [(self.rpm_now, self.rpm, "requests/min"), (self.tpm_now, self.tpm, "tokens/min")]
        parts = [
            f"{f'{now:g} of ' if now < declared else ''}{declared:g} {unit}"
            for now, declared, unit in rates
            if declared
        ]
        if parts and not self.pause:
            parts.append(f"a call now waits {duration(self.wait)}" if self.wait >= 0.05 else "free now")
        if self.concurrency:
            parts.append(f"{self.running} of {self.concurrency} at once")
        if self.pause:
            parts.append(f"paused for {duration(self.pause)}")
        if self.queue:
            waiting = ", ".join(f"{user.waiting} in {user.process}" for user in self.users if user.waiting)
            parts.append(f"{self.queue} waiting ({waiting})")
        return f"{self.name}: {'; '.join(parts) or 'no limit'}"


def status(name: str, place: str, state: State, now: float, users: list[User], running: int) -> LimitState:
    """The view of a state at a time of its own clock."""
    share = factor(state, now) / MINUTE
    owed = max(0.0, state.requests - now) * state.rpm * share, max(0.0, state.tokens - now) * state.tpm * share
    due = max(state.pause, state.requests if state.rpm else 0.0, state.tokens if state.tpm else 0.0)
    return LimitState(
        name=name,
        place=place,
        rpm=state.rpm,
        tpm=state.tpm,
        concurrency=state.concurrency,
        factor=factor(state, now),
        pause=max(0.0, state.pause - now),
        wait=max(0.0, due - now),
        running=running,
        queue=sum(user.waiting for user in users),
        booked=state.serial,
        owed=owed,
        users=tuple(users),
    )
