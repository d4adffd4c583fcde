"""Makes the golden files of the current format. Run it once for each new format version, never for an old one.

python -m tests.store.golden.make tests/store/golden/v2
"""

from __future__ import annotations

import sys
from pathlib import Path

from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Run
from spotmagic.store.seal import seal
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.clock import FakeClock

RING = Ring.of(b"golden secret of the store tests", b"a team's secret, thirty-two bytes")
LARGE = bytes(range(256)) * 200


def entries() -> list[Entry]:
    """What the golden files hold."""
    return [
        Entry(
            key=bytes([number]) * 16,
            name=f"pkg.mod.f{number}",
            kind=("function", "cell", "http")[number % 3],
            code=b"code" * 4,
            inputs={"x": bytes([number]) * 16, "helper clean": b"h" * 16},
            parts=(
                Part("return", ("plain",), b"head %d" % number, (memoryview(b"small" * 3), memoryview(b"odd"))),
                Part("größe", ("numpy", "plain"), b"large", (memoryview(LARGE),) if number % 2 else ()),
            ),
            created=1_800_000_000.5 + number,
            expires=1_900_000_000.0 if number == 2 else None,
            seconds=1.25,
            price=0.002,
            status=("value", "error", "partial")[number % 3],
            content_type="text/markdown" if number == 1 else None,
            notes={"source": "f(x)  # ünïcode"} if number == 3 else {},
        )
        for number in range(6)
    ]


MADE = Entry(
    key=b"made" * 4, name="pkg.mod.made", created=1_800_000_009.0, seconds=1.5, reason="`x` changed", waited=2.5
)
"""Since version 2: an entry that tells of its run."""


def make(folder: Path) -> None:
    """Write them."""
    folder.mkdir(parents=True)
    (folder / "entry.bin").write_bytes(b"".join(seal(entries()[0], RING)))
    store = FolderStore(folder / "spot", ring=RING, clock=FakeClock())
    for entry in entries()[:4]:
        store.put(entry)
    store.put(Entry(key=b"gone" * 4, name="pkg.mod.gone"))
    store.forget([b"gone" * 4])
    store.pin([entries()[1].key], True)
    store.close()
    store.compact()
    for entry in entries()[4:]:
        store.put(entry)
    store.ran(
        Run(entries()[4].key, "pkg.mod.f4", reason="first run", started=1_800_000_000.0, seconds=1.25, price=0.002)
    )
    store.put(MADE, run=True)
    store.hit(entries()[0].key, 1.25, 0.002)
    store.forget([entries()[5].key])
    store.close()
    (folder / "spot" / ".gitignore").unlink()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
