"""The results of one name by what they were asked with: which of them shares most arguments with a call."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator

_FEW = 64  # results: so many bits are set one by one

Arguments = Collection[tuple[str, bytes]]


class Postings:
    """An inverted index, whose lists are sets of bits: the n-th result is the bit n, the newest the highest one.

    How many arguments each result shares with a call is counted for all results at once: the lists are added up as
    numbers are on paper, one bit of each sum per set, so the largest sums are found from the highest bit down.

    Attributes:
        keys: of the results, in the order they were made in. One that was made again stands in it twice.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self._lists: dict[bytes, int | array[int]] = {}
        self._made: dict[bytes, tuple[int, int]] = {}  # of long lists: how much of each is in a set, and the set
        self._gone = 0

    def add(self, key: bytes, asked: bytes, code: bytes, arguments: Arguments) -> None:
        """Take in a result that is newer than all others."""
        number = len(self.keys)
        self.keys.append(key)
        for place in (_ASKED + asked, _CODE + code, *_places(arguments)):
            known = self._lists.get(place)
            if known is None:
                self._lists[place] = number
            elif isinstance(known, int):
                self._lists[place] = array("I", (known, number))
            else:
                known.append(number)

    def remove(self, keys: Collection[bytes]) -> None:
        """Take out the results of these keys."""
        self._gone |= sum(1 << number for number, key in enumerate(self.keys) if key in keys)

    def alike(self, asked: bytes) -> Iterator[bytes]:
        """The keys of the results that were asked with these arguments, the newest first."""
        return self._newest(self._set(_ASKED + asked) & ~self._gone)

    def until(self, key: bytes, asked: bytes) -> int:
        """How many results are older than the newest one of a key, which was asked with these arguments; else all."""
        found = (number for number in _numbers(self._set(_ASKED + asked)) if self.keys[number] == key)
        return next(found, len(self.keys))

    def since(self, code: bytes, until: int) -> Iterator[bytes]:
        """The keys of the first so many results, those of this code before the others, the newest first."""
        left, coded = self._all(until), self._set(_CODE + code)
        yield from self._newest(left & coded)
        yield from self._newest(left & ~coded)

    def nearest(self, code: bytes, arguments: Arguments, until: int) -> Iterator[bytes]:
        """The keys of the first so many results: those that share most arguments before the others, of these the ones
        of this code, the newest first.
        """
        left, coded = self._all(until), self._set(_CODE + code)
        shared = [self._set(place) for place in _places(arguments)]
        while left:
            most = left
            for digit in reversed(_sums([one & left for one in shared])):
                most = most & digit or most
            left &= ~most
            yield from self._newest(most & coded)
            yield from self._newest(most & ~coded)

    def unseen(self, arguments: Arguments, until: int) -> tuple[str, ...]:
        """The names of the arguments that none of the first so many results was asked with."""
        left = self._all(until)
        places = zip(arguments, _places(arguments), strict=True)
        return tuple(name for (name, _), place in places if not self._set(place) & left)

    def _all(self, until: int) -> int:
        return ((1 << until) - 1) & ~self._gone

    def _newest(self, results: int) -> Iterator[bytes]:
        return (self.keys[number] for number in _numbers(results))

    def _set(self, place: bytes) -> int:
        known = self._lists.get(place)
        if known is None:
            return 0
        if isinstance(known, int):
            return 1 << known
        if len(known) < _FEW:
            return sum(1 << number for number in known)
        count, found = self._made.get(place, (0, 0))
        if count < len(known):
            added = bytearray(known[-1] // 8 + 1)
            for number in known[count:]:
                added[number >> 3] |= 1 << (number & 7)
            found |= int.from_bytes(added, "little")
            self._made[place] = len(known), found
        return found


_ASKED, _CODE = b"asked ", b"code "  # no parameter is called so


def _places(arguments: Arguments) -> list[bytes]:
    return [b"%b=%b" % (name.encode(errors="surrogatepass"), print_) for name, print_ in arguments]


def _numbers(results: int) -> Iterator[int]:
    """The numbers of the results in a set, the highest first."""
    while results:
        number = results.bit_length() - 1
        yield number
        results ^= 1 << number


def _sums(sets: Iterable[int]) -> list[int]:
    """In how many of the sets each bit is, as sets of the binary digits of these numbers, the lowest first."""
    digits: list[int] = []
    for carry in sets:
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry  # noqa: PLW2901
        if carry:
            digits.append(carry)
    return digits
