"""What a panel asks: every sort, page, search and facet, and its first paint, also while results are being stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.measure import rows, time_text
from tests.bench.million import key as key_of

MANY, MOST = 10_000, 100_000
TURNS = 3


def put(spot: Any, numbers: range) -> None:
    """Entries as a notebook has them: ten names, arguments, texts that came out, some models, hits and runs."""
    from spotmagic.store.entry import Entry, Part
    from spotmagic.values.short import pack

    store = spot.store
    for number in numbers:
        key, now = key_of(number), time.time()
        text = f'"{number} answers to a question about the tides of {number % 97} seas"'
        kept = Entry(
            key,
            f"lab.step{number % 10}",
            kind="function" if number % 5 else "cell",
            inputs={"text": key, "model": bytes(16)},
            parts=(Part("value", ("plain",), bytes(100)),),
            created=now - number % 3_000 * 600,
            seconds=number % 50 / 10,
            price=number % 7 / 100,
            reason="first run",
            notes={
                "arguments": pack({"text=": text, "n=": str(number)}),
                "model": f"model-{number % 4}",
                "tokens": "9",
            },
        )
        store.put(kept, run=True)
        if number % 3 == 0:
            store.hit(key, kept.seconds, kept.price)
    store.pin([key_of(number) for number in numbers if number % 500 == 0], True)


def questions() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What the browser asks, each under a name: as ``js/src`` says it."""
    from spotmagic.catalog.rows import SHOWN

    start = {
        "search": "", "name": "", "kind": "", "status": "live", "model": "", "tag": "",
        "order": "-created", "offset": 0, "limit": 50,
    }  # fmt: skip
    for field in SHOWN:
        for sign in "", "-":
            yield f"sort {sign}{field}", "entries", {**start, "order": f"{sign}{field}"}
    for offset in 50, MANY // 2, MANY - 50:
        yield f"page at {offset:,}", "entries", {**start, "offset": offset}
        yield f"page at {offset:,} by hits", "entries", {**start, "order": "-hits", "offset": offset}
    for text in "the tides", "lab.step3", "no such", "0000":
        yield f"search {text!r}", "entries", {**start, "search": text}
        yield f"facets of {text!r}", "facets", {**start, "search": text}
    wanted = [
        ("name", "lab.step3"),
        ("kind", "cell"),
        ("status", "all"),
        ("status", "superseded"),
        ("model", "model-1"),
    ]
    for facet, value in [*wanted, ("tag", "pinned"), ("tag", "damaged"), ("tag", "drifted"), ("tag", "never kept")]:
        yield f"{facet} {value}", "entries", {**start, facet: value}
        yield f"facets of {facet} {value}", "facets", {**start, facet: value}
    yield "facets", "facets", start
    for method in "totals", "functions", "runs", "limits":
        yield method, method, {}
    yield "a function", "function", {"name": "lab.step3"}
    for span in "week", "all":
        yield f"spending of {span}", "spending", {"span": span}
    yield "a result", "entry", {"key": key_of(7).hex()}


def fill(folder: str, number: int) -> dict[str, float]:
    """Put everything and bring the catalog up to date."""
    from spotmagic import Spot

    with Spot("bench", root=folder) as spot:
        put(spot, range(number))
        spot.store.flush()
        spot.catalog.fold()
    return {}


def ask(folder: str, _: int) -> dict[str, float]:
    """The processor time of each question."""
    from spotmagic import Spot
    from spotmagic.dashboard.backend import Backend

    found = {}
    with Spot("bench", root=folder) as spot:
        backend = Backend(spot)
        backend.first()
        for name, method, params in questions():
            taken = []
            for _ in range(TURNS):
                start = time.process_time()
                backend.dispatch(method, params)
                taken.append(time.process_time() - start)
            found[name] = sorted(taken)[TURNS // 2]
    return found


def paint(folder: str, _: int) -> dict[str, float]:
    """From ``import spotmagic`` to a panel that can be drawn."""
    import ipywidgets  # noqa: F401 - a notebook has it

    begun, worked = time.perf_counter(), time.process_time()
    from spotmagic import Spot

    with Spot("bench", root=folder) as spot:
        spot.panel()
        return {"wall": time.perf_counter() - begun, "cpu": time.process_time() - worked}


def store(folder: str, number: int) -> dict[str, float]:
    """Store on and on, until stopped."""
    from spotmagic import Spot

    with Spot("bench", root=folder) as spot:
        print("ready", flush=True)
        for one in range(number, 10 * number):
            put(spot, range(one, one + 1))
            time.sleep(0.002)
    return {}


STEPS = {"fill": fill, "ask": ask, "paint": paint, "store": store}


def child(what: str, folder: str, number: int = 0) -> dict[str, float]:
    """What one of these steps says, in a process of its own."""
    # What is compiled is kept, as where it was installed: else each start would compile all of it.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ended = subprocess.run(_command(what, folder, number), stdout=subprocess.PIPE, check=True, env=kept)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _command(what: str, folder: str, number: int) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "tests.bench.panel", what, folder, str(number)]


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        child("fill", folder, MANY)
        taken = sorted(child("ask", folder).items(), key=lambda one: -one[1])
        shown = [(name, time_text(seconds)) for name, seconds in taken[:12]]
        rows(f"panel: processor time of {len(taken)} questions over {MANY:,} results, the dearest", "≤ 0.3 s", shown)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        child("fill", folder, MOST)
        child("paint", folder)
        lines = [("nothing else happens", child("paint", folder))]
        busy = subprocess.Popen(_command("store", folder, MOST), stdout=subprocess.PIPE)
        try:
            assert busy.stdout is not None
            busy.stdout.readline()
            lines.append(("while results are stored", child("paint", folder)))
        finally:
            busy.kill()
            busy.wait()
        said = [(name, f"{time_text(found['wall'])}, {time_text(found['cpu'])}") for name, found in lines]
        rows(f"panel: first paint over {MOST:,} results, wall and processor", "≤ 0.5 s", said)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(STEPS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))))
    else:
        main()
