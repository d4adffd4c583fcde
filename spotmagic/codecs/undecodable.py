"""Why stored bytes give no value."""

from __future__ import annotations

from typing import Literal

Kind = Literal["unknown codec", "corrupt", "foreign", "not restorable"]


class Undecodable(Exception):
    """Stored bytes that give no value here; the caller treats the entry as missing.

    Attributes:
        kind: ``"unknown codec"`` when something is needed that this process has not (a codec, a class, a package),
            ``"corrupt"`` when the bytes make no sense, ``"foreign"`` when they may not be loaded from this writer,
            ``"not restorable"`` when the notebook has not what they belong to.
        why: what it was, for people.
    """

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind: Kind = kind
        self.why = why


def failure(error: BaseException) -> Undecodable:
    """The :class:`Undecodable` for what a decoder raised.

    Decoders written in Rust raise panics that are no ``Exception``, so everything is caught but the ways of ending a
    program or a task, which are raised again.
    """
    if isinstance(error, Undecodable):
        return error
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)) or type(error).__name__ == "CancelledError":
        raise error
    if isinstance(
        error, (ImportError, NotImplementedError, MemoryError, RecursionError)
    ):  # of this process, not of the bytes
        return Undecodable("unknown codec", f"{type(error).__name__}: {_text(error)}")
    return Undecodable("corrupt", f"{type(error).__name__}: {_text(error)}")


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except Exception:  # the text of a class that is not ours
        return ""
