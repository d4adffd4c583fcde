"""The results of a spot: looked at, asked about, forgotten, pinned, checked and moved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from weakref import WeakValueDictionary

from spotmagic import options as words
from spotmagic.code.wrapped import Bound
from spotmagic.codecs import Undecodable
from spotmagic.engine.call import Call
from spotmagic.engine.explain import Explanation, Trace
from spotmagic.engine.running import Runs
from spotmagic.errors import OptionError
from spotmagic.spot.mark import Marked, MarkedFunction, decode_value
from spotmagic.spot.stack import Stack
from spotmagic.store.archive import Exported, load_archive, write_archive
from spotmagic.store.entry import Entry
from spotmagic.store.loading import Loaded, Pushed
from spotmagic.store.shared import SharedStore
from spotmagic.store.store import FolderStore

_LARGE = 1_000_000  # bytes: a data frame of all answers is no place for more

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog, Row, Stats, Table
    from spotmagic.catalog.answers import Rows
    from spotmagic.store import Store
    from spotmagic.store.checked import Swept, Verified


class Results:
    """What a spot holds, and what people do with it.

    Attributes:
        functions: the functions marked under the spot in this process, by name.
    """

    _stack: Stack
    functions: WeakValueDictionary[str, Marked]

    @property
    def store(self) -> Store:
        """Where the entries live."""
        return self._stack.store

    @property
    def catalog(self) -> Catalog:
        """The table about the entries."""
        return self._stack.catalog

    def entries(self, like: str | None = None, **filters: Any) -> Rows:
        """Rows about entries: filters ``kind``, ``status`` ("live"), ``order`` ("-created"), ``limit`` (1000).

        ``like`` is a glob over names ("summ*"), over arguments where it has a space ("what is the capital*"), or over
        calls ("ask(*paris*)"). ``entries(…).df()`` is a data frame of arguments and answers.
        """
        from spotmagic.catalog.answers import Rows

        return Rows(self.catalog.entries(pattern_of(like), **filters), self._answer)

    def _answer(self, row: Row) -> Any:
        """The result behind a row, or ``None`` for a large one, a cell's, an error, and what may not be loaded."""
        entry = self.store.get(bytes.fromhex(row.key)) if row.size <= _LARGE else None
        if not isinstance(entry, Entry) or entry.kind == "cell" or entry.status != "value":
            return None
        try:
            return decode_value(entry)
        except Undecodable:
            return None

    def sql(self, query: str) -> Table:
        """The answer of the catalog to a query: it sees all that any kernel wrote before. Read-only."""
        return self.catalog.sql(query)

    @overload
    def stats(self, name: str | None = None) -> Stats: ...
    @overload
    def stats(self, name: str | None = None, *, by: str) -> Table: ...
    def stats(self, name: str | None = None, *, by: str | None = None) -> Stats | Table:
        """Counts, sizes, time and money of the spot, or of one name.

        Args:
            by: ``"model"``, ``"day"`` or ``"name"``: then a table of runs, hits, tokens and money by it.
        """
        name = pattern_of(name)
        return self.catalog.stats(name) if by is None else self.catalog.spent(by, name)

    def forget(self, pattern: str) -> int:
        """Delete the entries whose name matches a pattern ("summ*"), or of one key. Returns how many.

        A pattern with a space or a bracket is one over arguments and calls too: "what is the capital*", "ask(*paris*)".
        """
        rows = self.catalog.entries(_said(pattern), status=None, limit=None)
        return self.store.forget([bytes.fromhex(row.key) for row in rows])

    def pin(self, pattern: str, pinned: bool = True) -> int:
        """Keep entries from being collected, whatever the rules say. Returns how many."""
        keys = [bytes.fromhex(row.key) for row in self.catalog.entries(_said(pattern), limit=None)]
        self.store.pin(keys, pinned)
        return len(keys)

    def name_of(self, target: Any) -> str:
        """The whole name of a function marked here, given itself or by its last words: ``ask`` for ``books.ask``.

        Any other text stays as it is, and nothing is the whole spot's.
        """
        name: str = pattern_of(target) or ""
        ends = [one for one in list(self.functions) if name and one.endswith(f".{name}")]
        return ends[0] if len(ends) == 1 and name not in self.functions else name

    def drifted(self) -> dict[str, str]:
        """The names of results made by other code or inputs than this kernel last asked with, each with its key."""
        return {name: key for name, (key, _) in self._stack.ledger.drifted().items()}

    def asked_for(self, key: str) -> Trace | None:
        """What the call of a drifted result was made from when this kernel last asked for it."""
        return next((trace for one, trace in self._stack.ledger.drifted().values() if one == key), None)

    def running_now(self) -> list[Runs]:
        """The calls that run now, in every kernel, the longest first: each with ``name``, ``kind`` and ``since``."""
        return self._stack.ledger.board.running()

    def accept(self, name: str | None = None) -> list[str]:
        """Say that edits do not matter: results stand for the code as it is now, and none is run again.

        Args:
            name: of a function marked in this process, or of a result that has drifted; all that have when not said.

        Returns:
            The names of those whose code had changed.
        """
        name = pattern_of(name)
        accepted = self._stack.ledger.accept(name)
        ends = [] if name is None else [one for one in list(self.functions) if f".{one}".endswith(f".{name}")]
        return accepted + [
            one for one in ends if self.functions[one].options.version is None and self.functions[one].accept()
        ]

    def explain(self, name: str) -> Explanation:
        """What differs between the last result of a name and the one before it."""
        return self._stack.ledger.recall.account_of(_said(name))

    def explain_call(self, call: Call) -> Explanation:
        """What differs between a call and the nearest result of its name."""
        return self._stack.ledger.explain_call(call)

    def gc(self, rules: Mapping[str, float | str] | None = None, *, dry_run: bool = False) -> Swept:
        """Remove what has expired or is older than a rule allows, and folders of jobs that ended a week ago.

        Args:
            rules: how long results may be kept, by name pattern: ``{"draft_*": "7d"}``. Pinned ones stay.
            dry_run: only say what would go, and its size.
        """
        ages = {pattern: words.parse_duration(age, f"rules[{pattern!r}]") for pattern, age in (rules or {}).items()}
        swept = self._folder_store("gc").gc(ages, dry_run=dry_run)
        if not dry_run:
            from spotmagic import jobs

            jobs.sweep(self)  # type: ignore[arg-type]
        return swept

    def verify(self, repair: bool = False) -> Verified:
        """Read everything and say what is damaged.

        Args:
            repair: remove what is damaged, so that it is run again.
        """
        return self._folder_store("verify").verify(repair=repair)

    def _folder_store(self, what: str) -> FolderStore:
        if not isinstance(self.store, FolderStore):
            raise OptionError(f"{what} needs a folder", why=f"the store is a {type(self.store).__name__}")
        return self.store

    def rebuild(self) -> None:
        """Make the catalog anew from the store."""
        self.catalog.rebuild()

    def export(self, path: str | Path, pattern: str | None = None) -> Exported:
        """Write the results of a name pattern, or all, to one archive, to be loaded elsewhere.

        Returns:
            How many, as a number; its ``unusable`` says of which others have no use, and why.
        """
        keys = [bytes.fromhex(row.key) for row in self.catalog.entries(pattern_of(pattern), status=None, limit=None)]
        return write_archive(Path(path).absolute(), self._folder_store("export").transfer, keys)

    def load(self, path: str | Path) -> Loaded:
        """Take the results of an archive that ``export`` wrote. Another user's stay under their seal (``trust``)."""
        return load_archive(Path(path), self._folder_store("load"))

    def push(self, pattern: str | None = None) -> Pushed:
        """Send the results of a name pattern, or all, to the bucket that ``remote=`` names, as far as it has them not.

        What is stored is sent by itself; this sends what was stored before there was a bucket.
        """
        keys = [bytes.fromhex(row.key) for row in self.catalog.entries(pattern_of(pattern), limit=None)]
        return self._shared_store("push").push(keys)

    def pull(self) -> Loaded:
        """Take all results of the bucket into the folder, to work without it. Deletions of people you trust hold."""
        return self._shared_store("pull").pull()

    def _shared_store(self, what: str) -> SharedStore:
        if not isinstance(self.store, SharedStore):
            raise OptionError(
                f"{what} needs a bucket", "the spot has no remote=", 'Say Spot(…, remote="s3://bucket/team")'
            )
        return self.store

    def flush(self) -> bool:
        """Make everything that was kept last over a power cut. Whether that is so now."""
        return self.store.flush()


def pattern_of(what: Any) -> Any:
    """The name of a marked function that was given in its place, and any text as it is.

    Raises:
        OptionError: for anything else, and for a text that says nothing, such as a variable that was not set.
    """
    function = what.__func__ if isinstance(what, Bound) else what
    if isinstance(function, MarkedFunction):
        return function.marked.name
    if what is None or (isinstance(what, str) and what.strip()):
        return what
    given = "the pattern is empty" if isinstance(what, str) else f"{type(what).__name__} names no results"
    raise OptionError(given, todo="Say a name, a key, '*' for all results, or a marked function")


def _said(pattern: Any) -> Any:
    """The same, where nothing may not mean everything."""
    return pattern_of("" if pattern is None else pattern)
