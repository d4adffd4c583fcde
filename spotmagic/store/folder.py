"""An open folder: its journals and segments, the index over them, and the journal of this process.

Nothing in here locks; :class:`spotmagic.store.store.FolderStore` does.
"""

from __future__ import annotations

import threading
from pathlib import Path

from spotmagic import files
from spotmagic.clock import Clock
from spotmagic.errors import tell
from spotmagic.store.entry import Piece
from spotmagic.store.index import Index, Memo, Place
from spotmagic.store.journal import Journal, Log
from spotmagic.store.layout import EPOCH, JOURNALS, Epoch, prepare
from spotmagic.store.record import HEADER, NO_KEY, frame
from spotmagic.store.segments import DamagedSegmentError, Segment
from spotmagic.store.walk import counting, journal_names, path_of, segment_names

ROTATE = 64_000_000  # a journal that grows over this is left for compaction
OPEN_LOGS = 128
LISTINGS = 5
JOINED = 65_536  # records of fewer bytes are written as one piece
RETRY = 1.0  # seconds before a file that could not be opened is tried again


class Folder:
    """The records of a folder, known as far as they were read.

    Args:
        memo: told of every change of the index.

    Raises:
        OSError: the folder cannot be made or read.
    """

    def __init__(self, folder: Path, clock: Clock, memo: Memo) -> None:
        prepare(folder)
        self.folder = folder
        self.index = Index()
        self.journal: Journal | None = None
        self.logs: dict[str, Log] = {}
        self.segments: dict[str, Segment] = {}
        self._numbered: dict[int, Log | Segment] = {}
        self._next = 0
        self._list_again_at: float | None = None  # when a file could not be opened
        self._own: Log | None = None
        self._others: list[Log] = []
        self._memo, self._changed = memo, memo.drop  # whatever changes the index says so, or a hit would be an old one
        self._clock = clock
        self.epoch = Epoch(folder / EPOCH)
        self.seen = b""  # the epoch up to which everything listed was read

    def catch_up(self) -> bool:
        """Know everything that was written before the call. Costs most when a file came or went.

        Returns:
            Whether there was anything to read: another kernel's journal, or a file that came or went.
        """
        journal = self.journal
        if journal is not None and journal.unsure:  # an interrupt came between a record and the index
            self._settle(journal)
        epoch, again = self.epoch.map[:8], self._list_again_at
        read = epoch != self.seen or (again is not None and again < self._clock.monotonic())
        if not (read or self._others):
            return False
        if read:
            self._list_again_at = None
            self._list()
            for _ in range(LISTINGS):  # a merge may have gone on meanwhile
                listed, epoch = epoch, self.epoch.map[:8]
                if epoch == listed:
                    break
                self._list()
        for log in self._others:
            if log.grew():
                read = True
                self._take(log)
        self.seen = epoch  # the one before the files were read: what moved it meanwhile is looked at the next time
        return read

    def _list(self) -> None:
        known = set(self._numbered)
        journals = journal_names(self.folder)  # before the segments: a journal goes when its segment is there
        names = segment_names(self.folder)
        for name in sorted(names - self.segments.keys() - self.logs.keys()):
            self._open_segment(name)
        journals, current = counting(journals, {name: self.segments[name] for name in names & self.segments.keys()})
        for name in sorted(journals - self.logs.keys()):
            self._open(name)
        for name in self.segments.keys() - current:
            self._drop(self.segments.pop(name))
        for name in self.logs.keys() - journals - names:
            self._drop(self.logs.pop(name))
        for log in self._living():
            self._take_last(log)
        self._others = self._living()
        if self._numbered.keys() != known:
            self._memo.recheck(self.index)

    def _living(self) -> list[Log]:
        """The journals of others that may still grow."""
        return [log for log in self.logs.values() if log.live and log is not self._own]

    def _open_segment(self, name: str) -> None:
        try:
            segment = Segment(path_of(self.folder, name), self._next)
        except FileNotFoundError:
            return
        except DamagedSegmentError as error:
            tell(str(error), todo="It is read record by record; verify(repair=True) makes it anew", once=name)
            self._open(name)
            return
        except OSError as error:
            self._left_out(name, error)
            return
        self._next += 1
        self._numbered[segment.number] = self.segments[name] = segment
        self.index.add_table(segment)

    def _open(self, name: str) -> None:
        try:
            log = Log(path_of(self.folder, name), self._next)
        except FileNotFoundError:
            return
        except OSError as error:
            self._left_out(name, error)
            return
        self._next += 1
        self._numbered[log.number] = self.logs[name] = log
        self._take_last(log)
        if not log.live and len(self.logs) > OPEN_LOGS:
            log.rest()

    def _left_out(self, name: str, error: OSError) -> None:
        tell(f"{path_of(self.folder, name)} is left out", str(error), once=f"{self.folder} {name}")
        self._list_again_at = self._clock.monotonic() + RETRY

    def _take_last(self, log: Log) -> None:
        """Take in what a log holds, for the last time when its writer is gone."""
        dead = log.dead()
        if self._take(log) and dead:
            log.live = False

    def _take(self, log: Log) -> bool:
        """Take in what was added to a log. Returns whether it could be read."""
        add, number, changed = self.index.add, log.number, self._changed
        try:
            for found in log.tail():
                if add(found, number):
                    changed(found.key)
        except OSError as error:
            tell(f"{log.path} cannot be read", str(error), "What it holds is run again", once=str(log.path))
            return False
        return True

    def _drop(self, file: Log | Segment) -> None:
        self.index.drop_file(file.number)
        del self._numbered[file.number]
        if file is self._own:
            self.leave()
        file.close()

    def find(self, key: bytes) -> Place | None:
        """Where the entry of a key lies. Journals of others are looked at before the answer is that there is none."""
        place = self.index.find(key)
        if place is None and self.catch_up():
            place = self.index.find(key)
        return place

    def read(self, place: Place) -> bytes:
        """The body of a record."""
        return self._numbered[place.file].read(place.offset, place.length)

    def append(
        self, kind: int, body: list[Piece], key: bytes = NO_KEY, group: int = 0, flags: int = 0, *, stamp: int = 0
    ) -> int:
        """Write a record to the journal of this process, in one piece if it is small. Returns the bytes it took.

        Args:
            stamp: in place of one that is later than all that is known.

        Raises:
            OSError: it could not be written; the journal is as it was before.
        """
        journal, own = self._sound_journal()
        stamp = stamp or max(int(self._clock.now() * 1e9), self.index.newest + 1)
        length = len(body[0]) if len(body) == 1 else sum(map(len, body))
        head = frame(kind, flags, stamp, key, group, body)
        try:
            journal.append([b"".join((head, *body))] if length < JOINED else [head, *body])
        except OSError as error:
            if error.errno and not error.filename:
                error.filename = str(journal.path)
            self._settle(journal)
            raise
        end = journal.end + HEADER + length
        if self.index.take(own.number, kind, flags, stamp, key, group, end - length, length, True):
            self._changed(key)
        own.read_to = journal.end = end
        journal.unsure = False
        return HEADER + length

    def _sound_journal(self) -> tuple[Journal, Log]:
        if self.journal is not None and self.journal.unsure:
            self._settle(self.journal)
        if self.journal is not None and self.journal.end > ROTATE:
            self.leave()
        if self.journal is None or self._own is None:
            (self.folder / JOURNALS).mkdir(files.PRIVATE_FOLDER, exist_ok=True)  # somebody may have removed it alone
            self.journal, self._own = self._begun()
        return self.journal, self._own

    def _begun(self) -> tuple[Journal, Log]:
        """A new journal, of which the other kernels were told: nothing is written to one that they do not look at."""
        journal = Journal(self.folder / JOURNALS, int(self._clock.now() * 1e9))
        try:
            self.bump()
            own = Log(journal.path, self._next)
        except BaseException:
            journal.close()
            journal.path.unlink(missing_ok=True)
            raise
        self._next += 1
        self._numbered[own.number] = self.logs[journal.name] = own
        return journal, own

    def _settle(self, journal: Journal) -> None:
        assert self._own is not None
        try:
            frames, end = journal.settle()
            for found in frames:
                if self.index.add(found, self._own.number):
                    self._changed(found.key)
            self._own.read_to = journal.end = end
            journal.unsure = False
        except OSError:
            self.leave()

    def leave(self) -> None:
        """Leave the journal of this process to whoever tidies up; the next record begins a new one."""
        if self.journal is None:
            return
        # Forgotten before it is closed: an interrupt in between leaves a file open, not a closed one to be written to.
        journal, own, self.journal, self._own = self.journal, self._own, None, None
        if own is not None:
            own.live = False
        self._others = self._living()
        try:
            journal.sync()
        except OSError:
            pass
        journal.close()

    def bump(self) -> None:
        """Tell other kernels that something they know may no longer hold."""
        before, after = self.epoch.bump()
        if before == self.seen:
            self.seen = after

    def whole(self) -> bool:
        """Whether the folder is still the one that was opened."""
        return self.epoch.stands() and not (self.journal is not None and self.journal.lost())

    def fork(self) -> None:
        """In a forked child: the parent keeps the journal; the child reads it like any other."""
        self.epoch.forked()
        if self.journal is None or self._own is None:
            return
        own = self._own
        self.journal.abandon()
        self.journal = self._own = None
        own.live = True
        self._others = self._living()

    def close(self) -> None:
        """Let go of every file."""
        self.leave()
        for file in self._numbered.values():
            file.close()
        self.epoch.close()

    def dead_weight(self) -> tuple[int, int]:
        """How many journals no kernel writes to any more, and their bytes: what a merge would take up."""
        dead = [log for log in self.logs.values() if not log.live]
        return len(dead), sum(log.read_to for log in dead)


SURE_FOR = 0.05  # seconds for which what was there is taken to be there


class Opening:
    """Opens a folder when it is needed and can be.

    Attributes:
        lock: held by whoever uses the folder.
        folder: the folder, while it is open.
        trouble: why it could not be opened.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.folder: Folder | None = None
        self.trouble: OSError | None = None
        self._folder = folder
        self._clock = clock
        self._retry_at = 0.0
        self._sure_until = 0.0

    def open(self, memo: Memo, *, retry: bool) -> Folder | None:
        """The folder, or ``None``.

        Args:
            memo: told of every change of its index.
            retry: try though it failed a moment ago.
        """
        now = self._clock.monotonic()
        if self.trouble is not None and not retry and now < self._retry_at:
            return None
        try:
            opened = Folder(self._folder, self._clock, memo)
            try:
                opened.catch_up()
            except BaseException:
                opened.close()
                raise
        except OSError as error:
            if error.errno and not error.filename:
                error.filename = str(self._folder)
            self.trouble = error
            self._retry_at = now + RETRY
            return None
        self.folder, self.trouble = opened, None
        return opened

    def gone(self, surely: bool = False) -> bool:
        """Whether the folder is another one now, or none, as when somebody removed it; or it may be written at last.

        Args:
            surely: look, though it was there a moment ago.
        """
        if self.folder is not None and not self.folder.epoch.writable:
            return self.folder.epoch.may_be_written()
        now = self._clock.monotonic()
        if not surely and now < self._sure_until:
            return False
        self._sure_until = now + SURE_FOR
        if self.folder is None:
            return False
        return self.folder.journal.lost() if self.folder.journal is not None else not self.folder.epoch.stands()

    def close(self) -> None:
        """Let go of the folder."""
        opened, self.folder = self.folder, None
        if opened is not None:
            opened.close()
