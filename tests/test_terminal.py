"""What is written for terminals: no text moves a cursor, every window and encoding gets all of it."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotmagic import Spot
from spotmagic.terminal import Screen, columns, cut, encodable, lines, plain, write
from spotmagic.view import Number, View

HOSTILE = [
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "\x9b2J", "back\b\b\bspace", "a\rb",
    "\u202eevil", "\u2066a\u2069", "two\nlines", "\x00nul", "a\u2028b", "\x7f", "half \udc80", "\x1bc",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_obeyed_wherever_it_stands(text: str) -> None:
    view = View(text, [text], ["a", text], [[text, 1]], f"+{text}", [View(rows=[(text, text)])])
    for screen in (Screen(), Screen(30), Screen(200, colours=True)):
        shown = [re.sub(r"\x1b\[\d*m", "", line) for line in lines(view, screen)]
        assert all(char.isprintable() for line in shown for char in line), shown


@given(st.text())
def test_a_text_takes_one_line_and_keeps_what_can_be_read(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown and "\x1b" not in shown
    assert [char for char in text if char.isalnum()] == [
        char for char in shown if char.isalnum()
    ] or not text.isprintable()


@given(st.text("ab東京é\u0301🎉", max_size=30), st.integers(0, 30))
def test_a_cut_text_takes_no_more_columns_than_there_are(text: str, width: int) -> None:
    assert columns(cut(text, width)) <= width
    assert columns(text) > width or cut(text, width) == text


@given(
    st.lists(st.tuples(st.text(max_size=60), st.integers(0, 10**9), st.text(max_size=20)), min_size=1, max_size=5),
    st.integers(10, 120),
)
def test_a_table_never_passes_its_window(rows: list[tuple[str, int, str]], width: int) -> None:
    view = View(columns=("name", Number("size"), "why"), rows=[(a, f"{b:,}", c) for a, b, c in rows])
    printed = list(lines(view, Screen(width)))
    assert all(columns(line) <= width for line in printed)
    if width > 30:
        assert all(f"{size:,}" in "\n".join(printed) for _, size, _ in rows)


def test_a_file_gets_whole_texts_without_colours() -> None:
    out = io.StringIO()
    long = "x" * 500
    for line in lines(View("t", columns=("a", "b"), rows=[(long, "y")], diff="+new\n-old"), Screen.of(out)):
        write(line, out)
    assert long in out.getvalue() and "\x1b" not in out.getvalue()


class Ascii(io.StringIO):
    encoding = "ascii"


def test_an_encoding_that_lacks_letters_gets_them_in_other_ways() -> None:
    assert encodable("3 µs · é…", Ascii()) == "3 us - \\xe9..."
    assert encodable("half \udc80", Ascii()) == "half \\udc80"
    assert encodable("3 µs · é…", io.TextIOWrapper(io.BytesIO(), "utf-8")) == "3 µs · é…"


def double(q: str) -> str:
    return 2 * q


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Spot("demo", root=tmp_path_factory.mktemp("root")) as spot:
        spot.mark(price=0.5)(double)("a question of more letters than a narrow window has columns, é and 東京 " * 3)
        return spot.folder


def on_terminal(spot: Path, width: int, *words: str, **environment: str) -> str:
    """What the command line writes to a terminal of so many columns."""
    import fcntl
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    beside = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
    command = [sys.executable, "-m", "spotmagic", *words, "--spot", str(spot)]
    with subprocess.Popen(command, stdout=follower, env={**beside, "TERM": "xterm", **environment}) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
        assert process.wait(60) == 0
    os.close(leader)
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(("width", "environment"), [(40, {}), (80, {"NO_COLOR": "1"}), (200, {"TERM": "dumb"})])
def test_a_list_on_a_terminal(spot: Path, width: int, environment: dict[str, str]) -> None:
    written = on_terminal(spot, width, "ls", **environment)
    assert ("\x1b[1m" in written) == (not environment)
    shown = re.sub(r"\x1b\[\d*m", "", written).splitlines()
    assert all(columns(line) <= width for line in shown) and "$0.50" in written
    assert max(map(columns, shown)) > min(width, 100) - 15, "the width is used"


def test_a_pipe_in_an_ascii_locale_gets_whole_texts(spot: Path) -> None:
    command = [sys.executable, "-m", "spotmagic", "ls", "--spot", str(spot)]
    environment = {**os.environ, "LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=True, timeout=60)
    assert done.stdout.isascii() and b"..." in done.stdout and b"\\u6771" not in done.stdout[:20]
    assert len(done.stdout.splitlines()) == 2 and b"\x1b" not in done.stdout


def test_help_comes_soon_after_python_itself() -> None:
    """It loads none of what answers; its time is in the notes of the change."""
    heavy = "duckdb msgpack IPython anywidget numpy asyncio spotmagic.spot spotmagic.catalog spotmagic.store".split()
    code = (
        "import sys; from spotmagic.cli import main; assert main(['--help']) == 0;"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.strip() == "[]"


@given(st.text("ab 東京é🎉", max_size=80), st.integers(10, 60))
def test_long_texts_are_folded_and_lose_nothing(text: str, width: int) -> None:
    view = View(text, [f"  {text}"], rows=[("name", text)])
    printed = list(lines(view, Screen(width)))
    assert all(columns(line) <= max(width, 4 + 2 + 12) for line in printed)
    assert "".join("".join(printed).split()) == "".join(f"{text}{text}name{text}".split())
