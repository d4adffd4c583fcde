"""``spotmagic exec``: a service or a notebook, run from the command line with typed parameters."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from spotmagic.batch.notebooks import run_notebook
from spotmagic.batch.program import Program, configuration, new_program
from spotmagic.cli.place import spot_at
from spotmagic.cli.shell import FINE, INTERRUPTED, WRONG
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError
from spotmagic.spot import Spot
from spotmagic.terminal import plain, write

if TYPE_CHECKING:
    from spotmagic.batch import Batch


def execute(
    program: str | None = None,
    parameter: Sequence[str] = (),
    config: str | None = None,
    output: str | None = None,
    new: str | None = None,
    spot: str | None = None,
) -> int:
    """Run what the words name. Returns 0, 1 if inputs failed, 130 after an interrupt."""
    if new:
        path = new_program(new, Path.cwd())
        _say(f"wrote {path.name}; run it with: spotmagic exec {path.name}")
        return FINE
    if not program:
        raise OptionError("exec was given nothing to run", todo="Say a file, a package, a module or a notebook")
    given = parsed(parameter)
    if program.endswith(".ipynb"):
        path = Path(program)
        return _notebook(path, given, configuration(config, path.absolute().parent, Path.cwd()), output)
    found = Program(program)
    configured = configuration(config, found.folder, Path.cwd())
    with spot_at(spot or found.name, make=True) as keeping:
        source, service = found.made(given, configured, {Spot: keeping})
        return _serve(keeping, source, service, found.name, output)


def parsed(words: Sequence[str]) -> dict[str, str]:
    """The parameters of ``-p name=value`` words."""
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip().isidentifier():
            raise OptionError(f"-p {word} is no parameter", todo="Say -p name=value")
        given[name.strip()] = value
    return given


def _serve(spot: Spot, source: Any, service: Any, name: str, output: str | None) -> int:
    retry = Retry(on=tuple(service.retry_on)) if service.retry_on else Retry()
    options: dict[str, Any] = {"concurrency": service.concurrency, "retry": retry, "name": name}
    batch = spot.map(service.process, source, background=True, **options)
    interrupted = False
    try:
        batch.wait()
    except KeyboardInterrupt:
        interrupted = True
        _say("stopping when what runs is done; interrupt again to stop at once", sys.stderr)
        _stop(batch)
    if output:
        _told(batch, Path(output))
    failed = batch.failed
    if failed:
        source.persist_failed(failed)
    if not interrupted:
        service.finish(batch)
    _say(f"{name}: {batch.progress.done} done, {len(failed)} failed" + (", interrupted" if interrupted else ""))
    if interrupted:
        _say("all that is done is kept: run it again to go on")
        return INTERRUPTED
    return WRONG if failed else FINE


def _stop(batch: Batch) -> None:
    try:
        batch.stop()
        batch.wait()
    except KeyboardInterrupt:  # what is done is kept already; what runs is given up
        sys.stdout.flush()
        os._exit(INTERRUPTED)


def _told(batch: Batch, path: Path) -> None:
    """A line of JSON for each input."""
    with path.open("w") as out:
        for item in batch:
            told = {"index": item.index, "input": item.input}
            told |= {"value": item.value} if item.error is None else {"error": repr(item.error)}
            out.write(json.dumps(told, default=str, ensure_ascii=False) + "\n")


def _notebook(path: Path, given: dict[str, str], config: dict[str, Any], output: str | None) -> int:
    out = Path(output) if output else path.with_name(f"{path.stem}.out.ipynb")
    try:
        failed = run_notebook(path, given, config, out)
    except KeyboardInterrupt:
        _say(f"interrupted; what ran is in {out}, and all marked results are kept: run it again to go on")
        return INTERRUPTED
    _say(f"{path.name}: {failed}; see {out}" if failed else f"{path.name}: done, see {out}")
    return WRONG if failed else FINE


def _say(text: str, out: TextIO | None = None) -> None:
    """Print a line; what programs and their errors are called moves no cursor."""
    write(plain(text), out)
