"""The help that ``%%spot?`` and ``%spot?`` show."""

from __future__ import annotations

from spotmagic.notebook.options import FLAGS, VALUES

_WIDTH = 10


def cell_help() -> str:
    """What ``%%spot?`` shows."""
    words = [f"  {name + '=':{_WIDTH}} {option.about}" for name, option in VALUES.items()]
    flags = [f"  {name:{_WIDTH}} {about}" for name, about in FLAGS.items()]
    return "\n".join(
        [
            "Keep the result of a cell: the next run with the same code and inputs costs nothing.",
            "",
            "  %%spot [options]",
            "  summaries = [summarise(doc) for doc in docs]",
            "",
            "What the cell reads and writes is found. Variables, definitions, changed inputs and outputs come",
            "back, and a line under the cell says what happened and why. The options may also stand on a first line",
            "`%spot key=…`, which editors read as Python.",
            "",
            "Options are word=value or bare words, with quotes as in a shell; {expression} is a value of the notebook:",
            *words,
            *flags,
            "",
            "`%spot explain` says why a cell ran, `%spot help` lists what else there is.",
        ]
    )


def line_help() -> str:
    """What ``%spot?`` shows."""
    return "\n".join(
        [
            "Look after the notebook's spot: alone, %spot prints a one-screen status.",
            "",
            "  %spot help              the list of words: ls, explain, forget, accept, mode, stats, sql, …",
            "  %spot key=summaries-v1  as the first line of a cell: the same as %%spot key=summaries-v1, and editors",
            "                          keep their highlighting",
            "",
            "See %%spot? for the options of a cell.",
        ]
    )


def load_help() -> str:
    """What ``%spot_load_ext?`` shows."""
    return "\n".join(
        [
            "Put functions of a library under the spot without touching any code.",
            "",
            "  %spot_load_ext module:function [module:Class.method …] [ttl=7d version=… ignore=… price=… retry=…]",
            "  %spot_load_ext module:function off",
            "",
            "  %spot_load_ext cells min=3s     every cell that follows is kept when it runs longer; cells off ends it",
            "",
            "Names already imported into the notebook are wrapped too. Alone, it lists what is wrapped.",
        ]
    )
