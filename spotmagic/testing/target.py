"""What every target of ``%spot_load_ext`` has to hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError
from spotmagic.wrap.target import Target


class TargetContract:
    """Inherit, and say in the fixtures what the target is and how what it wraps is used.

    Fixtures to give: ``target``, a :class:`spotmagic.wrap.Target`; ``use``, a function without arguments that makes one
    call of the library and gives its result; ``paid``, a function that gives how many calls have really run; and
    ``touched``, the pairs of an object and the name of its attribute that the target replaces.
    """

    @pytest.fixture
    def under(self, target: Target, tmp_path: Path) -> Iterator[Callable[..., Any]]:
        """Wraps the target under a spot of its own with the options given; gives what takes it back."""
        undos: list[Callable[[], None]] = []
        with Spot("contract", root=tmp_path) as spot:

            def on(**options: Any) -> Callable[[], None]:
                undo = target.on(spot, options)
                undos.append(undo)
                return lambda: undos.remove(undo) or undo()  # type: ignore[func-returns-value]

            yield on
            while undos:
                undos.pop()()

    def test_a_call_runs_once_and_is_a_hit_after_that(
        self, under: Callable[..., Any], use: Callable[[], Any], paid: Callable[[], int]
    ) -> None:
        """The second call gives what the first gave, of the same type, and runs nothing."""
        before = paid()
        under()
        one = use()
        two = use()
        outcome = last()
        assert paid() == before + 1
        assert type(one) is type(two) and outcome is not None and outcome.verdict == "hit"

    def test_off_puts_every_original_back(
        self,
        under: Callable[..., Any],
        use: Callable[[], Any],
        paid: Callable[[], int],
        touched: Sequence[tuple[Any, str]],
    ) -> None:
        """Exactly: the same objects, in the same places, and nothing where there was nothing."""
        missing = object()
        before = [vars(owner).get(name, missing) for owner, name in touched]
        off = under()
        assert [vars(owner).get(name, missing) for owner, name in touched] != before
        use()
        off()
        assert all(vars(owner).get(name, missing) is one for (owner, name), one in zip(touched, before, strict=True))
        ran = paid()
        use()
        assert paid() == ran + 1

    def test_two_times_on_and_off_are_undone_in_turn(
        self, under: Callable[..., Any], use: Callable[[], Any], touched: Sequence[tuple[Any, str]]
    ) -> None:
        """A second wrapping around the first, taken back in turn, leaves the originals."""
        missing = object()
        before = [vars(owner).get(name, missing) for owner, name in touched]
        first, second = under(), under()
        use()
        second()
        first()
        assert all(vars(owner).get(name, missing) is one for (owner, name), one in zip(touched, before, strict=True))

    def test_its_options_are_named(self, target: Target, tmp_path: Path) -> None:
        """Options are names; a mode that is none is refused before anything is wrapped."""
        assert all(isinstance(name, str) for name in target.options)
        if "mode" in target.options:
            with Spot("contract", root=tmp_path) as spot, pytest.raises(OptionError):
                target.on(spot, {"mode": "no such mode"})
