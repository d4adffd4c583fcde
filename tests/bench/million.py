"""A folder of 1,000,000 entries: opening it, a hit, a page of the panel, and the memory that takes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.measure import calls, rows, time_text

ENTRIES = int(os.environ.get("SPOTMAGIC_BENCH_ENTRIES", "1000000"))
ASKED = 20_000


def key(number: int) -> bytes:
    """A key as random as a digest, the same for a number every time."""
    return random.Random(number).randbytes(16)


def megabytes() -> float:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def store(folder: str) -> Any:
    """The store of the folder."""
    from spotmagic.store.store import FolderStore
    from spotmagic.store.trust import ring

    return FolderStore(Path(folder), ring=ring())


def fill(folder: str) -> dict[str, float]:
    """Put everything."""
    from spotmagic.store.entry import Entry, Part

    kept = store(folder)
    part = (Part("value", ("plain",), bytes(100)),)
    start = time.perf_counter()
    for number in range(ENTRIES):
        inputs = {"x": key(number)}
        kept.put(
            Entry(
                key(number),
                f"pkg.f{number % 20}",
                code=bytes(16),
                inputs=inputs,
                parts=part,
                created=1e9 + number,
                seconds=1.0,
            )
        )
    kept.close()
    return {"put, each": (time.perf_counter() - start) / ENTRIES}


def seal(folder: str) -> dict[str, float]:
    """Make a segment of the journal that was left, as a store does in time by itself."""
    start = time.perf_counter()
    store(folder).compact()
    return {"the journal made a segment": time.perf_counter() - start}


def fold(folder: str) -> dict[str, float]:
    """Make the catalog."""
    from spotmagic.catalog import Catalog

    catalog = Catalog(Path(folder), store(folder))
    start = time.perf_counter()
    catalog.fold()
    return {"the catalog made from nothing": time.perf_counter() - start}


def ask(folder: str) -> dict[str, float]:
    """What a kernel that opens the folder feels."""
    found: dict[str, float] = {}
    numbers = random.Random(1).sample(range(ENTRIES), min(ASKED, ENTRIES))
    keys = [key(number) for number in numbers]
    before = megabytes()
    start = time.perf_counter()
    kept = store(folder)
    assert kept.get(keys[0]) is not None
    found["open and first hit"] = time.perf_counter() - start
    taken = sorted(calls(kept.get, keys, 60))
    found["first hit of a key, p50"] = taken[len(taken) // 2]
    found["first hit of a key, p99"] = taken[int(len(taken) * 0.99)]
    taken = sorted(calls(kept.get, keys[:1000] * 10, 60))
    found["hit again, p50"] = taken[len(taken) // 2]
    found["MB: store"] = megabytes() - before
    from spotmagic.catalog import Catalog

    catalog = Catalog(Path(folder), kept)
    catalog.entries(limit=50)
    for name, question in {
        "panel: page of the newest 50": lambda: catalog.entries(limit=50),
        "panel: page of a name": lambda: catalog.entries("pkg.f1*", limit=50),
        "panel: search": lambda: catalog.entries(search="f13", limit=50),
        "panel: totals": catalog.stats,
        "panel: functions": catalog.functions,
    }.items():
        taken = []
        for _ in range(7):
            start = time.perf_counter()
            question()
            taken.append(time.perf_counter() - start)
        found[name] = sorted(taken)[3]
    found["MB: whole process, catalog included"] = megabytes()
    return found


def child(what: str, folder: str) -> dict[str, float]:
    """What one of these steps says, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.million", what, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip().splitlines()[-1])
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        found: dict[str, float] = {}
        for step in ("fill", "seal", "fold", "ask"):
            found |= child(step, folder)
    lines = [(name, f"{value:.0f} MB" if name.startswith("MB") else time_text(value)) for name, value in found.items()]
    rows(f"{ENTRIES:,} entries", "open ≤ 1 s, hit ≤ 8 µs, panel page ≤ 50 ms, ≤ 250 MB", lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps({"fill": fill, "seal": seal, "fold": fold, "ask": ask}[sys.argv[1]](sys.argv[2])))
    else:
        main()
