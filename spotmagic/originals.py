"""Functions of Python that notebooks put others in place of, as they were when spotmagic was loaded.

``json.dumps = mine`` and ``time.time = lambda: 0.0`` are for the user's code alone. Were ours to call what stands there
by then, it would be counted by a mock, frozen with a clock, or never come back from a wrapper that calls itself.
"""

from __future__ import annotations

from json import dumps, loads
from time import monotonic, sleep, thread_time, time, time_ns

__all__ = ["dumps", "loads", "monotonic", "sleep", "thread_time", "time", "time_ns"]
