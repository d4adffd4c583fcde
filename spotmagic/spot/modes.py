"""The modes that people set: kept in the folder, and seen by every kernel at its next call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spotmagic.options import Mode, parse_mode
from spotmagic.spot.shared import Shared
from spotmagic.store import Store

_SPOT = ""


class Modes:
    """The modes of a spot and of the functions and cells under it.

    Args:
        path: the file that all kernels share.
        default: the spot's mode where nobody set one.

    Attributes:
        slow: the latency of functions that have one.
    """

    def __init__(self, path: Path, store: Store, default: Mode) -> None:
        self._store, self._default = store, default
        self._set = Shared(path, "the modes that were set", store, _parse)
        self._given: dict[str, Mode] = {}
        self.slow: dict[str, Any] = {}
        self._tuned = Shared(path.with_name("functions.json"), "the settings of functions", store, self._tuning)

    def of(self, name: str, own: Mode | None = None) -> Mode:
        """The mode that holds for a name: set for it, else its own, else set for the spot, else the spot's."""
        # Two look-ups on each hit; the file is read when somebody has set something.
        modes = self._set.now if self._store.epoch == self._set.seen else self._again()
        return modes.get(name) or own or modes.get(_SPOT) or self._default

    def _again(self) -> dict[str, Mode]:
        self._tuned.get()  # as both files are told by one epoch
        return self._set.get()

    def tuned(self, name: str) -> dict[str, Any]:
        """How a function is tuned: ``latency``, and ``seed`` and ``sequence`` of the outcomes that mode mock draws."""
        found: dict[str, Any] = self._tuned.get().get(name) or {}
        return found

    def tune(self, name: str, **settings: Any) -> None:
        """Change how a function is tuned. Other kernels see it at their next call."""

        def changed(known: dict[str, Any]) -> dict[str, Any]:
            own = {**(known.get(name) or {}), **settings}
            return {**known, name: {word: value for word, value in own.items() if value not in (None, False)}}

        self._tuned.change(changed)
        self._tuning(self._tuned.now)

    def _tuning(self, known: dict[str, Any]) -> dict[str, Any]:
        tuned = {str(name): dict(own) for name, own in known.items()}
        self.slow.clear()  # the short way of a hit looks into this very one
        self.slow.update((name, own["latency"]) for name, own in tuned.items() if "latency" in own)
        return tuned

    def set(self, mode: str | Mode, name: str = _SPOT) -> None:
        """Set the mode of a name, or of the spot. A folder that cannot be written is told: then it holds here only."""
        parsed = parse_mode(mode)
        self._set.change(lambda modes: {**{known: one for known, one in modes.items() if known != name}, name: parsed})

    def clear(self, name: str = _SPOT) -> None:
        """Take back what was set: a name is again as its mark says, else as the spot; the spot as it was made."""
        self._set.change(lambda modes: {known: mode for known, mode in modes.items() if known != name})

    def give(self, name: str, own: Mode | None) -> None:
        """Remember, in this kernel, the mode that the mark of a name gives it, for people to look at."""
        if own is None:
            self._given.pop(name, None)
        else:
            self._given[name] = own

    def given(self) -> dict[str, Mode]:
        """The modes that marks of this kernel give, by name."""
        return dict(self._given)

    def all(self) -> dict[str, Mode]:
        """What is set, by name; the spot's own under the empty name."""
        return dict(self._set.get())


def _parse(known: dict[str, Any]) -> dict[str, Any]:
    return {str(name): parse_mode(mode) for name, mode in known.items()}
