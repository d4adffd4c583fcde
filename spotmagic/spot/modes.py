"""The modes that people set: kept in the folder, and seen by every kernel at its next call."""

from __future__ import annotations

import json
from pathlib import Path

from spotmagic import files
from spotmagic.errors import tell
from spotmagic.options import Mode, parse_mode
from spotmagic.store.protocol import Store

_SPOT = ""


class Modes:
    """The modes of a spot and of the functions and cells under it.

    Args:
        path: the file that all kernels share.
        store: its epoch moves when a mode was set, so that nobody has to look at the file on a call.
        default: the spot's mode where nobody set one.
    """

    def __init__(self, path: Path, store: Store, default: Mode) -> None:
        self._path, self._store, self._default = path, store, default
        self._seen = store.epoch
        self._set = self._read()
        self._given: dict[str, Mode] = {}

    def of(self, name: str, own: Mode | None = None) -> Mode:
        """The mode that holds for a name: set for it, else its own, else set for the spot, else the spot's."""
        if self._store.epoch != self._seen:
            self._seen = self._store.epoch
            self._set = self._read()
        return self._set.get(name) or own or self._set.get(_SPOT) or self._default

    def set(self, mode: str | Mode, name: str = _SPOT) -> None:
        """Set the mode of a name, or of the spot. A folder that cannot be written is told: then it holds here only."""
        self._change(name, parse_mode(mode))

    def clear(self, name: str = _SPOT) -> None:
        """Take back what was set: a name is again as its mark says, else as the spot; the spot as it was made."""
        self._change(name, None)

    def give(self, name: str, own: Mode | None) -> None:
        """Remember, in this kernel, the mode that the mark of a name gives it, for people to look at."""
        if own is None:
            self._given.pop(name, None)
        else:
            self._given[name] = own

    def given(self) -> dict[str, Mode]:
        """The modes that marks of this kernel give, by name."""
        return dict(self._given)

    def _change(self, name: str, mode: Mode | None) -> None:
        self._set = _changed(self._set, name, mode)
        try:
            files.make_folder(self._path.parent)
            with files.locked(self._path.with_suffix(".lock")):
                self._set = _changed(self._read(), name, mode)
                files.write_whole(self._path, json.dumps(self._set, indent=1).encode())
            self._store.announce()
        except OSError as error:
            tell("the mode holds in this kernel only", str(error), "Make the folder writable and set it again")
        self._seen = self._store.epoch

    def all(self) -> dict[str, Mode]:
        """What is set, by name; the spot's own under the empty name."""
        self.of(_SPOT)
        return dict(self._set)

    def _read(self) -> dict[str, Mode]:
        try:
            known = json.loads(self._path.read_bytes())
            return {str(name): parse_mode(mode) for name, mode in known.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, AttributeError) as error:
            tell("the modes that were set cannot be read", str(error), "Set them again", once=f"modes {self._path}")
            return {}


def _changed(modes: dict[str, Mode], name: str, mode: Mode | None) -> dict[str, Mode]:
    rest = {known: kept for known, kept in modes.items() if known != name}
    return rest if mode is None else {**rest, name: mode}
