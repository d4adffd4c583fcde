"""Asking before an expensive edit is paid: the amount, kept in the folder, and what known results have cost."""

from __future__ import annotations

from pathlib import Path

from spotmagic.engine.call import Call
from spotmagic.errors import EditCosts
from spotmagic.options import Mode, is_number, parse_amount
from spotmagic.spot.accepted import Accepted, is_accepted
from spotmagic.spot.shared import Settings, Shared
from spotmagic.store import Store
from spotmagic.store.entry import Entry
from spotmagic.words import counted, money

_AMOUNT = "amount"


class Edits:
    """Asks before the results of edited code are paid again.

    Args:
        path: the file that all kernels share.
        default: the amount of the spot where nobody set one; ``None`` asks never.
    """

    def __init__(self, path: Path, store: Store, accepted: Accepted, default: float | None) -> None:
        self._store, self._accepted = store, accepted
        self._default = None if default is None else parse_amount(default, "ask_over")
        self._set = Shared(path, "the amount to ask over", store, _parse)
        self._settled: set[tuple[str, bytes, float]] = set()

    @property
    def over(self) -> float | None:
        """The amount, or ``None`` where nothing is asked."""
        amount: float | None = self._set.get().get(_AMOUNT, self._default)
        return amount

    @over.setter
    def over(self, amount: float | None) -> None:
        self._set.change(lambda _: {_AMOUNT: None if amount is None else parse_amount(amount, "ask_over")})

    def check(self, call: Call) -> None:
        """Let a call of edited code run, or raise.

        It is let through once a result of this code is there: whoever paid for one meant to.

        Raises:
            EditCosts: the results of the code before cost more than the amount. Nothing has run.
        """
        over = self.over
        if over is None or call.fresh or call.pinned or not call.key or call.mode is not Mode.AUTO or not call.code:
            return
        place = call.name, call.code, over
        if place in self._settled:
            return
        count, cost = self._before(call)
        if cost > over:
            raise EditCosts(
                f"{call.name} was edited, and its {counted(count, 'known result')} cost {money(cost)}",
                why=f"they would be paid again, and you are asked over {money(over)}",
                todo=f"If the edit does not matter, accept it (%spot accept {call.name}, or the word accept); to pay, "
                "refresh one call; or raise the amount (%spot ask)",
            )
        self._settled.add(place)  # once for each code and amount

    def _before(self, call: Call) -> tuple[int, float]:
        """How many results there are of other code alone, and what they cost; none where one is of this code."""
        pairs = self._accepted.of(call.name)
        found: dict[bytes, tuple[int, bytes, float]] = {}
        gone: dict[bytes, int] = {}
        for record in self._store.records({}):
            what = record.what
            if isinstance(what, Entry):
                if (what.name, what.kind) == (call.name, call.kind) and what.code:
                    if what.code == call.code or is_accepted(pairs, "code", what.code, call.code):
                        return 0, 0.0
                    if found.get(record.key, (-1,))[0] < record.stamp:
                        found[record.key] = record.stamp, what.code, what.price
            elif record.kind == "delete":
                gone[record.key] = max(record.stamp, gone.get(record.key, 0))
        costs = [price for key, (stamp, _, price) in found.items() if gone.get(key, -1) < stamp]
        return len(costs), sum(costs)


def _parse(known: Settings) -> Settings:
    return {name: float(said) if is_number(said) else None for name, said in known.items() if name == _AMOUNT}
