"""Values as bytes and back, exactly, or a refusal by name.

:func:`encode` takes a value apart with codecs: plain values as msgpack (:mod:`spotmagic.codecs.plain` has the table of
codes), arrays and frames as buffers out of band, models by class name and fields, and pickle last, for my own bytes
only. :func:`decode` makes a fresh value each time. Bytes select codecs and registered classes; they never name code to
import or call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.value import Encoded, copies, decode, encode, is_safe, outline

__all__ = ["Encoded", "Undecodable", "copies", "decode", "encode", "is_safe", "outline", "register"]


def register(
    type: type,
    *,
    fingerprint: Callable[[Any], Any] | None = None,
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
    name: str | None = None,
) -> None:
    """Teach spotmagic a class of yours: how it counts in keys, how it is kept, or that entries of others may hold it.

    Args:
        type: the class. Alone, it allows foreign entries to hold it: a dataclass, enum, named tuple, exception, or a
            class of attrs or pydantic.
        fingerprint: gives what to fingerprint in its place.
        encode: gives something that can be kept in its place (plain values, arrays, other registered classes).
        decode: makes the value again from what ``encode`` gave.
        name: what stored values call it; the module and name of the class if left out.

    Raises:
        OptionError: an argument is wrong; nothing is registered.
    """
    from spotmagic.codecs import registry

    registry.add(type, encode=encode, decode=decode, name=name)
    if fingerprint is not None:
        from spotmagic.keys import register_fingerprint

        register_fingerprint(type, fingerprint)
