"""A page of ``spotmagic ui``, served by a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

MAKE = """
import time
from spotmagic import Spot

with Spot("demo") as spot:
    @spot.mark(price=0.01)
    def ask(question):
        time.sleep(0.02)
        return {"question": question, "answer": question.upper()}

    for question in ["one", "two", "three", "two", "one", "one"]:
        ask(question)
"""


class Site:
    """The page of a spot under a folder. It can be stopped and started again on the same port."""

    def __init__(self, root: Path, made_by: str = MAKE) -> None:
        self.root = root
        self._env = {**os.environ, "HOME": str(root / "home"), "XDG_DATA_HOME": str(root / "data")}
        self.run(made_by)
        self.port = 0
        self.start()

    def run(self, source: str) -> None:
        """Run a script in the folder, as another process that uses the spot."""
        script = self.root / "script.py"
        script.write_text(source)
        subprocess.run([sys.executable, str(script)], cwd=self.root, env=self._env, check=True, timeout=60)

    def start(self) -> None:
        """Start the server; ``address`` opens it."""
        command = [sys.executable, "-m", "spotmagic", "ui", "demo", "--no-browser", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, cwd=self.root, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\S+", line)
        assert found, line + self._process.stdout.read()
        self.address, self.port = found[0], int(found[1])

    def stop(self) -> None:
        """End the server, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        try:
            assert self._process.wait(20) == 0
        finally:
            self._process.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()
