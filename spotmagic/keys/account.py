"""What a key was made from: for its reader, and so that nothing large is looked at twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgpack import Unpacker, unpackb

from spotmagic.values.notes import Notes, is_secret_name
from spotmagic.values.scheme import digest

NOTHING_MET = Notes()
SAMPLE = "sample="
"""Among the inputs of a call: which answer to the same question it is. No parameter is called so."""
BOUND = "closure bound arguments"
"""Among the inputs of a call: what a partial binds. It counts with the code of the function."""


def sample_input(sample: int) -> dict[str, bytes]:
    """What the number of a sample adds to the inputs of a call: nothing for 0, the only answer that most have."""
    return {SAMPLE: digest(SAMPLE, str(sample))} if sample else {}


class Account(NamedTuple):
    """What a key was made from.

    Attributes:
        packed: the arguments that count, as one list: plain data itself, of others an extension with their bytes.
        names: what the arguments are called, in order.
        values: the arguments as they are bound.
        notes: what was met in the arguments.
        now: what the function reached.
        fixed: whether nobody can change the arguments in place, and they are all that the call is given.
    """

    key: bytes
    packed: bytes
    names: Sequence[str]
    values: list[Any]
    notes: Notes
    now: Any
    fixed: bool = False

    def inputs(self) -> dict[str, bytes]:
        """The fingerprint of each argument by name, cut from what the key holds: nothing is looked at again."""
        if len(self.names) == 1:  # most calls: all that stands after the first byte, which begins the list
            piece = self.packed[1:]
            return {self.names[0]: digest(unpackb(piece).data if piece[0] in _EXTENSIONS else piece)}
        unpacker = Unpacker(max_buffer_size=0)
        unpacker.feed(self.packed)
        unpacker.read_array_header()
        found: dict[str, bytes] = {}
        for name in self.names:
            start = unpacker.tell()
            unpacker.skip()
            piece = self.packed[start : unpacker.tell()]
            found[name] = digest(unpackb(piece).data if piece[0] in _EXTENSIONS else piece)
        return found


_EXTENSIONS = frozenset({*range(0xC7, 0xCA), *range(0xD4, 0xD9)})  # first bytes of msgpack's extension types


class Keyed(NamedTuple):
    """The full account of a key, taken on a miss.

    Attributes:
        key: what :meth:`FunctionKey.key` gives.
        code: digest of all code reached; under ``version=`` too, so that drift can be shown.
        inputs: fingerprints of the arguments by name, without the code that some bring, and of what is reached:
            ``"helper clean"``, ``"global PROMPT"``.
        handles: what counts by type and settings only.
        state: names that the function itself changes, left out of the key.
        trouble: why the result may not be stored, or "".
        secret: whether a secret is in it, masked.
        brought: whether an argument brings code, as the object of a class does.
        defaults: arguments that have their default.
    """

    key: bytes
    code: bytes
    inputs: dict[str, bytes]
    handles: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    trouble: str = ""
    secret: bool = False
    brought: bool = False
    defaults: tuple[str, ...] = ()

    @property
    def masked(self) -> tuple[str, ...]:
        """What is masked in it, by its names where they are those of secrets."""
        names = [name for name in self.inputs if is_secret_name(name.rpartition(" ")[2].rpartition(".")[2])]
        return tuple(sorted(names)) or ("a secret",) if self.secret else ()
