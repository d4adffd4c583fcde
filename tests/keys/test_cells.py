"""Functions of a notebook, run by IPython: their source is the cell's, whatever the kernel calls the cell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from spotmagic.keys import FunctionKey
from spotmagic.options import MarkOptions

shell = InteractiveShell.instance()
if sys.argv[1] == "kernel":
    from ipykernel.compiler import XCachingCompiler
    shell.compile = XCachingCompiler()
said = {}
def key(name, step, *args):
    keyed = FunctionKey(shell.user_ns[name], MarkOptions(), mask=lambda b: b).keyed(args, {})
    said[step] = [keyed.key.hex(), keyed.trouble, sorted(keyed.inputs)]
def cell(text):
    result = shell.run_cell(text, store_history=True)
    result.raise_error()
for _ in range(int(sys.argv[2])):
    cell("'another cell number'")
cell("def helper(x): return x + 1\\nPROMPT = 'a'")
cell("# a cell\\ndef f(x):\\n    return helper(x), PROMPT, !echo hi" .replace(", !echo hi", ""))
key("f", "first", 1)
cell("def helper(x): return x + 2")
key("f", "helper redefined", 1)
cell("def helper(x):\\n    # with a comment\\n    return (x + 1)")
key("f", "helper as before", 1)
cell("PROMPT = 'b'")
key("f", "prompt changed", 1)
cell("PROMPT = 'a'")
cell("f2 = f\\ndef f(x): return helper(x), PROMPT")
key("f", "same again", 1)
cell("a, b = (lambda x: x + 1), (lambda x: x + 2)")
key("a", "first lambda", 1)
key("b", "second lambda", 1)
cell("class Config:\\n    model = 'small'\\n    def show(self): return self.model\\ndef g(c): return c.show()")
key("g", "instance", shell.user_ns["Config"]())
cell("class Config:\\n    model = 'small'\\n    def show(self): return self.model * 2\\n")
key("g", "instance of the redefined class", shell.user_ns["Config"]())
cell("def h(x):\\n    %time y = x\\n    return helper(y)")
key("h", "with a magic", 1)
cell("from __future__ import annotations\\ndef k(x: int): return await_(x)\\nawait_ = helper")
key("k", "with a future", 1)
cell("async def s(x):\\n    return helper(x)\\nimport asyncio\\nawait asyncio.sleep(0)")
key("s", "async", 1)
print(json.dumps(said))
"""


def notebook(kind: str, before: int, seed: str) -> dict[str, list[object]]:
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", KERNEL, kind, str(before)], cwd=root, text=True, capture_output=True,
        env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "HOME": str(Path.home())},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def notebooks() -> list[dict[str, list[object]]]:
    return [notebook("kernel", 0, "0"), notebook("kernel", 3, "1"), notebook("terminal", 0, "2")]


def test_keys_survive_kernel_restarts_cell_numbers_and_front_ends(notebooks: list[dict[str, list[object]]]) -> None:
    assert notebooks[0] == notebooks[1] == notebooks[2]


def test_no_function_of_a_cell_is_without_source(notebooks: list[dict[str, list[object]]]) -> None:
    assert [step for step, (_, trouble, _) in notebooks[0].items() if trouble] == []


def test_an_edited_cell_misses_and_the_old_text_hits_again(notebooks: list[dict[str, list[object]]]) -> None:
    keys = {step: key for step, (key, _, _) in notebooks[0].items()}
    assert keys["first"] == keys["helper as before"] == keys["same again"]
    different = ["first", "helper redefined", "prompt changed", "first lambda", "second lambda"]
    different += ["instance", "instance of the redefined class", "with a magic"]
    assert len({keys[step] for step in different}) == len(different)
    assert notebooks[0]["first"][2] == ["global PROMPT", "helper helper", "x"]
