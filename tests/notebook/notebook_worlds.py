"""A notebook's namespace as the tests of restoring have it: cells run in it, miss and hit, without a shell."""

from __future__ import annotations

import sys
import types
from typing import Any

from spotmagic.code.cell import analyse
from spotmagic.codecs import Encoded, decode, encode, references
from spotmagic.notebook import changes
from spotmagic.notebook.watch import Watch


class World:
    """A notebook's namespace and what runs in it."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        self.ns = vars(self.module)

    def run(self, source: str) -> None:
        sys.modules["__main__"] = self.module
        exec(compile(source, "<cell>", "exec"), self.ns)

    def miss(self, source: str, **options: Any) -> dict[str, Encoded]:
        """Run a cell and give what is kept of it."""
        sys.modules["__main__"] = self.module
        watch = Watch(self.ns, analyse(source), **options)
        with watch.running():
            self.run(source)
        done = watch.changes()
        with references.without(done.set):
            return {name: encode(value, path=name) for name, value in changes.pack(done).items()}

    def hit(self, source: str, kept: dict[str, Encoded], **options: Any) -> None:
        sys.modules["__main__"] = self.module

        def load(name: str) -> Any:
            part = kept[name]
            return decode(part.codecs, part.head, [bytearray(buffer) for buffer in part.buffers], trusted=True)

        changes.restore(self.ns, load, analyse(source), self.run, **options)

    def __getitem__(self, name: str) -> Any:
        return self.ns[name]

    def inputs(self, source: str) -> dict[str, bytes]:
        sys.modules["__main__"] = self.module
        return Watch(self.ns, analyse(source)).inputs
