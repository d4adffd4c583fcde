"""A notebook run in a fresh kernel, with parameters in place of those of its cell tagged ``parameters``."""

from __future__ import annotations

import ast
import enum
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from spotmagic.batch.parameters import unknown_parameter
from spotmagic.code.normal import parse
from spotmagic.errors import OptionError

_INJECTED = "injected-parameters"


def run_notebook(path: Path, given: Mapping[str, Any], config: Mapping[str, Any], out: Path) -> str:
    """Run a notebook, and write it with its outputs also when it fails. Returns how it failed, or empty.

    Raises:
        OptionError: a parameter is missing, wrong or unknown. Nothing but the cells above its parameters has run.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        todo = "pip install 'spotmagic[exec]'"
        raise OptionError("a notebook needs nbclient and ipykernel to run", "they are not installed", todo) from None
    if not path.is_file():
        raise OptionError(f"{path} is not there", todo="Say the path of a notebook")
    notebook: Any = nbformat.read(path, as_version=4)
    place = next((i for i, cell in enumerate(notebook.cells) if "parameters" in _tags(cell)), None)
    wanted = {} if place is None else _wanted(notebook.cells[place].source)
    values = {name: value for name, value in config.items() if name in wanted} | dict(given)
    _check(values, wanted, given, tagged=place is not None)
    notebook.cells = [cell for cell in notebook.cells if _INJECTED not in _tags(cell)]  # of an earlier run
    injected = None
    if values and place is not None:
        injected = nbformat.v4.new_code_cell(_source(values, wanted), metadata={"tags": [_INJECTED]})
        notebook.cells.insert(place + 1, injected)
    name = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    client = NotebookClient(
        notebook, timeout=None, kernel_name=name, resources={"metadata": {"path": str(path.absolute().parent)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        if injected is not None and error.ename == "OptionError" and _failed(injected):
            raise OptionError(error.evalue) from None
        return f"{error.ename}: {error.evalue}"
    finally:
        nbformat.write(notebook, out)
    return ""


def _tags(cell: Any) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def _failed(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)


def _wanted(source: str) -> dict[str, tuple[str | None, bool]]:
    """The parameters of a cell: the annotation of each, if it has one, and whether it has a default."""
    found: dict[str, tuple[str | None, bool]] = {}
    for node in parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = ast.unparse(node.annotation), node.value is not None
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = None, True
    return found


def _check(
    values: Mapping[str, Any], wanted: Mapping[str, tuple[str | None, bool]], given: Mapping[str, Any], *, tagged: bool
) -> None:
    problems = [unknown_parameter(name, wanted) for name in given if name not in wanted]
    problems += [
        f"parameter {name} is missing" for name, (_, default) in wanted.items() if not default and name not in values
    ]
    if problems:
        said = ", ".join(f"{name}: {kind}" if kind else name for name, (kind, _) in wanted.items())
        todo = f"Expected are {said}" if said else "Tag the cell that sets them with parameters" if not tagged else ""
        raise OptionError("; ".join(problems), todo=todo)


def _source(values: Mapping[str, Any], wanted: Mapping[str, tuple[str | None, bool]]) -> str:
    """The cell that sets the parameters: the kernel knows the types that the notebook names."""
    lines = ["# Parameters", "from spotmagic.batch.parameters import cast as _cast", ""]
    for name, value in values.items():
        kind = wanted[name][0] or f"type({name})"
        lines.append(f"{name} = _cast({_plain(value)!r}, {kind}, {name!r})")
    return "\n".join([*lines, "", "del _cast"])


def _plain(value: Any) -> Any:
    """A value of a configuration as the source of a cell can have it."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, timedelta):
        return f"{value.total_seconds()}s"
    if isinstance(value, date | Path):  # a datetime is a date
        return value.isoformat() if isinstance(value, date) else str(value)
    return value
