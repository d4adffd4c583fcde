"""The scheme does not change by accident: fingerprints written down once hold on every Python and platform.

A wanted change is a new SCHEME and a new file; run this module as a script to write it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from spotmagic.keys import SCHEME, fingerprint
from tests.keys.samples import PLAIN, tables

GOLDEN = Path(__file__).parent / f"golden-{SCHEME}.json"


def written() -> dict[str, str]:
    return json.loads(GOLDEN.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", PLAIN)
def test_a_value_has_the_fingerprint_written_down(name: str) -> None:
    assert fingerprint(PLAIN[name]()).hex() == written()[name]


def test_arrays_and_tables_have_the_fingerprints_written_down() -> None:
    assert {name: fingerprint(make()).hex() for name, make in tables().items()} == {
        name: value for name, value in written().items() if name not in PLAIN
    }


def test_no_two_of_them_share_one() -> None:
    values = written()
    assert len(set(values.values())) == len(values)


if __name__ == "__main__":
    found = {name: fingerprint(make()).hex() for name, make in {**PLAIN, **tables()}.items()}
    GOLDEN.write_text(json.dumps(found, indent=0) + "\n")
    sys.stdout.write(f"{len(found)} written\n")
