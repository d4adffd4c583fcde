"""What a batch is made of: the inputs to ask, what came of each, and what is told of those that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from spotmagic.engine.call import Outcome
from spotmagic.errors import BatchFailed, trace
from spotmagic.values.secrets import masked
from spotmagic.words import counted

if TYPE_CHECKING:
    from spotmagic.batch.batch import Batch

State = Literal["waiting", "running", "retrying"]
_LONGEST, _SHOWN = 20_000, 200
_KINDS = 3
_CHAIN = 20


@dataclass(slots=True, eq=False)
class Task:
    """One call of a batch that is to be made.

    Attributes:
        number: its place among all calls of the batch.
        index: the place of its input among the inputs.
        sample: which answer to the input it asks for, from 0 on.
        given: the input as the user gave it.
        args, kwargs: the arguments it makes.
        attempts: runs made so far.
        state: what it does now: it waits for a limit or another kernel, runs, or waits before another attempt.
        limit: the name of the limit it passes, or empty.
    """

    number: int
    index: int
    sample: int
    given: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    attempts: int = 0
    state: State = "waiting"
    limit: str = ""


class Item:
    """What came of one input.

    Attributes:
        index: the place of the input.
        input: as it was given.
        value: the result, ``None`` where it failed.
        error: why it failed, or ``None``. Its traceback stands as text in ``batch.failed``.
        sample: which answer to the input it is.
        verdict, price: as in the outcome; ``failed`` where it raised.
        tokens: what the run took, by its answer; ``None`` where that says nothing of them.
    """

    __slots__ = ("_tell", "error", "index", "input", "number", "price", "sample", "tokens", "value", "verdict")

    def __init__(
        self,
        task: Task,
        value: Any,
        error: BaseException | None,
        tell: Callable[[], Outcome] | None,
        verdict: str = "failed",
        price: float = 0.0,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.index, self.input, self.sample, self.number = task.index, task.given, task.sample, task.number
        self.value, self.error, self._tell = value, error, tell
        self.verdict, self.price = verdict, price
        said = notes.get("tokens", "") if notes else ""
        self.tokens = int(said) if said.isdigit() else None

    @property
    def outcome(self) -> Outcome | None:
        """What came of the call, with verdict, reason and price; ``None`` where it raised."""
        return None if self._tell is None else self._tell()

    def __repr__(self) -> str:
        what = f"value={self.value!r}" if self.error is None else f"error={self.error!r}"
        return f"Item(index={self.index}, input={self.input!r}, {what})"


@dataclass(frozen=True, slots=True)
class Failed:
    """An input that failed, as it was kept at that moment. Given to a batch as an input, it is asked again.

    Attributes:
        index: the place of the input.
        input: as it was given; ``None`` where it could not be kept, and ``why`` says why.
        error: the exception; after a restart ``None``.
        kind, message: the type of the exception and its text.
        attempts: runs that were made; 0 where a kept error or that of an equal input was raised.
        traceback: as text. Credentials in it and in the message are masked.
        shown: the input as a short text.
        at: seconds since 1970.
        key: of the call, in digits, or empty.
    """

    index: int
    input: Any
    kind: str
    message: str
    attempts: int
    traceback: str
    shown: str
    at: float
    key: str = ""
    sample: int = 0
    why: str = ""
    error: BaseException | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Failed({self.shown}: {self.kind}: {self.message}; attempts={self.attempts})"


def failure(task: Task, error: BaseException, key: bytes, at: float, secrets: Collection[str]) -> Failed:
    """What is kept of an input that failed. The error lets go of the frames it came through, and all they hold."""
    text = masked(trace(error), secrets)
    _let_go(error)  # a frame holds the input and all that its function had
    return Failed(
        index=task.index,
        input=task.given,
        kind=type(error).__name__,
        message=masked(_text(error), secrets)[:_LONGEST],
        attempts=task.attempts,
        traceback=text[-_LONGEST:],
        shown=shown(task.given, secrets),
        at=at,
        key=key.hex(),
        sample=task.sample,
        error=error,
    )


def shown(value: Any, secrets: Collection[str] = ()) -> str:
    """A value in a few words, none of them a credential."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {type(error).__name__} in its repr>"
    text = masked(text[:_LONGEST], secrets)  # before it is cut: half a credential is none that is known
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def batch_failed(batch: Batch, failed: Sequence[Failed], unasked: int = 0) -> BatchFailed:
    """The error that tells of all that failed."""
    kinds = Counter(one.kind for one in failed).most_common(_KINDS)
    parts = [f"{number:,} {kind}" for kind, number in kinds]
    first = f", first: {failed[0].shown} raised {failed[0].kind}: {failed[0].message}" if failed else ""
    rest = f"{unasked:,} not asked" if unasked else ""
    what = (
        f"{counted(len(failed), 'input')} of {batch.name} failed" if failed else f"{batch.name} did not come to its end"
    )
    why = "; ".join(filter(None, (", ".join(parts) + first, rest)))
    todo = "error.batch has the rest: batch.failed, batch.values(missing=None), batch.retry_failed()"
    error = BatchFailed(what, why, todo)
    error.batch, error.failed = batch, list(failed)
    return error


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "its text cannot be told"


def _let_go(error: BaseException | None) -> None:
    for _ in range(_CHAIN):
        if error is None:
            return
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
