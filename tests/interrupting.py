"""Interrupts at a chosen step: the n-th place in our code where Python looks for signals."""

from __future__ import annotations

import dis
import os
import sys
import threading
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

import spotmagic

OURS = str(Path(spotmagic.__file__).parent) + os.sep
SEEN_AFTER = {dis.opmap[name] for name in ("CALL", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD")}


class Interrupts:
    """While it is entered, ``KeyboardInterrupt`` is raised at the n-th place of ours where Python looks for signals.

    A trace function raises before the next instruction, and Python behind the last one. So where the two are guarded by
    different handlers, as behind the last call inside a ``with``, the next place is taken. So it is where Python loses
    an interrupt, as it does in a finalizer, which may run anywhere.

    Args:
        place: counted from 1.
        inside: in the threads that are started meanwhile, and not in this one.

    Attributes:
        left: places that were not reached, 0 where the interrupt came.
    """

    def __init__(self, place: int, *, inside: bool = False) -> None:
        self.left, self._inside = place, inside
        self._steps: dict[CodeType, dict[int, int]] = {}
        self._guards: dict[CodeType, list[Any]] = {}
        self._last: dict[int, int] = {}  # where each frame came from, as it ran: loops go back
        self._before: Any = None
        self._told = sys.unraisablehook

    def __enter__(self) -> Interrupts:
        if self._inside:
            self._before = threading.gettrace()
            threading.settrace(self)
        else:
            self._before = sys.gettrace()
            sys.settrace(self)
        self._told, sys.unraisablehook = sys.unraisablehook, self._lost
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (threading if self._inside else sys).settrace(self._before)
        sys.unraisablehook = self._told

    def _lost(self, what: Any) -> None:
        """Take the next place of this thread, as Python lost the interrupt; it ended the tracing, too."""
        if self.left or not isinstance(what.exc_value, KeyboardInterrupt):
            self._told(what)
        else:
            self.left = 1
            sys.settrace(self)

    def __call__(self, frame: Any, event: str, _: Any) -> Any:
        code = frame.f_code
        if self.left < 1 or not code.co_filename.startswith(OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "call":
            self._last.pop(id(frame), None)
        elif event == "opcode":
            if code not in self._steps:
                self._steps[code] = {one.offset: one.opcode for one in dis.get_instructions(code)}
                self._guards[code] = dis._parse_exception_table(code)  # type: ignore[attr-defined]
            before, self._last[id(frame)] = self._last.get(id(frame)), frame.f_lasti
            if before is not None and self._steps[code][before] in SEEN_AFTER:
                self.left -= self.left > 1 or self._guard(code, before) == self._guard(code, frame.f_lasti)
                if not self.left:
                    raise KeyboardInterrupt
        return self

    def _guard(self, code: CodeType, offset: int) -> int | None:
        """The handler of what an instruction raises."""
        return next((one.target for one in self._guards[code] if one.start <= offset < one.end), None)
