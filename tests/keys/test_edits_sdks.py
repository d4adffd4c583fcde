"""Each edit of what a call reaches gives it another key; none of what it does not reach does."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.keys.conftest import MakeKey, Project
from tests.keys.edits import OTHERS, OTHERS_MATTER, OTHERS_SAME, TEXTS, Edit

MATTER = [(name, edit) for name, text in TEXTS.items() for edit in text.matter]
SAME = [(name, edit) for name, text in TEXTS.items() for edit in text.same if edit[0] != "# no"]


def test_the_table_is_large_enough() -> None:
    assert len(MATTER) + len(OTHERS_MATTER) >= 150
    assert len(SAME) + len(OTHERS_SAME) >= 50


def key_of_text(project: Project, key_of: MakeKey, text: str, others: dict[str, str] = OTHERS) -> tuple[str, str, Any]:
    """Key and trouble of ``f`` in a module of this text, loaded anew."""
    for name, other in others.items():
        path = project.folder / f"{project.prefix}{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(other)
    for name in [name for name in sys.modules if name.startswith(project.prefix)]:
        del sys.modules[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydantic, about what an edit leaves unused
        module = project.load("main", text)
        keyed = key_of(module.f).keyed(getattr(module, "ARGS", (1,)), {})
        again = key_of(module.f).keyed(getattr(module, "ARGS", (1,)), {})
    assert keyed == again
    return keyed.key.hex(), keyed.trouble, keyed.inputs


def edited(text: str, edit: Edit) -> str:
    old, new = edit
    found = dedent(text).replace(dedent(old) if "\n" not in old else old, new)
    found = text.replace(old, new, 1)
    assert found != text, edit
    return found


@pytest.mark.parametrize(("name", "edit"), MATTER)
def test_an_edit_of_what_matters_gives_another_key(project: Project, key_of: MakeKey, name: str, edit: Edit) -> None:
    text = TEXTS[name].text
    before, trouble, _ = key_of_text(project, key_of, text)
    assert trouble == ""
    after, trouble, _ = key_of_text(project, key_of, edited(text, edit))
    assert trouble == ""
    assert after != before


@pytest.mark.parametrize(("name", "edit"), SAME)
def test_an_edit_that_does_not_matter_gives_the_same_key(
    project: Project, key_of: MakeKey, name: str, edit: Edit
) -> None:
    text = TEXTS[name].text
    before, _, told = key_of_text(project, key_of, text)
    after, _, now = key_of_text(project, key_of, edited(text, edit))
    assert after == before, {what for what in told.keys() | now.keys() if told.get(what) != now.get(what)}


@pytest.mark.parametrize(
    ("edit", "matters"), [(edit, True) for edit in OTHERS_MATTER] + [(e, False) for e in OTHERS_SAME]
)
def test_an_edit_of_a_module_matters_where_it_is_reached(
    project: Project, key_of: MakeKey, edit: Edit, matters: bool
) -> None:
    text = TEXTS["modules"].text
    before, _, _ = key_of_text(project, key_of, text)
    changed = {name: other.replace(*edit) for name, other in OTHERS.items()}
    assert changed != OTHERS
    after, _, _ = key_of_text(project, key_of, text, changed)
    assert (after != before) is matters


def test_keys_are_the_same_in_another_process_with_another_hash_seed(tmp_path: Path) -> None:
    import json
    import subprocess

    script = (
        "import sys, json; sys.dont_write_bytecode = True\n"
        "from pathlib import Path\n"
        "from tests.keys.conftest import Project, mask\n"
        "from tests.keys.edits import TEXTS\n"
        "from tests.keys.test_edits_sdks import key_of_text\n"
        "from spotmagic.keys import FunctionKey\n"
        "from spotmagic.options import mark_options\n"
        "sys.path.insert(0, sys.argv[1]); project = Project(Path(sys.argv[1])); project.prefix = 'user_'\n"
        "key_of = lambda function: FunctionKey(function, mark_options({}), mask=mask)\n"
        "print(json.dumps({name: key_of_text(project, key_of, text.text)[0] for name, text in TEXTS.items()}))\n"
    )
    said = []
    for seed in ("1", "2"):
        out = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        said.append(json.loads(out))
    assert said[0] == said[1]
