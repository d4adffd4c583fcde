"""Making an entry whole: its large parts from their blobs."""

from __future__ import annotations

from spotmagic.codecs import copies
from spotmagic.store.blobs import Blobs, DamagedError
from spotmagic.store.entry import Bad, BlobRef, Entry
from spotmagic.store.parts import spans


def whole(entry: Entry, refs: tuple[BlobRef, ...], blobs: Blobs) -> Entry | Bad:
    """The entry with what its blobs hold, or what is wrong with one.

    Raises:
        OSError: a blob cannot be read.
    """
    parts = list(entry.parts)
    for ref in refs:
        part, name = parts[ref.part], ref.digest.hex()
        try:
            if copies(part.codecs):
                head, *data = blobs.read(ref.digest, ref.size, spans(ref))
                buffers = tuple(memoryview(piece) for piece in data)
            else:
                blob = blobs.load(ref.digest, ref.size)
                (begin, end), *rest = spans(ref)
                head, buffers = bytes(blob[begin:end]), tuple(blob[start:stop] for start, stop in rest)
        except FileNotFoundError:
            return Bad("corrupt", f"its blob {name} is missing")
        except DamagedError as error:
            return Bad("corrupt", f"its blob {name} is damaged: {error}")
        parts[ref.part] = part._replace(head=head, buffers=buffers)
    return entry._replace(parts=tuple(parts))
