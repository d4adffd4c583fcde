"""What stored bytes may be: every limit of the codecs, and the error for bytes that give no value.

A value that goes above a limit is refused by name or pickled when it is stored; bytes that do are a damaged entry.
Nothing is allocated from a length that bytes claim before that length was held against one of these limits or against
the number of bytes there are.
"""

from __future__ import annotations

from typing import Literal

from spotmagic.errors import is_end

DEPTH = 100  # containers inside containers
INLINE = 4096  # bytes of a buffer that stay in the head; more goes out of band
OWN = 1 << 16  # bytes of an array that is given memory of its own, not laid over a buffer
HEAD_FOREIGN = 64 << 20  # bytes of the head of a foreign value
ITEMS_FOREIGN = 4 << 20  # items of one list or dict of a foreign value
CONTAINERS_FOREIGN = 8 << 20  # lists, dicts and extensions in the head of a foreign value, about 100 bytes each
INTEGER = 1 << 20  # bytes of an int
TEXT = 1 << 16  # characters of a number, zone, path or name that is parsed
FRACTION = 1 << 12  # bytes of the numerator and of the denominator
DIMENSIONS = 32  # of an array
FIELDS = 1 << 10  # of a structured dtype, nested ones counted
DTYPE_DEPTH = 8  # dtypes inside dtypes
PIXELS = 100_000_000  # of an image of a foreign writer
IMAGE_SIDE = 1 << 20  # pixels along one side
STEPS = 100_000  # objects looked at to find what stands in the way of a save
ERROR_CHAIN = 20  # causes of causes of an exception
REDIRECTS = 50  # responses in the history of a response

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


def undecodable(error: BaseException) -> Undecodable:
    """The :class:`Undecodable` for what a decoder raised.

    The ways of ending a program or a task are raised again.
    """
    if isinstance(error, Undecodable):
        return error
    if is_end(error):
        raise error
    of_process = isinstance(error, (ImportError, NotImplementedError, MemoryError, RecursionError))
    return Undecodable("unknown codec" if of_process else "corrupt", f"{type(error).__name__}: {_text(error)}")


def _text(error: BaseException) -> str:
    try:
        return str(error)[:300]
    except Exception:  # the text of a class that is not ours
        return ""
