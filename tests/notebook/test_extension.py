"""Loading puts hooks in, unloading takes every one out."""

# ruff: noqa: E501
from __future__ import annotations

import subprocess
import sys

import pytest


def hooks(shell):
    """Everything an extension can put into a shell, by identity."""
    manager = shell.magics_manager
    return {
        "line": {name: id(magic) for name, magic in manager.magics["line"].items()},
        "cell": {name: id(magic) for name, magic in manager.magics["cell"].items()},
        "registry": {name: id(magic) for name, magic in manager.registry.items()},
        "configurables": [id(each) for each in shell.configurables],
        "cleanup": [id(each) for each in shell.input_transformers_cleanup],
        "post": [id(each) for each in shell.input_transformers_post],
        "lines": [id(each) for each in shell.input_transformer_manager.line_transforms],
        "tokens": [id(each) for each in shell.input_transformer_manager.token_transformers],
        "ast": [id(each) for each in shell.ast_transformers],
        "matchers": [id(each) for each in shell.Completer.custom_matchers],
        "events": {name: [id(each) for each in each_list] for name, each_list in shell.events.callbacks.items()},
        "hooks": {name: id(each) for name, each in vars(shell.hooks).items()},
        "streams": [sorted(vars(sys.stdout)), sorted(vars(sys.stderr))],
        "displays": [sorted(vars(shell.display_pub)), sorted(vars(shell.displayhook)), id(sys.displayhook)],
        "names": sorted(shell.user_ns),
    }


def test_unloading_leaves_no_hook(shell):
    before = hooks(shell)
    shell.extension_manager.load_extension("spotmagic")
    assert hooks(shell) != before
    shell.extension_manager.unload_extension("spotmagic")
    assert hooks(shell) == before


def test_loading_twice_is_loading_once(shell):
    from spotmagic import load_ipython_extension

    load_ipython_extension(shell)
    once = hooks(shell)
    load_ipython_extension(shell)
    shell.extension_manager.load_extension("spotmagic")
    assert hooks(shell) == once


def test_reloading_is_loading_once(shell):
    before = hooks(shell)
    for _ in range(3):
        shell.extension_manager.reload_extension("spotmagic")
    loaded = hooks(shell)
    assert [len(loaded[kind]) - len(before[kind]) for kind in ("cleanup", "post", "matchers", "configurables")] == [
        2,
        1,
        1,
        1,
    ]


def test_unloading_what_was_not_loaded_does_nothing(shell):
    from spotmagic import unload_ipython_extension

    before = hooks(shell)
    unload_ipython_extension(shell)
    assert hooks(shell) == before


def test_unloading_takes_wrapped_targets_back(shell):
    import json

    original = json.loads
    shell.extension_manager.load_extension("spotmagic")
    shell.run_line_magic("spot_load_ext", "json:loads")
    assert json.loads is not original
    shell.extension_manager.unload_extension("spotmagic")
    assert json.loads is original


def test_loading_imports_no_heavy_package():
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'spotmagic')\n"
        "print([m for m in ('duckdb', 'anywidget', 'ipywidgets', 'numpy', 'pandas', 'spotmagic.engine.drive') if m in sys.modules])\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("name", "said"), [("%%spot", "ttl="), ("%spot", "%spot help"), ("%spot_load_ext", "module:function")]
)
def test_help_is_real_help(shell, capsys, name, said):
    shell.extension_manager.load_extension("spotmagic")
    shell.run_cell(f"{name}?")
    assert said in capsys.readouterr().out


def completions(shell, text):
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        return {text[: each.start] + each.text for each in shell.Completer.completions(text, len(text))}


def test_options_complete_in_the_shell(shell):
    shell.extension_manager.load_extension("spotmagic")
    assert completions(shell, "%%spot ke") == {"%%spot key=", "%%spot keep="}
    assert "%%spot key=a quiet" in completions(shell, "%%spot key=a ")
    assert completions(shell, "%%spot mode=re") == {"%%spot mode=record", "%%spot mode=replay"}
    assert completions(shell, "x = 1\n%spot sta") == {"x = 1\n%spot stats"}


def test_completion_in_the_body_is_not_ours(shell):
    shell.extension_manager.load_extension("spotmagic")
    shell.user_ns["keyboard"] = 1
    assert completions(shell, "%%spot key=a\nkeyb") == {"%%spot key=a\nkeyboard"}


def test_a_comment_above_the_magic_gets_a_hint(shell, capsys):
    shell.extension_manager.load_extension("spotmagic")
    result = shell.run_cell("# my cell\n%%spot key=a\nx = 1\n")
    shown = capsys.readouterr()
    assert not result.success and "x" not in shell.user_ns
    assert "not on the first line" in shown.out + shown.err and "Traceback" not in shown.out + shown.err


def test_a_wrong_option_stops_the_cell(shell, capsys):
    shell.extension_manager.load_extension("spotmagic")
    result = shell.run_cell("%%spot kye=a\nx = 1\n")
    shown = capsys.readouterr()
    assert type(result.error_in_exec).__name__ == "OptionError" and "x" not in shell.user_ns
    assert "Did you mean key?" in shown.out + shown.err


def test_options_without_code_are_told_so(shell, capsys):
    shell.extension_manager.load_extension("spotmagic")
    shell.run_cell("%spot key=a")
    shown = capsys.readouterr()
    assert "no cell" in shown.out + shown.err


def test_config_sets_what_cells_do_by_default(shell):
    from spotmagic.options import Mode

    shell.extension_manager.load_extension("spotmagic")
    magics = shell.magics_manager.registry["SpotMagics"]
    shell.run_line_magic("config", "SpotMagics.quiet = True")
    shell.run_line_magic("config", "SpotMagics.min = '3s'")
    shell.run_line_magic("config", "SpotMagics.mode = 'replay'")
    defaults = magics._defaults()
    assert (defaults.quiet, defaults.least_seconds, defaults.mode) == (True, 3.0, Mode.REPLAY)


def test_config_root_holds_until_unloaded(shell, tmp_path):
    from spotmagic.options import setting

    shell.extension_manager.load_extension("spotmagic")
    shell.run_line_magic("config", f"SpotMagics.root = '{tmp_path}'")
    assert setting("root") == str(tmp_path)
    shell.extension_manager.unload_extension("spotmagic")
    assert setting("root") is None


def test_the_panel_in_a_terminal_is_printed_once(shell, capsys, tmp_path):
    from spotmagic import Spot
    from spotmagic.spot import choose

    shell.extension_manager.load_extension("spotmagic")
    with Spot("printed", root=tmp_path) as spot:
        choose(spot)
        for cell in ("%spot panel", "import spotmagic\nspotmagic.panel()"):
            shell.run_cell(cell, store_history=True).raise_error()
            assert capsys.readouterr().out.count("spotmagic printed, as of") == 1
