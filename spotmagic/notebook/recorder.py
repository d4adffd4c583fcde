"""Recording what a cell puts out, while it still goes where it always goes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import get_ident
from typing import Any, Self

from spotmagic.notebook.events import CellOutput, Kind
from spotmagic.reads import typed

_DRAIN = 1.0  # seconds to wait at most for what programs wrote straight to the file descriptor
_MARK = "\x16"  # written there last; when it arrives, all else has. It shows nowhere, and a log with a NUL is no text
_ABSENT = object()


class Listener:
    """Somebody who hears what one cell puts out, as a context manager.

    The methods of the objects that are there (streams, display publisher, display hook) are overridden while anybody
    listens, and each thing put out is asked for where it belongs: so cells that run at once stay apart, and whoever
    holds one of those objects goes on holding the real one.
    """

    mutes = False
    lost = False  # what the cell wrote did not all pass here: IPython put a stream back when another cell ended

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._streams: list[_Override] = []
        self._undo = ExitStack()
        self._thread = 0
        self._older: frozenset[int | None] = frozenset()
        self._parents: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._thread = get_ident()
        # what they put out is not of this cell
        self._older = frozenset(one.ident for one in threading.enumerate()) - {self._thread}
        hook = self._shell.displayhook
        for owner in (sys.stdout, sys.stderr, self._shell.display_pub, hook):
            self._parents[id(owner)] = _parent(owner)
        with _lock:
            for stream in (sys.stdout, sys.stderr):
                self._override(stream, "write", _stream)
            self._override(self._shell.display_pub, "publish", _publish)
            self._override(self._shell.display_pub, "clear_output", _clear)
            self._override(hook, "compute_format_data", _compute)
            for name in ("write_format_data", "write_output_prompt", "finish_displayhook"):
                self._override(hook, name, _shown)
            self._override(hook, "quiet", _quiet)
            if getattr(self._shell, "kernel", None) is not None:
                self._override(self._shell.kernel, "_input_request", _input)
            _listening.append(self)
            self._undo.callback(_listening.remove, self)
        return self

    def __exit__(self, *_: object) -> None:
        with _lock:  # two cells that end at once put back one after the other
            self.lost = not all(one.is_reached() for one in self._streams)  # while the overrides are still there
            self._undo.close()

    def hears(self, owner: Any) -> bool:
        """Whether what is put out here and now belongs to this cell.

        By the message that the kernel has as its cause, and by the thread: ipykernel gives threads that earlier cells
        started the running cell for a parent.
        """
        if self._parents.get(id(owner), self) != _parent(owner):
            return False
        here = get_ident()
        return here not in self._older or here == _reader(owner) or _told_by_context(owner)

    def _override(self, owner: Any, name: str, make: Callable[[Any, Any], Any]) -> None:
        """Override a method for as long as anybody listens to it."""
        known = _overrides.get((id(owner), name))
        if known is None or not known.is_reached():
            before = vars(owner).get(name, _ABSENT) if hasattr(owner, "__dict__") else _ABSENT
            mine = make(owner, getattr(owner, name))
            try:
                setattr(owner, name, mine)
            except (AttributeError, TypeError):  # an object that takes no overrides: it works on, unheard
                return
            known = _overrides[id(owner), name] = _Override(owner, name, before, mine)
        if name == "write":
            self._streams.append(known)
        known.listeners += 1
        self._undo.callback(known.release)


class _Override:
    """A method that was overridden, and for how many."""

    def __init__(self, owner: Any, name: str, before: Any, mine: Any) -> None:
        self._owner, self._name, self._before, self.mine = owner, name, before, mine
        self.listeners = 0
        self.passed = False

    def is_reached(self) -> bool:
        """Whether what is written to a stream passes here."""
        if self._name != "write":
            return True
        self.passed = False
        self._owner.write("")
        return self.passed

    def release(self) -> None:
        """One listener less; the last one puts back what was there."""
        self.listeners -= 1
        if self.listeners:
            return
        if _overrides.get((id(self._owner), self._name)) is self:
            del _overrides[id(self._owner), self._name]
        if vars(self._owner).get(self._name) is not self.mine:
            return  # somebody wrapped ours meanwhile and will call it
        if self._before is _ABSENT:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)


_listening: list[Listener] = []
_overrides: dict[tuple[int, str], _Override] = {}
_lock = threading.RLock()


class Silence(Listener):
    """What the cell puts out meanwhile is not shown: a definition that a hit runs again put it out before."""

    mutes = True


def _heard(owner: Any) -> tuple[list[Recorder], bool]:
    """Who hears what is put out here, and whether it is not shown at all."""
    found = [one for one in tuple(_listening) if one.hears(owner)]
    if any(one.mutes for one in found):
        return [], True
    return [one for one in found if isinstance(one, Recorder)], False


def _stream(stream: Any, write: Callable[[str], Any]) -> Callable[[str], Any]:
    kind: Kind = "stderr" if stream is sys.stderr else "stdout"

    def recorded(text: str) -> Any:
        known = _overrides.get((id(stream), "write"))
        if known is None or known.mine is not recorded:  # left behind by somebody who put it back
            return write(text)
        if not text:
            known.passed = True
        arrived: list[threading.Event] = []
        if isinstance(text, str) and _MARK in text and get_ident() == _reader(stream):
            text, arrived = _without_marks(text, _waiting.get(id(stream), []))
        recorders, muted = _heard(stream)
        written = len(text) if muted else write(text)
        if text and isinstance(text, str):
            for one in recorders:
                one.wrote(kind, text)
        for mark in arrived:
            mark.set()
        return written

    return recorded


def _publish(publisher: Any, publish: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(data: Any, metadata: Any = None, *args: Any, **more: Any) -> Any:
        recorders, muted = _heard(publisher)
        if muted:
            return None
        kind: Kind = "update" if more.get("update") else "display"
        display_id = str((more.get("transient") or {}).get("display_id") or "")
        for one in recorders:
            one.add(CellOutput(kind, data=dict(data), metadata=dict(metadata or {}), display_id=display_id))
        with _deaf(recorders):
            return publish(data, metadata, *args, **more)

    return recorded


def _clear(publisher: Any, clear: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(wait: bool = False) -> Any:
        recorders, muted = _heard(publisher)
        if muted:
            return None
        for one in recorders:
            one.add(CellOutput("clear", wait=bool(wait)))
        with _deaf(recorders):
            return clear(wait)

    return recorded


def _compute(hook: Any, compute: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(value: Any) -> Any:
        recorders, _ = _heard(hook)
        data, metadata = made = compute(value)
        for one in recorders:
            one.result(value, {"data": data, "metadata": metadata})
        return made

    return recorded


def _shown(hook: Any, show: Callable[..., Any]) -> Callable[..., Any]:
    """What shows a result that was recorded already: in a terminal it writes to a recorded stream."""

    def shown(*args: Any, **more: Any) -> Any:
        recorders, muted = _heard(hook)
        if muted:
            return None
        with _deaf(recorders):
            return show(*args, **more)

    return shown


def _quiet(hook: Any, quiet: Callable[[], bool]) -> Callable[[], bool]:
    """Whether a recorded cell ends in ``;`` is known to us; IPython would look at the magic's text."""
    return lambda: quiet() if not any(one.hears(hook) for one in tuple(_listening)) else False


def _input(_: Any, request: Callable[..., Any]) -> Callable[..., Any]:
    def asked(*args: Any, **more: Any) -> Any:
        for one in tuple(_listening):
            if isinstance(one, Recorder):
                one.asked = True
        typed.note_typed()  # a marked call inside the cell does
        return request(*args, **more)

    return asked


@contextmanager
def _deaf(recorders: list[Recorder]) -> Iterator[None]:
    """Inside, this thread's writes are those of a display that was recorded."""
    before = [(one, one.deaf) for one in recorders]
    for one in recorders:
        one.deaf = get_ident()
    try:
        yield
    finally:
        for one, thread in before:
            one.deaf = thread


_waiting: dict[int, list[threading.Event]] = {}  # by stream, who wrote a mark: cells that end at once do


class Recorder(Listener):
    """Records streams, displays and results of one cell as one ordered log.

    Attributes:
        results: the values behind the events of kind ``result``.
        asked: whether the cell asked the user for input; None where nobody can tell.
        deaf: the thread whose writes to streams are recorded already as what they show.
    """

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._log: list[CellOutput] = []
        self._writes: tuple[Kind, list[str]] = ("stdout", [])
        self._guard = threading.Lock()
        self.results: list[Any] = []
        self.deaf = 0
        self.asked: bool | None = None if getattr(shell, "kernel", None) is None else False

    @property
    def log(self) -> list[CellOutput]:
        """What was put out so far, in order."""
        with self._guard:
            self._settle()
            return list(self._log)

    def __enter__(self) -> Self:
        super().__enter__()
        if sys.displayhook is not self._shell.displayhook:
            self._record_other_hook(sys.displayhook)
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            if raised[0] is None:
                inline = sys.modules.get("matplotlib_inline.backend_inline")
                if inline is not None:  # which would draw its figures after the cell
                    inline.flush_figures()
            if all(one.is_reached() for one in self._streams):
                self._drain()
        finally:
            super().__exit__()

    def _record_other_hook(self, hook: Any) -> None:
        """Under ``%%capture`` results pass another hook, whose call cannot be overridden on the object."""

        def recorded(value: Any = None) -> Any:
            if value is None or self._thread != get_ident():
                return hook(value)
            caught = len(getattr(hook, "outputs", ()))
            shown = hook(value)
            bundles = getattr(hook, "outputs", ())[caught:]
            self.result(value, bundles[-1] if bundles and isinstance(bundles[-1], dict) else {})
            return shown

        def restore() -> None:
            if sys.displayhook is recorded:
                sys.displayhook = hook

        sys.displayhook = recorded
        self._undo.callback(restore)

    def result(self, value: Any, bundle: Mapping[str, Any]) -> None:
        """A result and what it shows."""
        self.results.append(value)
        data, metadata = bundle.get("data") or {}, bundle.get("metadata") or {}
        self.add(CellOutput("result", data=dict(data), metadata=dict(metadata)))

    def add(self, event: CellOutput) -> None:
        """One thing that was put out."""
        with self._guard:
            self._settle()
            self._log.append(event)

    def wrote(self, kind: Kind, text: str) -> None:
        """A write to a stream. Many small ones are one event: a progress bar writes for hours."""
        if self.deaf == get_ident():
            return
        with self._guard:
            if self._writes[0] != kind:
                self._settle()
                self._writes = (kind, [])
            self._writes[1].append(text)

    def _settle(self) -> None:
        kind, texts = self._writes
        if texts:
            self._log.append(CellOutput(kind, text="".join(texts)))
            texts.clear()

    def _drain(self) -> None:
        """Let the kernel's threads hand over what was written straight to the file descriptors."""
        for stream in (sys.stdout, sys.stderr):
            reader = getattr(stream, "watch_fd_thread", None)
            if reader is None or not reader.is_alive():
                continue
            arrived, waiting = threading.Event(), _waiting.setdefault(id(stream), [])
            waiting.append(arrived)
            try:
                os.write(stream._original_stdstream_fd, _MARK.encode())  # type: ignore[union-attr]
            except OSError:  # the user closed it
                pass
            else:
                arrived.wait(_DRAIN)
            if arrived in waiting:
                waiting.remove(arrived)


def _without_marks(text: str, waiting: list[threading.Event]) -> tuple[str, list[threading.Event]]:
    """A text without the marks in it, and who wrote them. What is one too many is the user's own."""
    arrived = []
    while waiting and _MARK in text:
        text = "".join(text.rsplit(_MARK, 1))
        arrived.append(waiting.pop(0))
    return text, arrived


def _parent(stream: Any) -> Any:
    """The message whose cell a write belongs to, as ipykernel tells it; ``None`` elsewhere."""
    header = getattr(stream, "parent_header", None)
    return header.get("msg_id") if isinstance(header, dict) else None


def _reader(stream: Any) -> int | None:
    """The kernel's thread that hands over what programs write straight to the file descriptor."""
    return getattr(getattr(stream, "watch_fd_thread", None), "ident", None)


def _told_by_context(owner: Any) -> bool:
    """Whether the parent message is that of this context (``asyncio.to_thread``), not the kernel's latest."""
    known = getattr(owner, "_parent_header", None)
    return isinstance(known, ContextVar) and known.get(None) is not None
