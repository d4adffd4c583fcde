"""Calls that are paid for again and again: told once per function and cause, with the option that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spotmagic import files
from spotmagic.errors import Uncacheable, tell
from spotmagic.keys.registered import HANDED
from spotmagic.values.encode import TODO

_met: set[tuple[str, str]] = set()
_lock = files.ForkLock()
_LATER_FINE = "after import", "after it ran"


def tell_changed(
    name: str, changed: Iterable[str], attributes: Mapping[str, list[str]], ignorable: set[str], streams: set[str]
) -> None:
    """Tell, when it is met again, that a function changes what it is called with or reads.

    Args:
        changed: names of inputs, as in a verdict: ``llm``, ``global rows``.
        attributes: of some of them the attributes that were changed.
        ignorable: names that its ``ignore=`` takes.
        streams: arguments that are open files: without these, calls of other files would be the same call.
    """
    labels = tuple(changed)
    if _first(name, f"changed {labels}"):  # it may have been the first call alone, which fills a cache
        return
    said, options, fine = [], [], []
    for label in labels:
        root = label.rpartition(" ")[2].partition(".")[0] if " " in label else label
        own = attributes.get(label, [])
        said.append(f"`{label.rpartition(' ')[2]}`" + (f" ({', '.join(f'`{one}`' for one in own)})" if own else ""))
        narrow = [f"{label}.{one}" for one in own]
        fine += narrow
        options += narrow if root == "self" and narrow else [root] if root in ignorable else []
    todo = "Let it work on a copy"
    if streams.intersection(labels):
        todo = "Give it the path, or what the file holds"
    elif options:
        todo = f"Leave {'it' if len(labels) == 1 else 'them'} out with ignore='{','.join(dict.fromkeys(options))}'"
        if fine and options != fine:
            todo += f", or no more than that with ignore='{','.join(fine)}'"
    _tell(name, f"it changes {', '.join(said)}", todo, f"changed {labels}")


def tell_uncacheable(name: str, error: Uncacheable, ignorable: set[str]) -> None:
    """Tell that an argument, or what the function reads, has no fingerprint."""
    root = error.path.partition(".")[0].partition("[")[0]
    todo = error.todo
    if root in ignorable and todo != TODO:
        todo = f"{todo}, or leave it out with ignore='{root}'"
    elif root in ignorable:
        todo = (
            f"Leave it out with ignore='{root}', or tell what counts of it with spotmagic.register(type, fingerprint=…)"
        )
    why = f"{error.what}: {error.why}" if error.why else error.what
    _tell(f"{name} runs uncached and", why, todo, f"uncached {error.path}")


def tell_trouble(name: str, trouble: str) -> None:
    """Tell that what runs cannot be read. What a reload may mend is told when it is met again."""
    later = any(words in trouble for words in _LATER_FINE)
    if later and _first(name, trouble):
        return
    todo = (
        "Run the cell again that hands it over"
        if HANDED in trouble
        else "Reload it"
        if later
        else "Say version='v1', which stands for its code, and change it with the code"
    )
    _tell(name, trouble, todo, trouble)


def _first(name: str, cause: str) -> bool:
    """Whether a cause is met for the first time: it may be over at the next call."""
    with _lock:
        first = (name, cause) not in _met
        _met.add((name, cause))
        return first


def _tell(name: str, why: str, todo: str, cause: str) -> None:
    tell(f"{name} is paid at every call", why, todo, once=f"paid {name} {cause}")
