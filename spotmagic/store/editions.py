"""Results of one call over other contents of the files it read: which of them holds now.

The newest lies under the call's key, with the files in its notes; each one before it lies under a key of its own, made
of the call's key and what the files held, and the newest knows them all.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeGuard

import xxhash

from spotmagic.originals import dumps, loads, time_ns
from spotmagic.reads import looks
from spotmagic.reads.noting import FileState, Noting, ask, is_noting, note
from spotmagic.reads.supposed import RECENT, state_now
from spotmagic.store.entry import NO_INPUTS, Bad, Entry
from spotmagic.values.notes import is_secret_name

FILES, EDITIONS, OUTCOMES = "files", "editions", "outcomes"
LABEL = "file "
VARIABLE = "variable "
CODE = "code "
"""They begin the names of files, of variables and of code that a run asked for among the inputs of a result."""
_LABELS = {**dict.fromkeys(looks.VARIABLES, VARIABLE), looks.CODE: CODE}
_LARGE = 256_000_000  # bytes; above, size and time of change stand for the content
_CHUNK = 1 << 20
_NEVER = -1
_MISSING = "missing"
_MOST = 64  # editions of one call; the oldest are forgotten, and run again
_stat = os.stat  # never the noting one

Get = Callable[[bytes], "Entry | Bad | None"]


class File(NamedTuple):
    """A file as a run read it. One that was not there has no state; ``changed`` is -1 where it proves nothing.

    ``changed`` is the time that the system keeps and nobody can set, as tools do with the time of writing.

    A question that a run asked of the file system has its kind, below -1, in the place of the size (``looks.py``).
    """

    path: str
    size: int | None
    changed: int | None
    inode: int | None
    digest: str


def _is_question(size: int | None) -> TypeGuard[int]:
    """Whether what stands in the place of a size is the kind of a question."""
    return size is not None and size < _NEVER


@lru_cache(maxsize=2048)
def files_of(text: str) -> tuple[File, ...]:
    """The files that a note tells of. One that makes no sense, as another writer's may, never holds."""
    try:
        found = tuple(File(*fields) for fields in loads(text))
        if all(
            isinstance(file.path, str)
            and "\0" not in file.path
            and isinstance(file.digest, str)
            and (file.size is None or type(file.size) is int)
            for file in found
        ):
            return found
    except (ValueError, TypeError, RecursionError):
        pass
    return (File("its list of files", _NEVER, _NEVER, _NEVER, ""),)


def _known(entry: Entry) -> list[list[Any]]:
    """The editions that an entry of ours knows: the key of each, and what its files held."""
    return loads(entry.notes.get(EDITIONS, "[]")) if entry.trusted else []


def unchanged(text: str) -> bool:
    """Whether all files of a note hold what they held."""
    for path, size, changed_at, inode, known in files_of(text):
        if size is not None and size < _NEVER:
            if _held(path, size) != known:
                return False
            continue
        try:
            now = _stat(path)  # every hit passes here
        except (OSError, ValueError):
            if size is None:
                continue
            return False
        # A file whose content was put back as it was holds what it held, whatever its times say.
        same = now.st_ctime_ns == changed_at and now.st_size == size and now.st_ino == inode
        if not same and _digest(path) != known:
            return False
    return True


def changed(notes: Mapping[str, str]) -> tuple[str, ...]:
    """The labels of the files that hold something else now."""
    files = files_of(notes.get(FILES, "[]"))
    return tuple(_label(file) for file in files if _held(file.path, file.size) != file.digest)


def labels(notes: Mapping[str, str]) -> dict[str, bytes]:
    """What the files of a result hold now, as inputs."""
    files = files_of(notes.get(FILES, "[]"))
    return {_label(file): _print(_held(file.path, file.size)) for file in files}


def _label(file: File) -> str:
    return _LABELS.get(file.size or 0, LABEL) + file.path


def as_now(notes: Mapping[str, str]) -> Mapping[str, str]:
    """The notes of a result that stands for its files as they are now."""
    if FILES not in notes:
        return notes
    found = []
    for file in files_of(notes[FILES]):
        if _is_question(file.size):
            found.append(file._replace(digest=_held(file.path, file.size)))
            continue
        state = state_now(file.path)
        if state is None:
            found.append(File(file.path, None, None, None, _MISSING))
        else:
            found.append(File(file.path, state.size, _NEVER, state.inode, _digest(file.path)))
    return {**notes, FILES: dumps(found)}


def holding(get: Get, found: Entry | Bad | None) -> tuple[Entry | Bad | None, tuple[str, ...]]:
    """The edition of a call that holds for the files as they are, or the labels of those that changed."""
    if not isinstance(found, Entry) or FILES not in found.notes:
        return found, ()
    now = current(get, found)
    return now, () if now is not None else changed(found.notes)


def current(get: Get, entry: Entry) -> Entry | None:
    """The edition of an entry that holds for the files as they are now. The run around the call reads them too."""
    if not unchanged(entry.notes[FILES]):
        found = next(_others(get, entry), None)
        if found is None:
            return None
        entry = found
    hand_up(entry)
    return entry


def hand_up(entry: Entry) -> None:
    """Let the run around a hit read the files that the result was made from."""
    if is_noting():
        for file in files_of(entry.notes.get(FILES, "[]")):
            if _is_question(file.size):
                where = file.path if file.size in looks.BY_NAME else os.path.abspath(file.path)  # noqa: PTH100
                ask(file.size, where, looks.names(file.size, where))
            else:
                note(file.path)


def _others(get: Get, entry: Entry) -> Any:
    for key, pairs in reversed(_known(entry)):
        if all(_held(path, kind[0] if kind else None) == known for path, known, *kind in pairs):
            found = get(bytes.fromhex(key))
            if isinstance(found, Entry):
                yield found


def editions(key: bytes, entry: Entry | Bad | None) -> list[bytes]:
    """The keys of all editions of a call."""
    if not isinstance(entry, Entry):
        return [key]
    before = [outcome_key(key, number) for number in range(outcomes_of(entry))]
    return [key, *(bytes.fromhex(one) for one, _ in _known(entry)), *before]


def outcomes_of(entry: Entry) -> int:
    """How many outcomes of a call were recorded before this one, each under a key of its own (mode record)."""
    text = entry.notes.get(OUTCOMES, "0")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def outcome_key(key: bytes, number: int) -> bytes:
    """The key of an outcome that was recorded before the newest one."""
    return blake2b(key + number.to_bytes(8, "little"), digest_size=16, person=b"outcome").digest()


def one_more(new: Entry, get: Get) -> tuple[Entry, Entry | None]:
    """An outcome recorded in mode record, which knows how many were before it, and the last one, to be put aside."""
    old = get(new.key)
    if not isinstance(old, Entry) or not old.trusted or old.status == "partial":
        return new, None
    before = outcomes_of(old)
    notes = {name: text for name, text in old.notes.items() if name not in (OUTCOMES, EDITIONS)}
    aside = old._replace(key=outcome_key(new.key, before), notes=notes)
    return new._replace(notes={**new.notes, OUTCOMES: str(before + 1)}), aside


def after(new: Entry, get: Get) -> tuple[Entry, Entry | None]:
    """A new result, which knows the editions before it, and the one to be put again under a key of its own."""
    old = get(new.key)
    if not isinstance(old, Entry) or FILES not in old.notes:
        return new, None
    known = _known(old)
    pairs, held = _pairs(old), _pairs(new)
    aside = None
    if pairs != held and old.trusted and old.status in ("value", "error"):
        key = blake2b(new.key + dumps(pairs).encode(), digest_size=16, person=b"edition").digest()
        notes = {name: text for name, text in old.notes.items() if name != EDITIONS}
        aside = old._replace(key=key, notes=notes)
        known = [*(one for one in known if one[0] != key.hex()), [key.hex(), pairs]][-_MOST:]
    return (new._replace(notes={**new.notes, EDITIONS: dumps(known)}) if known else new), aside


def _pairs(entry: Entry) -> list[list[Any]]:
    return [
        [file.path, file.digest, *([file.size] if _is_question(file.size) else [])]
        for file in files_of(entry.notes.get(FILES, "[]"))
    ]


class Settled(NamedTuple):
    """What a run read, once it ended: what is noted of it, as inputs, and what forbids to keep the result."""

    note: str = ""
    inputs: Mapping[str, bytes] = NO_INPUTS
    obstacle: str = ""


_NOTHING = Settled()


class _NotSteady(Exception):
    """What a run read was not the same from its beginning to its end. The text says so."""


def settle(noting: Noting, declared: Collection[str], ignore: Iterable[str]) -> Settled:
    """What a run read.

    A run that opened ``data.csv`` gives the note ``[["data.csv", 120, <time of change>, <inode>, "9c1f…"]]`` and the
    input ``file data.csv``. If the file is another one by now, nobody knows which of the two made the result.

    Args:
        declared: files that count though the run was not seen to read them.
        ignore: names and patterns; those with a dot, a slash or a star may be of files.
    """
    if noting.trouble:
        return Settled(obstacle=noting.trouble)
    if not (declared or noting.files or noting.looks):
        return _NOTHING
    patterns = [name for name in ignore if is_pattern(name)]
    seen = dict(noting.files)
    for path in declared:
        where = os.path.abspath(os.path.join(noting.folder, os.path.expanduser(path)))  # noqa: PTH100, PTH111, PTH118
        if where not in seen:
            seen[where] = state_now(where)
    found: list[File] = []
    inputs: dict[str, bytes] = {}
    try:
        for path, state in seen.items():
            name = _relative(path, noting.folder)
            if path in noting.files and any(_matches(name, pattern) for pattern in patterns):
                continue
            file = _read_file(noting, path, name, state)
            if file is not None:
                found.append(file)
                inputs[LABEL + name] = _print(file.digest)
        for (kind, path), answer in noting.looks.items():
            if path in seen and kind == looks.PRESENT:
                continue  # all of the file counts
            asked = _asked(noting, kind, path, answer, patterns)
            if asked is not None:
                found.append(asked)
                inputs.setdefault(_label(asked), _print(asked.digest))
    except _NotSteady as error:
        return Settled(obstacle=str(error))
    note = dumps(sorted(found, key=lambda file: (file.path, file.digest))) if found else ""
    return Settled(note, inputs)


def _read_file(noting: Noting, path: str, name: str, state: FileState | None) -> File | None:
    """A file that a run read in a state, as it is noted; ``None`` for one that the run made and removed."""
    now = state_now(path)
    if now is None and state is not None and state.mtime >= noting.began:
        return None
    if path in noting.rewritten:
        raise _NotSteady(f"changed `{name}`")
    # Looked at before and after it is read: between the two looks it was what was read.
    digest = _digest(path)
    if now != state or state_now(path) != state:
        raise _NotSteady(f"`{name}` changed while it ran")
    if state is None:
        return File(name, None, None, None, _MISSING)
    changed_at = _NEVER if _is_young(state.changed) else state.changed
    return File(name, state.size, changed_at, state.inode, digest)


def _asked(noting: Noting, kind: int, path: str, answer: list[str], patterns: list[str]) -> File | None:
    """A question that a run asked, as it is noted; ``None`` for one that does not count."""
    if kind == looks.CODE:
        answer = [] if any(one.startswith(f"{path}.") for _, one in noting.looks) else looks.names(kind, path)
        if answer[:1] == [looks.UNKNOWN]:
            raise _NotSteady(answer[1])
        return File(path, kind, _NEVER, None, looks.digest(answer)) if answer else None  # a package counts by its name
    if kind in looks.VARIABLES:  # of a named one the answer was there before, whatever the run set afterwards
        steady = path not in patterns if kind == looks.NAMED else looks.names(kind, path) == answer
        counts = steady and not is_secret_name(path)  # else the run itself set it
        if kind == looks.CHOSEN and not counts:
            raise _NotSteady(f"`env {path}` is a credential, or was changed, and its name was made while it ran")
        return File(path, kind, _NEVER, None, looks.digest(answer)) if counts else None
    name = _relative(path, noting.folder)
    if any(_matches(name, pattern) for pattern in patterns):
        return None
    now = looks.names(kind, path)
    if now != answer:
        if kind == looks.PRESENT and noting.made(path):
            return None  # there is what the run made
        if kind == looks.PRESENT or not all(map(noting.made, _within(path, kind, set(now) ^ set(answer)))):
            raise _NotSteady(f"`{name}` changed while it ran")
    return File(name, kind, _NEVER, None, looks.digest(now, "" if kind == looks.LISTED else noting.folder))


def _within(folder: str, kind: int, found: Iterable[str]) -> list[str]:
    """The paths of names in the answer to a question."""
    return [os.path.join(folder, one) for one in found] if kind == looks.LISTED else list(found)  # noqa: PTH118


def _held(path: str, size: int | None) -> str:
    """What a file holds now, or what stands for the answer to a question."""
    return looks.digest(looks.names(size, path)) if _is_question(size) else _digest(path)


def is_pattern(name: str) -> bool:
    """Whether a name may be a pattern of files."""
    return any(sign in name for sign in "./*")


def _matches(name: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./")
    return fnmatch.fnmatch(name, pattern) or ("/" not in pattern and fnmatch.fnmatch(os.path.basename(name), pattern))  # noqa: PTH119


def _relative(path: str, folder: str) -> str:
    below = os.path.join(folder, "")  # noqa: PTH118
    if path == folder:
        return "."
    return path[len(below) :] if path.startswith(below) else path


def _is_young(changed: int) -> bool:
    return abs(time_ns() - changed) < RECENT


def _print(digest: str) -> bytes:
    return blake2b(digest.encode(), digest_size=16).digest()


_digests: dict[tuple[str, FileState], str] = {}


def _digest(path: str) -> str:
    """What a file holds now. It is read once, as long as it stays as it is."""
    state = state_now(path)
    if state is None:
        return _MISSING
    if state.size > _LARGE:
        return f"{state.size}:{state.mtime}"
    place = os.path.abspath(path), state  # noqa: PTH100
    known = _digests.get(place)
    if known is not None:
        return known
    running = xxhash.xxh3_128()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return f"{state.size}:{state.mtime}"
    try:
        while chunk := os.read(fd, _CHUNK):
            running.update(chunk)
    except OSError:
        return f"{state.size}:{state.mtime}"
    finally:
        os.close(fd)
    digest: str = running.hexdigest()
    if not _is_young(state.changed) and state_now(path) == state:
        if len(_digests) > 10_000:
            _digests.clear()
        _digests[place] = digest
    return digest
