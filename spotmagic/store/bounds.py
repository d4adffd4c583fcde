"""Every limit of the store's formats: checked when something is written, and before memory is taken when it is read."""

from __future__ import annotations

MAX_HEADER = 4 << 20  # the msgpack header of an entry
MAX_PARTS = 65_536  # parts of an entry (a cell keeps each variable as one)
MAX_ITEMS = 262_144  # inputs, notes or buffers of an entry, keys of one STAT record
MAX_TEXT = 1 << 20  # one text: a name, a note, a codec
MAX_INLINE = 256 << 20  # what one record may hold; larger parts become blobs whatever was asked for
MAX_RECORD = MAX_INLINE + MAX_HEADER + 4096
MAX_PART = 1 << 40  # head and buffers of one part
MAX_RATIO = 200  # bytes that one byte of an archive may unpack to, above the first million

INLINE_IN_ALL = 1_000_000  # small parts of one entry stay in its record up to this sum, then the rest become blobs

UNPACK = {
    "use_list": True,
    "raw": False,
    "unicode_errors": "surrogatepass",
    "strict_map_key": True,
    "max_array_len": MAX_ITEMS,
    "max_str_len": MAX_TEXT,
    "max_bin_len": MAX_TEXT,
    "max_map_len": 0,
    "max_ext_len": 0,
}
"""How our own msgpack is read: lists and scalars only, nothing that names a type."""
