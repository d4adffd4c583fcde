"""What the last call told."""

from __future__ import annotations

from spotmagic import last


def verdict() -> str:
    told = last()
    assert told is not None
    return told.verdict


def reason() -> str:
    told = last()
    assert told is not None
    return told.reason
