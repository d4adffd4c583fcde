"""The functions whose results are kept: at the top of a module, as some peers read their source there."""

from __future__ import annotations

from typing import Any


def small(number: int) -> str:
    """100 bytes."""
    return f"{number:0100d}"


def megabyte(number: int) -> bytes:
    """1 MB of bytes."""
    return bytes([number % 256]) * 1_000_000


def array(number: int) -> Any:
    """A 100 MB array."""
    import numpy

    return numpy.full(12_500_000, float(number))


def frame(number: int) -> Any:
    """A 100 MB data frame."""
    import numpy
    import pandas

    return pandas.DataFrame({name: numpy.full(2_500_000, float(number)) for name in "abcde"})
