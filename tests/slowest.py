"""Writes down which tests take long, from the times of a run: ``python tests/slowest.py TIMES.xml``.

What is named in ``slow.txt`` is left out by ``make test-quick``. Times are means over the cases of a test.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

LONG = 0.3
"""Seconds from which on a test is slow."""


def name(classname: str, test: str) -> str:
    """The name that pytest gives a test: ``tests/spot/test_a.py::TestB::test_c`` for those of the file of times.

    There it ends in the cases, or in the group of those that run in one worker.
    """
    parts = classname.split(".")
    file = next(n for n, part in enumerate(parts) if part.startswith("test_")) + 1
    return "::".join(["/".join(parts[:file]) + ".py", *parts[file:], re.split(r"[\[@]", test)[0]])


def main(times: str) -> None:
    taken: dict[str, list[float]] = defaultdict(list)
    for case in ElementTree.parse(times).iter("testcase"):
        taken[name(case.get("classname", ""), case.get("name", ""))].append(float(case.get("time", 0)))
    slow = sorted(test for test, seconds in taken.items() if sum(seconds) / len(seconds) > LONG)
    Path(__file__).with_name("slow.txt").write_text("\n".join([*slow, ""]))


if __name__ == "__main__":
    main(*sys.argv[1:])
