"""Recording passes everything through and misses nothing; replay gives it back."""

# ruff: noqa: E501, T201
from __future__ import annotations

import io
import logging
import sys
import threading

import pytest
from IPython.display import HTML, clear_output, display, update_display
from IPython.utils.capture import capture_output

from spotmagic.notebook import executor
from spotmagic.notebook.events import CellOutput, Replay, Shown, fold
from spotmagic.notebook.recorder import Recorder


def recorded(shell, text):
    body = executor.prepare(shell, text)
    with Recorder(shell) as recorder:
        executor.run(shell, body)
    return recorder


def told(recorder):
    return [(event.kind, event.text or event.data.get("text/plain", "")) for event in fold(recorder.log)]


def test_prints_errors_and_displays_are_heard_in_order(shell):
    shell.user_ns.update(display=display, HTML=HTML, sys=sys)
    recorder = recorded(shell, "print('a')\nprint('b', file=sys.stderr)\ndisplay('c')\nprint('d', end='')\n5")
    assert told(recorder) == [
        ("stdout", "a\n"),
        ("stderr", "b\n"),
        ("display", "'c'"),
        ("stdout", "d"),
        ("result", "5"),
    ]
    assert recorder.results == [5]


def test_everything_still_shows_at_once(shell, capsys):
    shell.user_ns.update(display=display, capsys=capsys, seen=[])
    recorded(
        shell, "print('a')\nseen.append(capsys.readouterr().out)\ndisplay('b')\nseen.append(capsys.readouterr().out)"
    )
    assert shell.user_ns["seen"] == ["a\n", "'b'\n"]


def test_a_handler_made_earlier_and_a_thread_are_heard(shell):
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("recorder test")
    logger.addHandler(handler)
    shell.user_ns.update(logger=logger, threading=threading)
    try:
        recorder = recorded(
            shell, "logger.warning('a')\nt = threading.Thread(target=print, args=('b',))\nt.start(); t.join()"
        )
    finally:
        logger.removeHandler(handler)
    assert told(recorder) == [("stderr", "a\n"), ("stdout", "b\n")]


def test_clear_and_update_are_heard(shell):
    shell.user_ns.update(display=display, clear_output=clear_output, update_display=update_display)
    recorder = recorded(
        shell,
        "print('a')\nclear_output()\nh = display('b', display_id=True)\nh.update('c')\nupdate_display('d', display_id='far')",
    )
    assert told(recorder) == [("display", "'c'"), ("update", "'d'")]


def test_a_result_that_prints_while_it_is_formatted_is_heard(shell):
    recorder = recorded(shell, "class A:\n    def __repr__(self):\n        print('hey')\n        return 'A'\nA()")
    assert told(recorder) == [("stdout", "hey\n"), ("result", "A")]


def test_a_value_that_displays_itself_is_heard_once(shell):
    shell.user_ns.update(display=display)
    recorder = recorded(shell, "class A:\n    def _ipython_display_(self):\n        display('mine')\nA()")
    assert told(recorder) == [("display", "'mine'"), ("result", "")]
    assert len(recorder.results) == 1


def test_the_semicolon_of_another_cell_does_not_silence_this_one(shell):
    """IPython asks its history whether to be quiet; the history ends with the cell before."""
    shell.run_cell("1;", store_history=True)
    assert told(recorded(shell, "5")) == [("result", "5")]


def test_what_the_body_captures_is_not_heard(shell):
    recorder = recorded(shell, "%%capture caught\nprint('a')\n5")
    assert told(recorder) == []
    assert shell.user_ns["caught"].stdout == "a\n"


def test_under_capture_the_recorder_hears_and_so_does_capture(shell):
    shell.user_ns.update(display=display)
    with capture_output() as caught:
        recorder = recorded(shell, "print('a')\ndisplay('b')\n5")
    assert told(recorder) == [("stdout", "a\n"), ("display", "'b'"), ("result", "5")]
    assert caught.stdout == "a\n"
    assert [output.data["text/plain"] for output in caught.outputs] == ["'b'", "5"]


def test_shell_commands_are_heard(shell):
    assert "here" in "".join(text for _, text in told(recorded(shell, "!echo here")))


def test_an_implicit_figure_is_heard_before_the_recorder_closes(shell):
    import matplotlib
    import matplotlib.pyplot as plt

    plt.close("all")  # those of other tests would be drawn too
    before = matplotlib.get_backend()
    matplotlib.use("module://matplotlib_inline.backend_inline")
    try:
        recorder = recorded(
            shell,
            "import matplotlib.pyplot as plt\nplt.ion()\nprint('a')\nfig, ax = plt.subplots(); _ = ax.plot([1, 2])\nprint('b')",
        )
    finally:
        matplotlib.use(before)
        matplotlib.interactive(False)
    assert [event.kind for event in fold(recorder.log)] == ["stdout", "display"]


def test_afterwards_nothing_of_ours_is_left(shell):
    owners = {"out": sys.stdout, "err": sys.stderr, "pub": shell.display_pub, "hook": shell.displayhook}
    before = {name: dict(vars(owner)) for name, owner in owners.items()}
    hook = sys.displayhook
    with pytest.raises(ZeroDivisionError):
        recorded(shell, "print(1)\n1/0")
    assert sys.displayhook is hook
    for name, owner in owners.items():
        assert {key for key in vars(owner) if key not in before[name]} - {"_buffer"} == set(), name


def test_recorders_inside_one_another_hear_each_their_own(shell):
    with Recorder(shell) as outer:
        print("a")
        with Recorder(shell) as inner:
            print("b")
        print("c")
    assert told(inner) == [("stdout", "b\n")]
    assert told(outer) == [("stdout", "a\nb\nc\n")]


def test_somebody_who_wraps_a_stream_meanwhile_keeps_their_wrap(shell):
    written = []
    with Recorder(shell):
        ours = sys.stdout.write
        sys.stdout.write = lambda text: (written.append(text), ours(text))[1]
    try:
        print("later")
        assert "later" in "".join(written)
    finally:
        del sys.stdout.write


def test_a_stream_that_takes_no_overrides_works_on(shell, monkeypatch):
    class Slotted(io.TextIOBase):
        __slots__ = ()

        def write(self, text):
            return len(text)

    class Rigid:
        __slots__ = ("texts",)

        def __init__(self):
            self.texts = []

        def write(self, text):
            self.texts.append(text)

        def flush(self):
            pass

    rigid = Rigid()
    monkeypatch.setattr(sys, "stdout", rigid)
    with Recorder(shell):
        print("a")
    assert rigid.texts == ["a", "\n"]


def replayed(shell, recorder, capsys, results=None):
    capsys.readouterr()
    replay = Replay(shell)
    with Recorder(shell) as again:
        replay.play(fold(recorder.log), recorder.results if results is None else results)
    return replay, again, capsys.readouterr().out


def test_a_replay_puts_out_the_same_in_the_same_order(shell, capsys):
    shell.user_ns.update(display=display, HTML=HTML, sys=sys)
    first = recorded(shell, "print('a')\nprint('b', file=sys.stderr)\ndisplay(HTML('<b>c</b>'))\nprint('d')")
    _, again, _ = replayed(shell, first, capsys)
    assert fold(again.log) == fold(first.log)


def test_the_last_result_is_out_and_underscore_again(shell, capsys):
    shell.execution_count = 4
    first = recorded(shell, "[1, 2]")
    shell.execution_count = 8
    replay_results = [[1, 2]]
    _, _, shown = replayed(shell, first, capsys, replay_results)
    assert shell.user_ns["_"] is replay_results[0]
    number = shell.displayhook.prompt_count
    assert shell.user_ns["Out"][number] is replay_results[0]
    assert f"Out[{number}]: [1, 2]" in shown


def test_a_result_that_was_not_kept_still_shows(shell, capsys):
    first = recorded(shell, "class A:\n    def __repr__(self): return 'an A'\nA()")
    _, _, shown = replayed(shell, first, capsys, [])
    assert "an A" in shown
    assert isinstance(shell.user_ns["_"], Shown) and repr(shell.user_ns["_"]) == "an A"


def test_a_replay_under_capture_is_captured(shell, capsys):
    first = recorded(shell, "5")
    with capture_output() as caught:
        Replay(shell).play(fold(first.log), [5])
    assert [output.data["text/plain"] for output in caught.outputs] == ["5"]


def test_made_up_display_ids_are_fresh_where_they_are_on_the_page_and_handles_follow(shell, monkeypatch):
    shell.user_ns.update(display=display)
    first = recorded(shell, "h = display('a', display_id=True)")
    handle = shell.user_ns["h"]
    seen = []
    monkeypatch.setattr(
        shell.display_pub, "publish", lambda data, metadata, **more: seen.append(more["transient"]["display_id"])
    )
    elsewhere = Replay(shell)
    elsewhere.play(fold(first.log), [])
    assert seen.pop() == handle.display_id
    replay = Replay(shell)
    replay.saw(fold(first.log))
    replay.play(fold(first.log), [])
    replay.play(fold(first.log), [])
    assert len({*seen, handle.display_id}) == 3
    stored = handle.display_id
    replay.adopt([handle, 5])
    assert handle.display_id == seen[1]
    replay.play(fold(first.log), [], {stored})
    assert seen[2] == stored


def test_display_ids_that_the_user_chose_stay(shell, monkeypatch):
    seen = []
    monkeypatch.setattr(
        shell.display_pub, "publish", lambda data, metadata, **more: seen.append(more["transient"]["display_id"])
    )
    Replay(shell).play([CellOutput("display", data={"text/plain": "a"}, display_id="chart")], [])
    assert seen == ["chart"]
