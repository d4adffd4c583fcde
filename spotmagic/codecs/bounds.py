"""Every limit of the codecs, in one place.

What goes above a limit on the way in is refused by name or pickled; on the way out it is a damaged entry. Nothing is
allocated from a length that bytes claim before it was held against one of these or against the bytes there are.
"""

from __future__ import annotations

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
