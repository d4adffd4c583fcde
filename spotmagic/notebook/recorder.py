"""Recording what a cell puts out, while it still goes where it always goes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import get_ident
from types import TracebackType
from typing import Any, Self

from spotmagic.notebook.events import Event, Kind

_DRAIN = 1.0  # seconds to wait at most for what programs wrote straight to the file descriptor
_MARK = "\0"  # written there last; when it arrives, all else has
_ABSENT = object()


class Recorder:
    """Records streams, displays and results of one cell as one ordered log, as a context manager.

    It overrides methods on the objects that are there (streams, display publisher, display hook), so whoever holds one
    of them is heard as well, and everything still passes through at once. What belongs to another cell (a background
    thread's print, by the parent message of the stream) is passed on and not recorded.

    Attributes:
        results: the values behind the events of kind ``result``.
    """

    def __init__(self, shell: Any) -> None:
        self._log: list[Event] = []
        self._writes: tuple[Kind, list[str]] = ("stdout", [])
        self._guard = threading.Lock()
        self.results: list[Any] = []
        self._shell = shell
        self._undo = ExitStack()
        self._muted = 0
        self._value: Any = None
        self._arrived: dict[Any, threading.Event] = {}

    @property
    def log(self) -> list[Event]:
        """What was put out so far, in order."""
        with self._guard:
            self._settle()
            return list(self._log)

    def __enter__(self) -> Self:
        self._record_stream(sys.stdout, "stdout")
        self._record_stream(sys.stderr, "stderr")
        self._record_displays(self._shell.display_pub)
        self._record_results()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                _flush_figures()
            self._drain()
        finally:
            self._undo.close()

    def _override(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = vars(owner).get(name, _ABSENT) if hasattr(owner, "__dict__") else _ABSENT
        mine = make(getattr(owner, name))
        try:
            setattr(owner, name, mine)
        except (AttributeError, TypeError):  # an object that takes no overrides: it works on, unheard
            return

        def restore() -> None:
            if vars(owner).get(name) is not mine:
                return  # somebody wrapped ours meanwhile and will call it
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.callback(restore)

    def _record_stream(self, stream: Any, kind: Kind) -> None:
        cell = _parent(stream)

        def make(write: Callable[[str], Any]) -> Callable[[str], Any]:
            def recorded(text: str) -> Any:
                arrived = self._arrived.pop(stream, None) if isinstance(text, str) and text.endswith(_MARK) else None
                text = text if arrived is None else text[:-1]
                written = write(text)
                if text and isinstance(text, str) and self._muted != get_ident() and _parent(stream) == cell:
                    self._wrote(kind, text)
                if arrived is not None:
                    arrived.set()
                return written

            return recorded

        self._override(stream, "write", make)

    def _record_displays(self, publisher: Any) -> None:
        def make_publish(publish: Callable[..., Any]) -> Callable[..., Any]:
            def recorded(data: Any, metadata: Any = None, *args: Any, **more: Any) -> Any:
                kind: Kind = "update" if more.get("update") else "display"
                display_id = str((more.get("transient") or {}).get("display_id") or "")
                self._add(Event(kind, data=dict(data), metadata=dict(metadata or {}), display_id=display_id))
                with self._mute():
                    return publish(data, metadata, *args, **more)

            return recorded

        def make_clear(clear: Callable[..., Any]) -> Callable[..., Any]:
            def recorded(wait: bool = False) -> Any:
                self._add(Event("clear", wait=bool(wait)))
                with self._mute():
                    return clear(wait)

            return recorded

        self._override(publisher, "publish", make_publish)
        self._override(publisher, "clear_output", make_clear)

    def _record_results(self) -> None:
        """Results pass ``sys.displayhook``: IPython's own, or one that ``%%capture`` put there."""
        hook, shell_hook = sys.displayhook, self._shell.displayhook

        def recorded(value: Any = None) -> Any:
            if value is None:
                return hook(value)
            known, caught = len(self.results), len(getattr(hook, "outputs", ()))
            self._value = value
            shown = hook(value)
            if len(self.results) == known:  # not by IPython's hook, or shown by the value itself
                bundles = getattr(hook, "outputs", ())[caught:]
                self._result(bundles[-1] if bundles and isinstance(bundles[-1], dict) else {})
            return shown

        def make_format(write: Callable[..., Any]) -> Callable[..., Any]:
            def formatted(data: Any, metadata: Any = None) -> Any:
                self._result({"data": data, "metadata": metadata})
                with self._mute():
                    return write(data, metadata)

            return formatted

        def make_muted(write: Callable[[], Any]) -> Callable[[], Any]:
            def muted() -> Any:
                with self._mute():
                    return write()

            return muted

        self._override(shell_hook, "write_format_data", make_format)
        self._override(shell_hook, "write_output_prompt", make_muted)
        self._override(shell_hook, "finish_displayhook", make_muted)
        self._override(shell_hook, "quiet", lambda _: lambda: False)  # whether the cell ends in ; is known here
        sys.displayhook = recorded

        def restore() -> None:
            if sys.displayhook is recorded:
                sys.displayhook = hook

        self._undo.callback(restore)

    def _result(self, bundle: Mapping[str, Any]) -> None:
        self.results.append(self._value)
        data, metadata = bundle.get("data") or {}, bundle.get("metadata") or {}
        self._add(Event("result", data=dict(data), metadata=dict(metadata)))

    def _add(self, event: Event) -> None:
        with self._guard:
            self._settle()
            self._log.append(event)

    def _wrote(self, kind: Kind, text: str) -> None:
        """Many small writes to one stream are one event: a progress bar writes for hours."""
        with self._guard:
            if self._writes[0] != kind:
                self._settle()
                self._writes = (kind, [])
            self._writes[1].append(text)

    def _settle(self) -> None:
        kind, texts = self._writes
        if texts:
            self._log.append(Event(kind, text="".join(texts)))
            texts.clear()

    @contextmanager
    def _mute(self) -> Iterator[None]:
        """In a terminal, showing something writes to a recorded stream: it must not be recorded twice."""
        before, self._muted = self._muted, get_ident()
        try:
            yield
        finally:
            self._muted = before

    def _drain(self) -> None:
        """Let the kernel's threads hand over what was written straight to the file descriptors."""
        for stream in (sys.stdout, sys.stderr):
            reader = getattr(stream, "watch_fd_thread", None)
            if reader is None or not reader.is_alive():
                continue
            arrived = self._arrived[stream] = threading.Event()
            try:
                os.write(stream._original_stdstream_fd, _MARK.encode())  # type: ignore[union-attr]
            except OSError:  # the user closed it
                continue
            arrived.wait(_DRAIN)


def _parent(stream: Any) -> Any:
    """The message whose cell a write belongs to, as ipykernel tells it; ``None`` elsewhere."""
    header = getattr(stream, "parent_header", None)
    return header.get("msg_id") if isinstance(header, dict) else None


def _flush_figures() -> None:
    """Draw the figures that the inline backend would draw after the cell."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None:
        inline.flush_figures()
