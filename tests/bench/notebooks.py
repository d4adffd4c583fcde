"""Whole notebooks: plain, under ``%%spot`` three times in fresh kernels, and with one cell edited.

    python -m tests.bench.notebooks FOLDER [--most N] [--seconds S]

Prints one line per notebook: how many cells ran well, how many of them hit in the second and third run, which pages
differ from the plain run beyond what two plain runs differ by, and what a first run costs in time. ``slow`` counts the
cells whose first run took the kernel more than 1.5 times the processor time of the plain one and 50 ms, ``ratio``
compares that time over all: other work on the machine does not count in it. With ``--why`` also the cells that did not
hit, those that differ and those that are slow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "notebook"))
from notebook_kernels import Kernel, Output, environment, steady

RUNS = ("plain", "plain again", "first", "second", "third", "edited")
_UNSTEADY = ("0x", "ago", "seconds", " ms", " µs", "loops each")


@dataclass
class Cell:
    """One run of one cell."""

    output: Output
    seconds: float
    processor: float

    @property
    def shown(self) -> str:
        """What stands on the page when the cell has ended: displays as they were updated, without what was cleared."""
        page: list[list[str]] = []
        clear = False
        for message in self.output.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "clear_output":
                page, clear = (page, True) if content.get("wait") else ([], False)
                continue
            name = str((content.get("transient") or {}).get("display_id") or content.get("name") or kind)
            told = content["text"] if kind == "stream" else str(steady(content.get("data", {})))
            own = [one for one in page if one[1] == name and one[0] == "display_data"]
            if kind == "update_display_data" and own:
                for one in own:
                    one[2] = told
                continue
            page, clear = ([] if clear else page), False
            if kind == "stream" and (same := [one for one in page if one[1] == name]):
                same[0][2] += told
            else:
                page.append([kind, name, told])
        return "\n".join(f"{kind} {told}" for kind, _, told in page if kind not in ("comm_open", "comm_msg"))


@dataclass
class Told:
    """What came of one notebook."""

    name: str
    cells: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    different: list[tuple[str, str, str, str]] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    slow: list[tuple[str, float, float]] = field(default_factory=list)


def sources(path: Path, most: int) -> list[str]:
    """The code cells of a notebook, in its order."""
    book = nbformat.read(path, as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == "code" and cell.source.strip()][:most]


def under(source: str) -> str:
    """A cell under the magic; one that has a magic of its own stays as it is."""
    return source if source.lstrip().startswith(("%%", "%load_ext")) else f"%%spot\n{source}"


def run(folder: Path, cells: list[str], seconds: float) -> list[Cell]:
    """Every cell in one fresh kernel."""
    home = folder.parent / "home"
    env = {**environment(home), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # or every kernel would compile us, as no installed package is
    kernel = Kernel(folder, env)
    done, process = [], psutil.Process(kernel.manager.provisioner.pid)
    try:
        for source in cells:
            began, used = time.perf_counter(), sum(process.cpu_times())
            output = kernel.run(source, timeout=seconds)
            done.append(Cell(output, time.perf_counter() - began, sum(process.cpu_times()) - used))
    finally:
        kernel.close()
    return done


def edited(cells: list[str]) -> list[str]:
    """The notebook with a statement more in the middle of it."""
    middle = len(cells) // 2
    return ["edited_here = 1\n" * (place == middle) + source for place, source in enumerate(cells)]


def measure(path: Path, most: int, seconds: float) -> Told:
    """Run one notebook in all ways."""
    told, cells = Told(path.stem), sources(path, most)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "work"
        folder.mkdir()
        for near in path.parent.iterdir():
            if near.suffix in (".py", ".csv", ".txt", ".json", ".tsv") or (near.is_dir() and near.name == "data"):
                (folder / near.name).symlink_to(near.resolve())
        runs: dict[str, list[Cell]] = {}
        for name in RUNS:
            texts = edited(cells) if name == "edited" else cells
            runs[name] = run(folder, texts if name.startswith("plain") else list(map(under, texts)), seconds)
            told.times[name] = sum(cell.seconds for cell in runs[name])
            told.processor[name] = sum(cell.processor for cell in runs[name])
    for place_, source in enumerate(cells):
        _compare(told, source, {name: done[place_] for name, done in runs.items()})
    return told


def _compare(told: Told, source: str, runs: dict[str, Cell]) -> None:
    plain = runs["plain"]
    if plain.output.status != "ok" or under(source) == source:
        return
    told.cells += 1
    first = source.strip().splitlines()[0][:60]
    for name in ("second", "third", "edited"):
        told.hits[name] += runs[name].output.verdict == "hit"
    if runs["second"].output.verdict != "hit":
        told.refused.append((first, runs["second"].output.badge_text))
    if runs["first"].processor > 1.5 * plain.processor + 0.05:
        told.slow.append((first, plain.processor, runs["first"].processor))
    if plain.shown != runs["plain again"].shown or any(one in plain.shown for one in _UNSTEADY):
        return
    for name in ("first", "second", "third", "edited"):
        if runs[name].shown != plain.shown:
            told.different.append((first, name, plain.shown[:300], runs[name].shown[:300]))


def main() -> None:
    """Measure a folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=60, help="cells of each notebook")
    parser.add_argument("--seconds", type=float, default=120, help="what one cell may take")
    parser.add_argument("--why", action="store_true")
    given = parser.parse_args()
    hits = "".join(f" {name:>4}" for name in ("2nd", "3rd", "edit"))
    times = f"{'plain':>6} {'first':>7} {'2nd':>7} {'ratio':>5} {'slow':>4}"
    print(f"{'notebook':40} {'cells':>5}{hits} {'differ':>6} {times}")
    every: list[Told] = []
    for path in sorted(given.folder.rglob("*.ipynb")):
        try:
            told = measure(path, given.most, given.seconds)
        except Exception as error:
            print(f"{path.stem[:40]:40} {type(error).__name__}: {error}")
            continue
        every.append(told)
        _print(told, given.why)
    total: Any = Told("all", sum(one.cells for one in every))
    for one in every:
        total.hits += one.hits
        total.different += one.different
        total.slow += one.slow
        total.times = {name: total.times.get(name, 0.0) + one.times[name] for name in RUNS}
        total.processor = {name: total.processor.get(name, 0.0) + one.processor[name] for name in RUNS}
    if every:
        _print(total, why=False)


def _print(told: Told, why: bool) -> None:
    times = "".join(f" {told.times[name]:6.1f}s" for name in ("plain", "first", "second"))
    hits = "".join(f" {told.hits[name]:4}" for name in ("second", "third", "edited"))
    ratio = told.processor["first"] / (told.processor["plain"] or 1)
    counts = f"{told.cells:5}{hits} {len(told.different):6}"
    print(f"{told.name[:40]:40} {counts}{times} {ratio:5.2f} {len(told.slow):4}", flush=True)
    for first, reason in told.refused if why else ():
        print(f"    {first!r}: {reason[:220]}")
    for first, name, plain, now in told.different if why else ():
        print(f"    {first!r} in the {name} run\n        {plain!r}\n        {now!r}")
    for first, plain_seconds, seconds in told.slow if why else ():
        print(f"    {first!r} took {seconds:.2f} s of the processor, {plain_seconds:.2f} plain")


if __name__ == "__main__":
    main()
