"""Trees of PIL's images: mode, size, pixels, palette and what the file said beside them."""

from __future__ import annotations

from PIL import Image

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree


def _image(value: Image.Image, _: Encoder) -> Tree:
    palette = value.getpalette() if value.mode in ("P", "PA") else None
    info = {key: item for key, item in value.info.items() if isinstance(item, str | int | float | bytes | tuple)}
    said = [value.format, value.getexif().tobytes() if value.info or value.format else b""]
    return tree(Kind.IMAGE, value.mode, list(value.size), palette, info, said, buffer(value.tobytes()))


add_family(Image.Image, fingerprint=_image, covered=None)
