"""Completion of the options of ``%%spot`` and the words of ``%spot``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spotmagic.notebook.options import FLAGS, VALUES


def options(token: str, before: str = "") -> list[str]:
    """What may stand for the beginning of an option: names, flags, and the values of a name.

    Args:
        before: the line before the token; what it names already is not offered again.
    """
    name, equals, begun = token.partition("=")
    if equals:
        offers = VALUES[name].offers if name in VALUES else ()
        return [f"{name}={offer}" for offer in offers if offer.startswith(begun)]
    given = {word.partition("=")[0] for word in before.split()}
    words = [f"{word}=" for word in VALUES if word not in given] + [word for word in FLAGS if word not in given]
    return [word for word in words if word.startswith(token)]


class Completer:
    """Completes lines that begin with ``%%spot``, ``%spot`` or ``%spot_load_ext`` and nothing else.

    Args:
        commands: the commands that exist now.
        variables: the names of the notebook, for ``inputs=``, ``ignore=`` and ``outputs=``.
    """

    def __init__(self, commands: Callable[[], Iterable[str]], variables: Callable[[], Iterable[str]]) -> None:
        self._commands, self._variables = commands, variables

    def matcher(self) -> Any:
        """The matcher to put among those of IPython's completer."""
        from IPython.core.completer import SimpleCompletion, context_matcher

        @context_matcher(identifier="spotmagic")  # type: ignore[untyped-decorator]
        def match(context: Any) -> dict[str, Any]:
            line = context.text_until_cursor
            found = [SimpleCompletion(text, type="param") for text in self.matches(line)]
            token = "" if line[-1:].isspace() else (line.split() or [""])[-1]
            return {"completions": found, "suppress": bool(found), "matched_fragment": token, "ordered": True}

        return match

    def matches(self, line: str) -> list[str]:
        """What may follow at the end of a line, as whole words."""
        words = line.split()
        if not words or words[0] not in ("%%spot", "%spot", "%spot_load_ext") or line == words[0]:
            return []
        token = "" if line[-1].isspace() else words[-1]
        before = words[1:] if not token else words[1:-1]
        if words[0] == "%spot_load_ext":
            return [word for word in ("off",) if before and word.startswith(token)]
        name, equals, begun = token.partition("=")
        if equals and name in ("inputs", "ignore", "outputs"):
            done, comma, last = begun.rpartition(",")
            return [f"{name}={done}{comma}{v}" for v in self._variables() if v.startswith(last)]
        found = options(token, " ".join(before))
        if words[0] == "%spot" and not before:
            found = [word for word in self._commands() if word.startswith(token)] + found
        return found
