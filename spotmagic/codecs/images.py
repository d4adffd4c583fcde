"""Pillow: images count by mode, size, pixels, palette and what their file said, and are kept as their raw pixels.

Every mode comes back exactly, and no picture decoder ever sees stored bytes.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from PIL import Image

from spotmagic.codecs import bounds
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.codecs.writer import NoCodec
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

# Images that were opened from a file keep the class of their format.
_FORMATS = ("Png", "Jpeg", "WebP", "Gif", "Bmp", "Tiff", "Ppm", "Ico", "Tga")
_OPENED = frozenset(f"{name}ImagePlugin:{name}ImageFile" for name in _FORMATS)
# Bytes of a pixel by mode; black and white has eight in a byte, each line on its own.
_MODES = {
    **dict.fromkeys(("L", "P"), 1),
    **dict.fromkeys(("LA", "La", "PA", "I;16", "I;16B"), 2),
    **dict.fromkeys(("RGB", "YCbCr", "LAB", "HSV"), 3),
    **dict.fromkeys(("RGBA", "RGBX", "RGBa", "CMYK", "I", "F"), 4),
    "1": 0,
}


def _lower(image: Any, writer: Writer) -> tuple[Any, Any]:
    if getattr(image, "n_frames", 1) != 1:
        writer.refuse("an image of several frames", final=True)
    try:
        image.load()
    except (OSError, ValueError) as error:
        writer.refuse(f"an image that cannot be read ({error})", final=True)
    if image.mode not in _MODES:
        writer.refuse(f"an image of mode {image.mode}")
    kind: Any = type(image)
    name = "" if kind.__qualname__ == "Image" else f"{kind.__module__.removeprefix('PIL.')}:{kind.__qualname__}"
    more = () if name else sorted(vars(image).keys() - vars(kind()).keys() - {"_exif"})
    if more:
        writer.refuse(f"an image with attributes of its own ({', '.join(more)})", final=True)
    palette = None
    if image.mode in ("P", "PA"):
        mode = "RGBA" if "A" in image.palette.mode else "RGB"
        palette = [mode, bytes(image.getpalette(mode))]
    # What a format keeps beside the pixels, such as the layers of a JPEG.
    beside = writer.items(image.__getstate__()[5:]) if name else []
    about = [name, image.mode, list(image.size), beside, _lower_exif(image, writer)]
    return None, [about, writer.lower(image.info, ".info"), palette, writer.buffer(image.tobytes())]


def _lower_exif(image: Any, writer: Writer) -> Any:
    """EXIF that ``info`` does not hold: of an image that was made, or of a file that is made of tags."""
    if "exif" in image.info:
        return None
    exif = image.getexif()
    if "tag_v2" in vars(image):  # written anew, tags of the file that count its bytes would be others
        return [writer.lower(dict(exif), ".getexif()"), exif.endian]
    return exif.tobytes() if exif else None


def _make(_spec: Any, rest: Any, reader: Reader) -> Any:
    (name, mode, size, beside, *more), info, palette, pixels = rest
    width, height = size
    if mode not in _MODES or not all(type(side) is int and 0 <= side <= bounds.IMAGE_SIDE for side in size):
        raise Undecodable("corrupt", "no image")
    # Held against the bytes there are before Pillow takes memory for it.
    size = _MODES[mode] * width * height or (width + 7) // 8 * height
    if len(pixels) != size or (width * height > bounds.PIXELS and not reader.trusted):
        raise Undecodable("corrupt", f"{len(pixels)} bytes for an image of {width} x {height} pixels")
    if type(info) is not dict:
        raise Undecodable("corrupt", "no information on an image")
    if name == "":
        image = Image.frombytes(mode, (width, height), pixels) if width and height else Image.new(mode, (width, height))
        image.info = info
    else:
        image = _opened(name)
        image.__setstate__([info, mode, (width, height), None, bytes(pixels), *beside])
    if palette is not None:
        image.putpalette(palette[1], palette[0])
    if any(more):
        exif = image.getexif()
        if type(more[0]) is bytes:
            exif.load(more[0])
        else:
            tags, exif.endian = more[0]
            exif.update(tags)
    return image


def _opened(name: Any) -> Any:
    if type(name) is not str or name not in _OPENED:
        raise Undecodable("unknown codec", f"an image of class {name!r:.60}")
    module, _, kind = name.partition(":")
    opened = getattr(importlib.import_module(f"PIL.{module}"), kind)
    return opened.__new__(opened)


def _image(value: Image.Image, _: Encoder) -> Tree:
    palette = value.getpalette() if value.mode in ("P", "PA") else None
    info = {key: item for key, item in value.info.items() if isinstance(item, str | int | float | bytes | tuple)}
    said = [value.format, value.getexif().tobytes() if value.info or value.format else b""]
    return tree(Kind.IMAGE, value.mode, list(value.size), palette, info, said, buffer(value.tobytes()))


def _reduce(image: Image.Image) -> Any:
    if getattr(image, "n_frames", 1) != 1:
        raise NoCodec("an image of several frames", final=True)
    return NotImplemented


CODECS = by_names(Codec("pil.image", _lower, _make, children=lambda image: (image.info,), exact=False, below=True))

add_family(Image.Image, fingerprint=_image, covered=None, codec=CODECS["pil.image"], reduce=_reduce)
