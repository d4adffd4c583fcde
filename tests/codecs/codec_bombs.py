"""Small heads that ask for much: run with a name, each is decoded in a process that may take little."""

from __future__ import annotations

import contextlib
import importlib
import resource
import sys
import time
from pathlib import Path

from msgpack import ExtType, packb

from spotmagic.codecs import Undecodable, decode, plain, registry


def coded(name: str, spec: object, rest: object) -> bytes:
    """A head that is one value by a codec."""
    return packb(ExtType(plain.CODED, packb([name, spec, packb(rest)])))


def nested(code: int, depth: int, inner: bytes = b"\xc0") -> bytes:
    for _ in range(depth):
        inner = packb(ExtType(code, inner))
    return inner


def chain(count: int) -> bytes:
    first = [ExtType(plain.FIRST, packb([0, 0, packb([])]))]
    for n in range(1, count):
        body = packb([ExtType(plain.AGAIN, packb(n - 1))] * 10)
        first.append(ExtType(plain.FIRST, packb([n, 0, body])))
    return packb(first)


BOMBS = {
    "deep lists": (("plain",), b"\x91" * 1_000_000 + b"\xc0"),
    "deep dicts": (("plain",), b"\x81\x01" * 500_000 + b"\xc0"),
    "lists that claim more": (("plain",), b"\xdd\xff\xff\xff\xff" * 1000),
    "lists of lists that claim": (("plain",), b"\xdd\x00\x0f\xff\xff" * 200_000),
    "a dict that claims more": (("plain",), b"\xdf\xff\xff\xff\xff"),
    "bytes that claim more": (("plain",), b"\xc6\xff\xff\xff\xff"),
    "an extension that claims more": (("plain",), b"\xc9\xff\xff\xff\xff\x00"),
    "a million empty lists": (("plain",), packb([[]] * 1_000_000)),
    "a million empty sets": (
        ("plain",),
        b"\xdd" + (170_000).to_bytes(4, "big") + packb(ExtType(plain.SET, b"\x90")) * 170_000,
    ),
    "deep tuples": (("plain",), nested(plain.TUPLE, 2_000, b"\x90")),
    "deep firsts": (("plain", "refs"), nested(plain.FIRST, 2_000)),
    "many laughs": (("plain", "refs"), chain(5_000)),
    "an int of a megabyte": (("plain",), packb(ExtType(plain.INTEGER, b"\x7f" * 3_000_000))),
    "a fraction to reduce": (
        ("plain",),
        packb(ExtType(plain.FRACTION, packb([ExtType(1, b"\x7f" * 400_000), ExtType(1, b"\x7e" * 400_000)]))),
    ),
    "a decimal of a megabyte": (("plain",), packb(ExtType(plain.DECIMAL, b"9" * 3_000_000))),
    "a decimal far out": (("plain",), packb(ExtType(plain.DECIMAL, b"1e999999999999999999"))),
    "an array that claims a terabyte": (
        ("numpy.array", "plain"),
        coded("numpy.array", ["<f8", [2**37], "C", True], b"x" * 100),
    ),
    "an array of no bytes": (("numpy.array", "plain"), coded("numpy.array", ["<U0", [2**40], "C", True], b"")),
    "an array of no items": (
        ("numpy.array", "plain"),
        coded("numpy.array", ["<f8", [0, 2**62, 2**62], "C", True], b""),
    ),
    "an array of objects that are not there": (
        ("numpy.array", "plain"),
        coded("numpy.array", ["O", [2**40], "C", True], []),
    ),
    "a dtype of dtypes": (
        ("numpy.array", "plain"),
        coded("numpy.array", [{"base": {"base": "<f8", "shape": [2**20]}, "shape": [2**20]}, [1], "C", True], b"x"),
    ),
    "an image that claims": (
        ("pil.image", "plain"),
        coded("pil.image", None, [["", "RGBA", [1 << 19, 1 << 19], []], {}, None, b"x" * 100]),
    ),
    "an opened image that claims": (
        ("pil.image", "plain"),
        coded("pil.image", None, [["PngImagePlugin:PngImageFile", "1", [1 << 19, 1 << 19], []], {}, None, b"x" * 100]),
    ),
    "a frame of an endless range": (
        ("pandas.frame", "plain"),
        coded(
            "pandas.frame",
            None,
            [["RangeIndex", [None], 0, 2**62, 1], ["RangeIndex", [None], 0, 2**40, 1], [], [{}, True]],
        ),
    ),
    "a set of what hashes slowly": (
        ("plain",),
        packb(ExtType(plain.SET, packb([ExtType(plain.RANGE, packb([0, n, 1])) for n in range(50_000)]))),
    ),
}


def defuse(name: str) -> None:
    """Decode one in little memory, as mine and as somebody else's."""
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    names, head = BOMBS[name]
    with Path("/proc/self/statm").open() as sizes:
        size = int(sizes.read().split()[0]) * resource.getpagesize()
    room = (64 << 20) + 102 * len(head)
    resource.setrlimit(resource.RLIMIT_AS, (size + room, size + room))
    for trusted in (False, True):
        start = time.process_time()
        with contextlib.suppress(Undecodable):
            decode(names, head, (), trusted=trusted)
        took = time.process_time() - start
        assert took < 2, took


if __name__ == "__main__":
    for package in ("numpy", "pandas", "PIL.Image"):
        importlib.import_module(package)
    registry.load_plugins()
    defuse(sys.argv[1])
