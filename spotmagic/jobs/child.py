"""In the process of a detached job: make the call, and tell what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic import files
from spotmagic.engine.running import now_running
from spotmagic.errors import trace
from spotmagic.jobs.shipment import pack_value, unpack_value
from spotmagic.spot.given import awaits
from spotmagic.values.secrets import masked
from spotmagic.values.written import mask

if TYPE_CHECKING:
    from spotmagic.jobs.detached import Told

VALUE = "value"


def make(folder: Path, told: Told, data: bytes) -> int:
    """Make the call. Returns the exit code."""
    sys.stdout, sys.stderr = _Log(sys.stdout, told), _Log(sys.stderr, told)
    try:
        function, args, kwargs = unpack_value(data)
        marked = function.marked
        with marked.spot as spot:
            call = marked.call(args, kwargs)
            told.secrets = call.secrets().all
            asynchronous = awaits(marked.function)
            spot.engine.ledger.insist = told.insist
            call.run = functools.partial(_begun, told, call.run)
            done = asyncio.run(spot.engine.adrive(call)) if asynchronous else spot.engine.drive(call)
            outcome = done.outcome()
            if not outcome.stored:  # what was paid for is not lost because it cannot be a result
                _keep(folder, told, spot.ring, done.value, marked.name)
        facts = {name: getattr(outcome, name) for name in ("verdict", "stored", "reason", "seconds", "price")}
        told.end(status="COMPLETED", ended=time.time(), entry=outcome.key, **facts)
    except KeyboardInterrupt:
        told.tell(status="CANCELLED", ended=time.time())
        return 1
    except BaseException as error:
        what = masked(f"{type(error).__name__}: {error}", told.secrets)
        where = masked(mask(trace(error)), told.secrets)
        told.end(status="FAILED", ended=time.time(), error=what, traceback=where)
        return 1
    return 0


class _Log:
    """A stream of the process, into the log of the job: no credential of the call goes there."""

    def __init__(self, stream: Any, told: Told) -> None:
        self._stream, self._told = stream, told

    def write(self, text: str) -> int:
        """Write a text without the credentials in it. What a full disk does not take is lost, and not the call."""
        with contextlib.suppress(OSError):
            self._stream.write(masked(text, self._told.secrets))
        return len(text)

    def flush(self) -> None:
        """Write what waits to be written."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _keep(folder: Path, told: Told, ring: Any, value: Any, name: str) -> None:
    data = ring.wrap(pack_value(value, f"the result of {name}"))  # it may be none because it holds a credential
    told.insist(lambda: files.write_whole(folder / VALUE, data))


def _begun(told: Told, run: Callable[[], Any]) -> Any:
    """What the call gives, or of an async one what is awaited. It is told before anything of it runs."""
    told.tell(status="RUNNING", started=time.time())
    attempt: Any = now_running.get()
    attempt.follower = told
    return run()
