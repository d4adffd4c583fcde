"""Many callers of one limit: processes, threads and tasks. Run as a script, this is one of the processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass

from spotmagic.errors import LimitTimeout
from spotmagic.limits import Limit, Permit


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who calls, and how long."""

    name: str
    rpm: float
    seconds: float
    processes: int = 4
    threads: int = 8
    loops: int = 2
    tasks: int = 1
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class Grants:
    """What was let pass: when each call went (and was booked to go) by which caller, in order."""

    went: list[float]
    callers: Counter[str]
    planned: list[float]

    @property
    def fairness(self) -> float:
        """The most that a caller got over the least."""
        return max(self.callers.values()) / min(self.callers.values())

    @property
    def stall(self) -> float:
        """The longest time without a call."""
        return max(later - earlier for earlier, later in zip(self.went, self.went[1:]))


def worst_window(times: list[float], window: float) -> int:
    """The most calls in any window of that many seconds, both ends included."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] < moment - window - 1e-9:
            first += 1
        most = max(most, last - first + 1)
    return most


def run(crowd: Crowd) -> Grants:
    """Let the processes of a crowd call, and gather what passed."""
    told = json.dumps(asdict(crowd))
    command = [sys.executable, __file__, told]
    running = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(crowd.processes)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
    begin = time.monotonic() + 0.3
    rows: list[list[object]] = []
    for process in running:
        assert process.stdin is not None
        process.stdin.write(f"{begin}\n")
        process.stdin.flush()
    for process in running:
        out, _ = process.communicate(timeout=crowd.seconds + 60)
        if process.returncode:
            raise RuntimeError(f"a process of the crowd ended with {process.returncode}")
        rows += json.loads(out)
    per_process = crowd.threads + crowd.loops * crowd.tasks
    callers = Counter({f"{process} {caller}": 0 for process in range(crowd.processes) for caller in range(per_process)})
    callers.update(str(row[0]) for row in rows)
    return Grants(sorted(float(row[1]) for row in rows), callers, sorted(float(row[2]) for row in rows))  # type: ignore[arg-type]


def one_process(crowd: Crowd, number: int) -> list[list[object]]:
    """The grants of one process."""
    limit = Limit(crowd.name, rpm=crowd.rpm, backend=crowd.backend)
    print("ready", flush=True)  # noqa: T201
    begin = float(sys.stdin.readline())
    end, rows = begin + crowd.seconds, []

    def went(caller: int, permit: Permit) -> bool:
        now = time.monotonic()
        if now < end:
            rows.append([f"{number} {caller}", now, permit._booking.start])
        return now < end

    def in_thread(caller: int) -> None:
        time.sleep(max(0.0, begin - time.monotonic()))
        try:
            while went(caller, limit.acquire(timeout=end - time.monotonic())):
                pass
        except LimitTimeout:
            pass

    async def in_task(caller: int) -> None:
        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        try:
            while went(caller, await limit.aacquire(timeout=end - time.monotonic())):
                pass
        except LimitTimeout:
            pass

    def in_loop(loop: int) -> None:
        async def tasks() -> None:
            first = crowd.threads + loop * crowd.tasks
            await asyncio.gather(*(in_task(first + task) for task in range(crowd.tasks)))

        asyncio.run(tasks())

    threads = [threading.Thread(target=in_thread, args=(caller,)) for caller in range(crowd.threads)]
    threads += [threading.Thread(target=in_loop, args=(loop,)) for loop in range(crowd.loops)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rows


if __name__ == "__main__":
    print(json.dumps(one_process(Crowd(**json.loads(sys.argv[1])), int(sys.argv[2]))))  # noqa: T201
