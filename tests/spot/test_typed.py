"""What a person types while a marked function runs: such a run is not kept, and says why once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASKING = {
    "input": "return input()",
    "input of another name": "ask = input\n    return ask()",
    "a method of the stream": "return sys.stdin.readline()",
    "a loop over the stream": "for line in sys.stdin:\n        return line",
    "an iterator": "return next(iter(sys.stdin))",
    "a stream of another name": "return typed.readline()",
    "a stream that a module holds": "return HELD.readline()",
    "its bytes": "return sys.stdin.buffer.readline()",
    "the descriptor": "return os.read(0, 2)",
    "a file of the descriptor": "with open(0, closefd=False) as file:\n        return file.readline()",
    "a device": "return pathlib.Path('/dev/stdin').open().readline()",
    "getpass": "return getpass('Who? ', io.StringIO())",
    "another module of Python": "return next(fileinput.FileInput(['-']))",
    "a default": "return helper()",
    "a table": "return TABLE['ask']()",
    "a text": "return eval('input()')",
    "a thread": "found = []\n    one = threading.Thread(target=lambda: found.append(input()))\n"
    "    one.start()\n    one.join()\n    return found",
    "a pool": "return POOL.submit(input).result()",
    "a loop of tasks": "return asyncio.run(asyncio.to_thread(input))",
    "click": "return click.prompt('Who', err=True)",
}
NOT_ASKING = {
    "a stream of the run's own": "with redirected(io.StringIO('me')):\n        return input()",
    "what the stream is": "return sys.stdin.isatty(), sys.stdin.encoding, isinstance(sys.stdin, io.TextIOBase)",
    "an answer that was given": "return x or input()",
    "another descriptor": "a, b = os.pipe()\n    os.write(b, b'ab')\n    return os.read(a, 2)",
}
SESSION = """
import asyncio, contextlib, fileinput, io, json, os, pathlib, sys, threading, warnings
from concurrent.futures import ThreadPoolExecutor
from getpass import getpass
from sys import stdin as typed

import click
from spotmagic import Spot, last

class redirected(contextlib._RedirectStream):
    _stream = "stdin"

spot, HELD, POOL, TABLE = Spot("test", root="kept"), sys.stdin, ThreadPoolExecutor(1), {"ask": input}
POOL.submit(int).result()

def helper(ask=input):
    return ask()

CODE

before = sys.stdin, os.read
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    seen = {}
    for name, function in list(globals().items()):
        if name.startswith("ask_"):
            for _ in range(2):
                function(1)
            seen[name] = last().verdict, last().reason
assert before == (sys.stdin, os.read)
print(json.dumps([seen, [str(one.message) for one in told]]))
"""


def session(folder: Path, bodies: dict[str, str]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """What came of the second call of each, and the warnings of all."""
    functions = [f"@spot.mark\ndef ask_{number}(x):\n    {body}\n" for number, body in enumerate(bodies.values())]
    (folder / "session.py").write_text(SESSION.replace("CODE", "\n".join(functions)))
    done = subprocess.run(
        [sys.executable, "session.py"], cwd=folder, input="".join(f"line {n}\n" for n in range(200_000)), text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    seen, told = json.loads(done.stdout.splitlines()[-1])
    return {name: tuple(seen[f"ask_{number}"]) for number, name in enumerate(bodies)}, told


def test_a_run_that_asked_a_person_is_not_kept(tmp_path: Path) -> None:
    """However it asks: a second call would be given the old answer."""
    seen, told = session(tmp_path, ASKING)
    assert {name: verdict for name, (verdict, _) in seen.items()} == dict.fromkeys(ASKING, "ran")
    assert all("typed" in reason for _, reason in seen.values()), seen
    of_input = [one for one in told if "ask_0" in one]
    assert len(of_input) == 1 and "Pass the answer as an argument" in of_input[0]


def test_a_run_that_asked_nobody_is_kept(tmp_path: Path) -> None:
    seen, _ = session(tmp_path, NOT_ASKING)
    assert {name: verdict for name, (verdict, _) in seen.items()} == dict.fromkeys(NOT_ASKING, "hit")


AT_A_TERMINAL = """
import functools, sys
from getpass import getpass
from spotmagic import Spot, last

spot, TABLE, ask = Spot("test", root="kept"), {"ask": input}, functools.partial(input, "Who? ")

@spot.mark
def of_input(x):
    return input("Who? ")

@spot.mark
def of_table(x):
    return TABLE["ask"]("Who? ")

@spot.mark
def of_partial(x):
    return ask()

@spot.mark
def of_map(x):
    return next(map(input, ["Who? "]))

@spot.mark
def of_stream(x):
    print("Who? ", end="", flush=True)
    return sys.stdin.readline().strip()

@spot.mark
def of_getpass(x):
    return getpass("Who? ")

@spot.mark
def of_nobody(x):
    return sys.stdin.encoding, sys.stdin.errors, sys.stdin.isatty(), sys.stdin.fileno()

for function in (of_input, of_table, of_partial, of_map, of_stream, of_getpass, of_nobody):
    function(1)
    print(function.__name__, function(1), last().verdict)
print("end")
"""


def test_a_line_of_a_terminal_is_not_kept(tmp_path: Path) -> None:
    """At a terminal ``input`` reads its line in C."""
    import pty

    (tmp_path / "terminal.py").write_text(AT_A_TERMINAL)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    page, terminal = pty.openpty()
    command = [sys.executable, "terminal.py"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdin=terminal, stdout=terminal, stderr=terminal,
                          start_new_session=True):  # fmt: skip
        os.close(terminal)
        said = ""
        while "\nend" not in said:
            came = os.read(page, 10_000).decode()
            said += came
            for _ in range(came.count("Who? ")):
                os.write(page, b"me\n")
    os.close(page)
    lines = [line.split() for line in said.splitlines() if line.startswith("of_")]
    verdicts = {words[0]: words[-1] for words in lines}
    names = ("of_input", "of_table", "of_partial", "of_map", "of_stream", "of_getpass")
    assert verdicts == {**dict.fromkeys(names, "ran"), "of_nobody": "hit"}, said


BESIDE = """
import threading
from spotmagic import Spot, last

spot, begun, go = Spot("test", root="kept"), threading.Event(), threading.Event()

@spot.mark(ignore="begun,go")
def paid(x):
    begun.set()
    go.wait()
    return x

job = threading.Thread(target=paid, args=(1,))
job.start()
begun.wait()
assert input() == "next"
go.set()
job.join()
paid(1)
print(last().verdict)
"""


def test_what_a_program_asks_beside_a_run_is_not_the_runs(tmp_path: Path) -> None:
    """A program asks for the next task while paid calls run in its threads: those are kept."""
    (tmp_path / "beside.py").write_text(BESIDE)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "beside.py"]
    done = subprocess.run(command, cwd=tmp_path, input="next\n", text=True, env=env, capture_output=True, check=True)
    assert done.stdout.split() == ["hit"]
