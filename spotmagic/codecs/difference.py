"""Whether a value read back is what was saved: one look for every codec that cannot be exact by itself."""

from __future__ import annotations

from typing import Any, Literal

from spotmagic.codecs import references
from spotmagic.errors import Uncacheable
from spotmagic.values.patience import patience

_LOOK = 5.0  # seconds that each look may take


def difference(value: Any, copy: Any, *, unseen: Literal["doubt", "trust"]) -> str:
    """Why a copy is not the value, or an empty text: it has another type, or another fingerprint.

    Args:
        unseen: what to think of a value that has no fingerprint and is not told equal by its class.
    """
    from spotmagic.keys import fingerprint

    kind = type(value)
    if type(copy) is not kind and not references.is_row(kind):
        return f"its pickle gives a {type(copy).__qualname__} back for a {kind.__qualname__}"
    try:
        with patience(_LOOK):
            before = fingerprint(value, pictures=True)
    except Uncacheable as error:
        why = f"{error.what} ({error.why})"
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    else:
        try:
            with patience(_LOOK):
                same = fingerprint(copy, pictures=True) == before
        except Exception:
            same = False
        return "" if same else f"a {kind.__qualname__} {_loss(value, copy)}"
    if unseen == "trust" or (_compares(kind) and _equal(value, copy)):
        return ""
    return f"its pickle cannot be checked against it, as {why}"


def _loss(value: Any, copy: Any) -> str:
    lost = sorted(getattr(value, "__dict__", {}).keys() - getattr(copy, "__dict__", {}).keys())
    return f"comes back without {', '.join(lost)}" if lost else "does not come back equal"


def _compares(kind: Any) -> bool:
    return kind.__eq__ is not object.__eq__


def _equal(value: Any, copy: Any) -> bool:
    try:
        return (value == copy) is True
    except Exception:
        return False
