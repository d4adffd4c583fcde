"""The words of ``%spot_load_ext`` go to what takes them."""

from __future__ import annotations

import pytest

from spotmagic.errors import OptionError
from spotmagic.notebook.magics import Targets


def test_targets_of_a_line_go_to_what_takes_them():
    """A word that stands for a kind goes to that kind, every other is of a library; kinds do not mix."""
    told = []

    class Kind:
        def __init__(self, name):
            self.name = name

        def load(self, names, given, *, off):
            told.append((self.name, names, [word.name for word in given], off))

        def loaded(self):
            return [self.name]

    targets = Targets(Kind("libraries"), {"cells": Kind("cells")})
    for line in ("a:b c:d ttl=7d", "a:b off", "cells min=3s"):
        assert targets.load(line) is None
    assert told == [
        ("libraries", ["a:b", "c:d"], ["ttl"], False),
        ("libraries", ["a:b"], [], True),
        ("cells", ["cells"], ["min"], False),
    ]
    assert targets.load("") == ["cells", "libraries"]
    with pytest.raises(OptionError, match="cells is given with other targets"):
        targets.load("a:b cells")
