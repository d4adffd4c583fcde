"""``%load_ext spotmagic`` and ``%unload_ext spotmagic``: every hook in one place, so that each can be taken back."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from spotmagic import options as words
from spotmagic import originals as originals  # before the notebook puts others in their place
from spotmagic.notebook.hooks import Awaited, Completer, FirstLine, Tracebacks
from spotmagic.notebook.magics import SpotMagics

if TYPE_CHECKING:
    from spotmagic.notebook.progress import cell_display, hear_prints

__all__ = ["cell_display", "hear_prints", "load_ipython_extension", "unload_ipython_extension"]

_MISPLACED = "%spot"
_PROGRESS = ("cell_display", "hear_prints")  # of batches and jobs, whose room loading does not need


def __getattr__(name: str) -> Any:
    if name not in _PROGRESS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("spotmagic.notebook.progress"), name)


@dataclass(frozen=True, slots=True)
class _Hooks:
    magics: SpotMagics
    tracebacks: Tracebacks
    lists: tuple[tuple[list[Any], Any], ...]


_loaded: WeakKeyDictionary[Any, _Hooks] = WeakKeyDictionary()


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, their completion and the transformers. Twice is the same as once."""
    if shell in _loaded:
        return
    magics = SpotMagics(shell)
    shell.register_magics(magics)
    shell.register_magic_function(magics.misplaced, "line", _MISPLACED)
    completer = Completer(_commands, lambda: [name for name in shell.user_ns if not name.startswith("_")])
    hooks: list[tuple[list[Any], Any]] = [
        (shell.input_transformers_cleanup, FirstLine()),
        (shell.input_transformers_cleanup, magics.every_cell),
        (shell.input_transformers_post, Awaited(shell)),
        (shell.Completer.custom_matchers, completer.matcher()),
    ]
    for place, hook in hooks:
        place.append(hook)
    shell.events.register("pre_execute", magics.every_cell.begins)
    shell.events.register("post_execute", magics.every_cell.ends)
    _loaded[shell] = _Hooks(magics, Tracebacks(shell), tuple(hooks))


def unload_ipython_extension(shell: Any) -> None:
    """Take back all that loading and the magics put into the shell. Results stay where they are."""
    hooks = _loaded.pop(shell, None)
    if hooks is None:
        return
    for place, hook in hooks.lists:
        place[:] = [other for other in place if other is not hook]
    hooks.tracebacks.off()
    shell.events.unregister("pre_execute", hooks.magics.every_cell.begins)
    shell.events.unregister("post_execute", hooks.magics.every_cell.ends)
    hooks.magics.wrapping.off_all()
    manager = shell.magics_manager
    for kind, name in (("cell", "spot"), ("line", "spot"), ("line", "spot_load_ext"), ("line", _MISPLACED)):
        manager.magics[kind].pop(name, None)
    manager.registry.pop(type(hooks.magics).__name__, None)
    shell.configurables[:] = [other for other in shell.configurables if other is not hooks.magics]
    words.configure("root", None)


def _commands() -> Mapping[str, Sequence[str]]:
    from spotmagic.notebook import commands

    return commands.offers()
