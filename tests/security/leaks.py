"""Credentials to be looked for, in every way in which a file may spell them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote


class Canaries:
    """Credentials by what they are for, each another one."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def __call__(self, purpose: str, form: str = "sk-live-{}") -> str:
        drawn = hashlib.sha256(purpose.encode()).hexdigest()[:22]
        return self.made.setdefault(purpose, form.format(drawn))

    def found(self, *folders: Path) -> list[str]:
        """Where any of them stands: the purpose, how it is spelled, and the file."""
        files = [piece for folder in folders for path in folder.rglob("*") if path.is_file() for piece in opened(path)]
        return [
            f"{purpose} as {how} in {where}"
            for purpose, text in self.made.items()
            for how, form in spelled(text).items()
            for where, data in files
            if form in data
        ]


def spelled(text: str) -> dict[str, bytes]:
    """A credential as bytes, by how it is written."""
    data = text.encode()
    found = {
        "utf-8": data, "utf-16-le": text.encode("utf-16-le"), "utf-16-be": text.encode("utf-16-be"),
        "utf-32": text.encode("utf-32-le"), "hex": data.hex().encode(), "HEX": data.hex().upper().encode(),
        "url": quote(text, safe="").encode(), "json": json.dumps(text)[1:-1].encode(), "backwards": data[::-1],
    }  # fmt: skip
    for shift in range(3):
        code = base64.b64encode(bytes(shift) + data)
        inner = code[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        found[f"base64 {shift}"], found[f"base64url {shift}"] = inner, inner.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def opened(path: Path) -> Iterator[tuple[str, bytes]]:
    """A file with its name, and all that is packed in it: members, streams of zlib and of gzip."""
    data = path.read_bytes()
    yield str(path), str(path).encode() + b"\n" + data
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((f"{path}!{name}", name.encode() + archive.read(name)) for name in archive.namelist())
    for found in re.finditer(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            yield f"{path}@{found.start()}", zlib.decompressobj(47).decompress(data[found.start() :])
        except zlib.error:
            continue


def packings(text: str) -> list[bytes]:
    """A credential in files that hide it from a plain search: the search has to find it in each."""
    member = io.BytesIO()
    with zipfile.ZipFile(member, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", f"key={text}")
    inside = [zlib.compress(b"head" + text.encode()), gzip.compress(text.encode()), member.getvalue()]
    return [*spelled(text).values(), *(b"before" + one if number < 2 else one for number, one in enumerate(inside))]
