"""What only a real kernel shows: replies, interrupts, two kernels, outputs while the cell runs."""

# ruff: noqa: E501
from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from notebook_kernels import Kernel, collect, environment
from waiting import soon

pytestmark = pytest.mark.kernel
_numbers = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[tuple[Kernel, Kernel]]:
    kernels = tuple(Kernel(folder, environment(folder / "home")) for _ in range(2))
    yield kernels  # type: ignore[misc]
    for each in kernels:
        each.close()


@pytest.fixture
def kernels(pair: tuple[Kernel, Kernel]) -> tuple[Kernel, Kernel]:
    """Two kernels with a spot that no other test has used."""
    name = f"test{next(_numbers)}-{os.getpid()}"
    for each in pair:
        each.run("globals().pop('_', None)")
        assert each.run(f"%spot open {name}").status == "ok"
    return pair


@pytest.fixture
def kernel(kernels: tuple[Kernel, Kernel]) -> Kernel:
    return kernels[0]


def plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# errors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["", "import asyncio; await asyncio.sleep(0)\n"])
def test_an_error_stops_run_all_with_one_clean_traceback(kernel: Kernel, wait: str) -> None:
    body = f"%%spot\n{wait}def f(x):\n    return 1 / x\nprint('before')\nf(0)"
    for _ in range(2):
        output = kernel.run(body)
        trace = plain(output.traceback)
        assert (output.status, output.ename) == ("error", "ZeroDivisionError")
        assert "return 1 / x" in trace and "f(0)" in trace
        assert "spotmagic" not in trace and "run_cell_magic" not in trace
        assert [m["msg_type"] for m in output.messages].count("error") == 1
        assert ("stdout", "before\n") in output.log
        assert (
            output.verdict == "ran" and not output.badge["stored"] and "raised ZeroDivisionError" in output.badge_text
        )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return 5", ["Cell In", "return 5"]),  # it can be read and not be compiled
        ("break", ["Cell In", "break"]),
        ("def f():\n    nonlocal q", ["Cell In", "nonlocal q"]),
        ("import ast\nast.literal_eval('1 +')", ["Cell In", "ast.literal_eval('1 +')", "in parse", "1 +"]),
        ("spot_f('1 +')", ["Cell In", "spot_f('1 +')", "ast.literal_eval(text)", "1 +"]),
    ],
)
def test_what_is_no_python_is_shown_without_our_frames(kernel: Kernel, body: str, shown: list[str]) -> None:
    marked = "@spotmagic.current().mark\ndef spot_f(text):\n    import ast\n    return ast.literal_eval(text)"
    kernel.run(f"import spotmagic\n{marked}")
    output = kernel.run(f"%%spot\n{body}")
    trace = plain(output.traceback)
    assert output.ename == "SyntaxError" and "spotmagic/" not in trace and "interactiveshell" not in trace
    assert all(text in trace for text in shown) and "uncached" not in output.text


def test_a_kept_error_is_shown_as_any(kernel: Kernel) -> None:
    traces = [plain(kernel.run(f"%%spot{word}\n1/0").traceback) for word in ("", " errors", " errors")]
    assert "1/0" in traces[0] and len({re.sub(r"In\s?\[\d+\]", "In", trace) for trace in traces}) == 1


def test_a_warning_names_the_cell_and_not_the_shell(kernel: Kernel) -> None:
    text = kernel.run("%%spot name=paid price={lambda r: 1 / 0}\nx = 1").text
    assert "ipykernel_" in text and "SpotWarning: price= of paid failed" in text and "interactiveshell" not in text


def test_a_cell_is_shown_without_its_book_keeping(kernel: Kernel) -> None:
    kernel.run("%%spot name=thing\nx = 'a value'")
    text = kernel.run("%spot show thing").text
    assert "variable x" in text and "a value" in text and "changes" not in text and "linked" not in text


def test_what_the_kernel_writes_to_its_own_output_stays_text(folder: Path) -> None:
    with (folder / "kernel.log").open("wb") as log:
        kernel = Kernel(folder, environment(folder / "home"), stdout=log, stderr=log)
    output = kernel.run("%%spot\nimport os\n_ = os.system('echo hello')")
    kernel.close()
    assert output.text == "hello\n" and b"hello" in (folder / "kernel.log").read_bytes()
    assert b"\0" not in (folder / "kernel.log").read_bytes()


def test_a_name_in_the_options_is_not_taken_for_one_of_the_shell(kernel: Kernel) -> None:
    assert "Did you mean" not in kernel.run("%%spot outputs=opne\nz = 1").evalue
    assert "Did you mean answer?" in kernel.run("%%spot outputs=anser\nanswer = 1").evalue


def test_the_traceback_counts_lines_as_the_cell_does(kernel: Kernel) -> None:
    trace = plain(kernel.run("%%spot\nx = 1\n1/0").traceback)
    assert "line 3" in trace


@pytest.mark.parametrize("body", ["x = (", "x = 1\n  y = 2", "return 1", "x = = 2"])
def test_a_syntax_error_is_shown_as_that_of_any_cell(kernel: Kernel, body: str) -> None:
    kernel.run("x = 0")
    output = kernel.run(f"%%spot\n{body}")
    assert output.status == "error" and output.ename == kernel.run(body).ename
    assert kernel.value("x") == "0"


def test_system_exit_is_the_users(kernel: Kernel) -> None:
    output = kernel.run("%%spot\nraise SystemExit(3)")
    assert (output.status, output.ename) == ("error", "SystemExit")
    assert kernel.run("1").status == "ok"


def test_errors_keeps_an_error_and_what_came_before_it(kernels: tuple[Kernel, Kernel]) -> None:
    body = "%%spot errors\nfrom pathlib import Path\nPath('runs').open('a').write('x')\nprint('before')\nn = 5\nraise ValueError('no')"
    outputs = [each.run(body) for each in kernels]
    assert [output.evalue for output in outputs] == ["no", "no"]
    assert [output.verdict for output in outputs] == ["ran", "hit"]
    assert [output.log for output in outputs][1] == [("stdout", "before\n")]
    assert kernels[1].value("n") == "5"
    assert "raise ValueError" in plain(outputs[1].traceback) and "spotmagic" not in plain(outputs[1].traceback)


def test_marked_calls_inside_a_failed_cell_are_not_paid_again(kernel: Kernel) -> None:
    kernel.run(
        "import spotmagic\npaid = []\n@spotmagic.current().mark\ndef ask(x):\n    if x == 3: raise RuntimeError('busy')\n    paid.append(x)\n    return x"
    )
    body = "%%spot\nanswers = [ask(i) for i in range(5)]"
    first, again = kernel.run(body), kernel.run(body)
    assert first.status == again.status == "error"
    assert "raise RuntimeError('busy')" in plain(first.traceback) and "site-packages" not in plain(first.traceback)
    assert "spotmagic/" not in plain(first.traceback)
    assert kernel.value("paid") == "[0, 1, 2]"
    assert "3 calls inside will not be paid again" in first.badge_text


# interrupts --------------------------------------------------------------------------------------------------------------


def interrupted(kernel: Kernel, body: str, started: Path) -> tuple[object, float]:
    """What came of a cell that is interrupted once it has made a file, and the seconds that took."""
    began: list[float] = []

    def interrupt() -> None:
        assert soon(started.exists)
        began.append(time.monotonic())
        os.kill(kernel.manager.provisioner.process.pid, signal.SIGINT)  # type: ignore[union-attr]

    threading.Thread(target=interrupt).start()
    output = kernel.run(body)
    return output, time.monotonic() - began[0]


@pytest.mark.parametrize("wait", ["import time; time.sleep(20)", "import asyncio; await asyncio.sleep(20)"])
def test_an_interrupt_ends_the_cell_and_keeps_nothing(kernel: Kernel, tmp_path: Path, wait: str) -> None:
    started = tmp_path / "started"
    output, took = interrupted(kernel, f"%%spot key=slow\nopen({str(started)!r}, 'w').close()\n{wait}\nx = 1", started)
    assert output.status == "error" and output.ename in ("KeyboardInterrupt", "CancelledError")  # type: ignore[attr-defined]
    assert took < 5 and "interrupted" in output.badge_text  # type: ignore[attr-defined]
    assert kernel.run("%%spot key=slow\nx = 2").verdict == "ran"
    assert kernel.value("x") == "2"


# running -----------------------------------------------------------------------------------------------------------------


def test_outputs_show_while_the_cell_runs(kernel: Kernel, tmp_path: Path) -> None:
    """The cell goes on when its first words are there."""
    seen = tmp_path / "seen"

    def show(message: dict[str, Any]) -> None:
        if "early" in message["content"].get("text", ""):
            seen.touch()

    wait = f"for _ in range(6000):\n    if os.path.exists({str(seen)!r}): break\n    time.sleep(0.01)"
    body = f"import os, time\nprint('early', flush=True)\n{wait}\nelse: raise TimeoutError('nobody saw it')"
    reply = kernel.client.execute_interactive(f"%%spot\n{body}", output_hook=show, timeout=90)
    assert reply["content"]["status"] == "ok"


def test_two_kernels_run_it_once_and_the_other_says_that_it_waited(
    kernels: tuple[Kernel, Kernel], folder: Path
) -> None:
    body = "%%spot\nimport os, time, pathlib\ntime.sleep(1.5)\npathlib.Path(f'once-{os.getpid()}').touch()\nprint('done')\ny = 7"
    ids = []
    for each in kernels:
        ids.append(each.client.execute(body))
        time.sleep(0.3)
    outputs = []
    for each, msg_id in zip(kernels, ids, strict=True):
        reply = next(
            r
            for r in iter(lambda each=each: each.client.get_shell_msg(timeout=30), None)
            if r["parent_header"]["msg_id"] == msg_id
        )
        messages = []
        while True:
            message = each.client.get_iopub_msg(timeout=10)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            messages.append(message)
        outputs.append(collect(reply["content"], messages))
    assert len(list(folder.glob("once-*"))) == 1
    assert sorted(output.verdict for output in outputs) == ["joined", "ran"]
    assert [("stdout", "done\n")] == outputs[0].log == outputs[1].log
    assert [each.value("y") for each in kernels] == ["7", "7"]


def test_a_hit_in_a_fresh_kernel_imports_nothing_heavy(start: Callable[..., Kernel]) -> None:
    body = "%%spot\nx = 1\nprint(x)\nx"
    assert start().run(body).verdict == "ran"
    fresh = start()
    assert fresh.run(body).verdict == "hit"
    assert (
        fresh.value("sorted({'duckdb', 'anywidget', 'ipywidgets', 'numpy', 'pandas'} & set(__import__('sys').modules))")
        == "[]"
    )


def test_a_cell_keeps_nothing_when_it_was_quicker_than_min(kernel: Kernel) -> None:
    assert not kernel.run("%%spot min=5s\nx = 1").badge["stored"]
    assert kernel.run("%%spot min=5s\nx = 1").verdict == "ran"


def test_refresh_runs_again_and_keeps_the_new_result(kernel: Kernel) -> None:
    body = "import uuid\nx = uuid.uuid4().hex"
    kernel.run(f"%%spot\n{body}")
    before = kernel.value("x")
    assert kernel.run(f"%%spot refresh\n{body}").verdict == "ran"
    after = kernel.value("x")
    assert after != before
    kernel.run(f"%%spot\n{body}")
    assert kernel.value("x") == after


def test_a_cell_keeps_no_value_of_the_notebook_alive(kernel: Kernel) -> None:
    kernel.run("import weakref, gc\nclass Big: pass")
    for body, verdict in (("n = big.n", "ran"), ("n = big.n", "hit"), ("n = big.n; 1/0", "ran")):
        kernel.run("big = Big(); big.n = 1; seen = weakref.ref(big)")
        assert kernel.run(f"%%spot\n{body}").verdict == verdict
        kernel.run("del big\n_ = gc.collect()")
        assert kernel.value("seen() is None") == "True", body


def test_quiet_shows_no_badge(kernel: Kernel) -> None:
    output = kernel.run("%%spot quiet\nprint(1)")
    assert output.verdict == "none" and output.log == [("stdout", "1\n")]


def test_the_first_line_form_is_the_magic(kernel: Kernel) -> None:
    assert kernel.run("%spot key=a\nx = 1").verdict == "ran"
    assert kernel.run("# a note\n%spot key=a\nx = 1").verdict == "hit"
    assert kernel.run("%%spot key=a\nx = 1").verdict == "hit"


def test_a_pinned_key_shows_drift_until_it_is_accepted(kernel: Kernel) -> None:
    kernel.run("docs = [1, 2]")
    kernel.run("%%spot key=sum-v1\ntotal = sum(docs)")
    kernel.run("docs = [1, 2, 3]")
    drifted = kernel.run("%%spot key=sum-v1\ntotal = sum(docs) + 0")
    assert (drifted.verdict, drifted.badge["drift"]) == ("hit", ["code", "docs"])
    assert kernel.value("total") == "3"
    assert "sum-v1" in kernel.run("%spot accept").text
    accepted = kernel.run("%%spot key=sum-v1\ntotal = sum(docs) + 0")
    assert (accepted.verdict, accepted.badge["drift"]) == ("hit", [])


def test_accept_on_an_edited_cell_keeps_the_result_without_running(kernel: Kernel) -> None:
    kernel.run("runs = []")
    kernel.run("%%spot ignore=runs\nruns.append(1)\ntotal = 5")
    output = kernel.run("%%spot ignore=runs accept\nruns.append(1)\ntotal = 2 + 3")
    assert output.verdict == "hit" and kernel.value("(total, runs)") == "(5, [1])"
    assert kernel.run("%%spot ignore=runs\nruns.append(1)\ntotal = 2 + 3").verdict == "hit"


def test_a_miss_says_what_changed(kernel: Kernel) -> None:
    kernel.run("df = [1, 2]")
    kernel.run("%%spot\nn = len(df)")
    kernel.run("df = [1, 2, 3]")
    output = kernel.run("%%spot\nn = len(df)")
    assert "`df` changed" in output.badge["reason"] and output.badge["changed"] == ["df"]


def test_explain_shows_inputs_and_the_edit(kernel: Kernel) -> None:
    kernel.run("k = [1, 2]")
    kernel.run("%%spot\nn = len(k) + 1")
    kernel.run("k = 'x' * 100")
    kernel.run("%%spot\nn = len(k) + 2")
    shown = kernel.run("%spot explain").text
    assert "`k` changed" in shown and "list, 2 items" in shown and "str, 100 characters" in shown
    assert "-n = len(k) + 1" in shown and "+n = len(k) + 2" in shown
    assert kernel.run("%spot explain n").text == shown
    kernel.run("%%spot\nn = len(k) + 2")
    assert "nothing changed" in kernel.run("%spot explain").text


def test_credentials_in_the_source_are_not_kept(kernel: Kernel, folder: Path) -> None:
    kernel.run("%%spot\nkey = 'sk-abcdefghijklmnop1234'\nn = 1")
    kernel.run("%%spot\nkey = 'sk-abcdefghijklmnop1234'\nn = 2")
    shown = kernel.run("%spot explain").text
    assert "n = 2" in shown and "abcdefghijklmnop" not in shown


@pytest.mark.parametrize("word", ["inputs", "ignore", "outputs"])
def test_a_name_in_the_options_that_is_nobodys_stops_the_cell(kernel: Kernel, word: str) -> None:
    kernel.run("docs = [1]")
    output = kernel.run(f"%%spot {word}=dosc\nran = len(docs)")
    assert output.ename == "OptionError" and "Did you mean docs?" in output.evalue
    assert kernel.value("'ran' in globals()") == "False"


def test_what_cannot_be_kept_is_named_and_still_there(kernel: Kernel) -> None:
    output = kernel.run("%%spot\nimport threading\nlocks = [threading.Lock()]\nx = 1")
    assert not output.badge["stored"] and "lock" in output.badge["reason"]
    assert kernel.value("x") == "1"


def test_an_input_without_fingerprint_is_named_and_the_cell_runs(kernel: Kernel) -> None:
    kernel.run("def g():\n    yield 1\nstream = g()")
    output = kernel.run("%%spot\nx = next(stream)")
    assert output.status == "ok" and not output.badge["stored"] and "stream" in output.badge["reason"]
    assert kernel.value("x") == "1"


# with others -------------------------------------------------------------------------------------------------------------


def test_under_time_the_cell_is_kept_and_timed(kernel: Kernel) -> None:
    for verdict in ("ran", "hit"):
        output = kernel.run("%%time\n%%spot\nprint('a')\nx = 5")
        assert output.verdict == verdict and "Wall time" in output.text and "a\n" in output.text


def test_under_capture_the_cell_is_captured_on_run_and_hit(kernel: Kernel) -> None:
    for verdict in ("ran", "hit"):
        output = kernel.run("%%capture caught\n%%spot\nprint('a')\ndisplay('b')\n5")
        assert output.log == []
        assert kernel.value("(caught.stdout, [o.data['text/plain'] for o in caught.outputs][:2])") == repr(
            ("a\n", ["'b'", "5"])
        )
        assert kernel.value("caught.outputs[-1].metadata['spotmagic']['verdict']") == repr(verdict)


def test_time_inside_the_cell_is_an_output_like_any(kernel: Kernel) -> None:
    first = kernel.run("%%spot\n%time x = 5")
    assert "Wall time" in first.text
    assert kernel.run("%%spot\n%time x = 5").log == first.log


def test_off_runs_the_cell_as_it_is(start: Callable[..., Kernel], tmp_path: Path) -> None:
    off = start(SPOTMAGIC_OFF="1")
    for _ in range(2):
        output = off.run("%%spot key=a nonsense=1\nimport asyncio\nawait asyncio.sleep(0)\nprint('ran')\n5")
        assert (output.verdict, output.text) == ("none", "ran\n5")
    assert off.run("%%spot\n1/0").ename == "ZeroDivisionError"
    assert not (tmp_path / ".spotmagic").exists()


# outputs -----------------------------------------------------------------------------------------------------------------


def test_a_restored_handle_updates_the_replayed_display(kernels: tuple[Kernel, Kernel]) -> None:
    body = "%%spot\nh = display('a', display_id=True)"
    kernels[0].run(body)
    hit = kernels[1].run(body)
    assert hit.verdict == "hit"
    shown = next(m for m in hit.messages if m["msg_type"] == "display_data")["content"]["transient"]["display_id"]
    updated = kernels[1].run("h.update('b')")
    assert [
        m["content"]["transient"]["display_id"] for m in updated.messages if m["msg_type"] == "update_display_data"
    ] == [shown]


def test_replays_have_display_ids_of_their_own(kernel: Kernel) -> None:
    body = "%%spot\n_ = display('a', display_id=True)"
    ids = set()
    for _ in range(3):
        ids |= {
            m["content"]["transient"]["display_id"]
            for m in kernel.run(body).messages
            if m["msg_type"] == "display_data"
        }
    assert len(ids) == 3


def test_a_widget_comes_back_as_text(kernels: tuple[Kernel, Kernel]) -> None:
    body = "%%spot\nimport ipywidgets as w\nbar = w.IntProgress(value=3, max=4)\ndisplay(bar)\nbar.value = 4\ndel bar"
    live, hit = (each.run(body) for each in kernels)
    assert "application/vnd.jupyter.widget-view+json" in str(live.messages)
    assert hit.verdict == "hit"
    assert "application/vnd.jupyter.widget-view+json" not in str(hit.messages) and "value=4" in hit.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("slider = w.IntSlider(3)\nslider", "IntSlider"),
        ("display(w.VBox([w.Label('n'), w.HBox([w.Button(description='go')])]))", "Button"),
        ("w.interact(lambda n: print(n), n=(1, 5));", "Output"),
        ("out = w.Output()\nwith out:\n    print('inside')\ndisplay(out)", "Output"),
        ("display(w.Tab([w.Label('a'), w.Label('b')]))", "Tab"),
    ],
)
def test_a_widget_that_people_use_is_live_in_each_kernel(kernels: tuple[Kernel, Kernel], body: str, kind: str) -> None:
    for kernel in kernels:
        kernel.run("import ipywidgets as w")
        out = kernel.run(f"%%spot\n{body}")
        assert out.verdict == "ran" and f"it shows {kind}" in out.badge["reason"], out.badge_text
        assert "application/vnd.jupyter.widget-view+json" in str(out.messages)


def test_a_widget_in_a_variable_is_named_as_one(kernels: tuple[Kernel, Kernel]) -> None:
    out = kernels[0].run("%%spot\nimport ipywidgets as w\nn = 4\ns = w.IntSlider(n)")
    assert "variable s cannot be kept: it is a widget" in out.badge["reason"] and "outputs=n" in out.badge["reason"]


def test_what_programs_write_to_the_descriptors_is_kept(kernels: tuple[Kernel, Kernel]) -> None:
    body = "%%spot\nimport os\n_ = os.write(1, b'straight\\n')\nprint('end')"
    first, hit = (each.run(body) for each in kernels)
    assert "straight" in first.text and hit.verdict == "hit"
    assert "straight" in hit.text and "end" in hit.text


def test_another_cells_background_task_is_not_recorded(kernels: tuple[Kernel, Kernel]) -> None:
    kernels[0].run(
        "import asyncio\nasync def noise():\n    for _ in range(15):\n        print('noise')\n        await asyncio.sleep(0.05)\n"
        "task = asyncio.ensure_future(noise())\nawait asyncio.sleep(0)"
    )
    body = "%%spot\nimport asyncio\nawait asyncio.sleep(0.3)\nprint('mine')"
    kernels[0].run(body)
    hit = kernels[1].run(body)
    assert (hit.verdict, hit.log) == ("hit", [("stdout", "mine\n")])


def test_the_result_is_out_by_number(kernels: tuple[Kernel, Kernel]) -> None:
    body = "%%spot\nx = [1]\nx"
    for each, verdict in zip(kernels, ("ran", "hit"), strict=True):
        output = each.run(body)
        assert output.verdict == verdict
        number = next(m for m in output.messages if m["msg_type"] == "execute_result")["content"]["execution_count"]
        assert each.value(f"(Out[{number}] is x, _ is x, _{number} is x)") == "(True, True, True)"


# the words of %spot ------------------------------------------------------------------------------------------------------


def test_every_word_of_the_list_answers(kernel: Kernel) -> None:
    kernel.run("%%spot name=thing\nx = 1")
    told = kernel.run("%spot help").text
    for word in (
        "gc dry",
        "gc",
        "verify",
        "budget 5",
        "ls",
        "explain thing",
        "stats",
        "stats thing",
        "mode",
        "limits",
        "pin thing",
        "sql select count(*) as n from entries",
        "panel",
    ):
        if f"%spot {word.split()[0]}" in told:
            output = kernel.run(f"%spot {word}")
            assert output.status == "ok", output.traceback
            assert output.messages, word
    assert "thing" in kernel.run("%spot ls").text
    assert "1 result, " in kernel.run("%spot").text


def test_words_are_refused_with_their_usage(kernel: Kernel) -> None:
    for line in ("%spot pin", "%spot forget a b", "%spot verify now", "%spot mode sometimes", "%spot budget lots"):
        output = kernel.run(line)
        assert (output.status, output.ename) == ("error", "OptionError"), line
    assert "Write %spot pin PATTERN [off]" in kernel.run("%spot pin").evalue


def test_damage_is_told_and_repaired(kernel: Kernel, folder: Path) -> None:
    kernel.run("%%spot name=thing\nx = 'x' * 100\nprint(x)")
    assert "1 checked, none damaged" in kernel.run("%spot verify").text
    kernel.run("import spotmagic; spotmagic.current().flush(); place = spotmagic.current().folder")
    journal = next(Path(kernel.value("str(place)").strip("'")).glob("journal/*.log"))
    data = bytearray(journal.read_bytes())
    at = data.find(b"x" * 50)
    data[at] ^= 1
    journal.write_bytes(bytes(data))
    assert "1 damaged" in kernel.run("%spot verify").text
    assert "1 damaged, repaired" in kernel.run("%spot verify repair").text


def test_forget_says_what_it_cost(kernel: Kernel) -> None:
    kernel.run("%%spot name=thing price=0.5\nx = 1")
    assert "$0.50" in kernel.run("%spot forget thing").text
    assert kernel.run("%%spot name=thing price=0.5\nx = 1").verdict == "ran"


def test_an_unknown_word_names_the_nearest(kernel: Kernel) -> None:
    output = kernel.run("%spot explian")
    assert output.status == "error" and "Did you mean explain?" in output.evalue


def test_a_mode_holds_for_cells_by_name(kernel: Kernel) -> None:
    kernel.run("%%spot name=thing\nx = 1")
    kernel.run("%spot mode replay thing")
    missing = kernel.run("%%spot name=thing\nx = 2")
    assert (missing.status, missing.ename) == ("error", "RecordMissing")
    kernel.run("%spot mode clear thing")
    assert kernel.run("%%spot name=thing\nx = 2").verdict == "ran"


def test_a_function_of_a_library_is_wrapped_and_let_go(kernel: Kernel) -> None:
    kernel.run("import statistics\nfrom statistics import fmean")
    kernel.run("%spot_load_ext statistics:fmean")
    assert (
        kernel.value("[fmean([1, 2]), statistics.fmean([1, 2]), __import__('spotmagic').last().verdict]")
        == "[1.5, 1.5, 'hit']"
    )
    kernel.run("%spot_load_ext statistics:fmean off")
    assert kernel.value("hasattr(fmean, '__wrapped__')") == "False"


def test_kernels_run_on_the_packages_of_this_environment(kernel: Kernel) -> None:
    import ipykernel
    import IPython

    assert kernel.value("__import__('IPython').__version__") == repr(IPython.__version__)
    assert kernel.value("__import__('ipykernel').__version__") == repr(ipykernel.__version__)
