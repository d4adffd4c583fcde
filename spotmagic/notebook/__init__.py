"""The notebook door: magics, the cell cache, recording and replay of outputs."""

from __future__ import annotations

from spotmagic.notebook.extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
