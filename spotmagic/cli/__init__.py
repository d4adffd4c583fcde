"""The command line: look at a spot, clean it and steer it while notebooks use it."""

from __future__ import annotations

from spotmagic.cli.main import main

__all__ = ["main"]
