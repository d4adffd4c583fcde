"""Results of one call over other contents of the files it read: which of them holds now.

The newest lies under the call's key, with the files in its notes; each one before it lies under a key of its own, made
of the call's key and what the files held, and the newest knows them all.
"""

from __future__ import annotations

import fnmatch
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import xxhash

from spotmagic.store.entry import Bad, Entry
from spotmagic.store.reads import Noting, State, is_noting, note

FILES, EDITIONS = "files", "editions"
LABEL = "file "
"""Begins the name of a file among the inputs of a result."""
_LARGE = 256_000_000  # bytes; above, size and time of change stand for the content
_CHUNK = 1 << 20
_RECENT = 100_000_000  # nanoseconds: a file that young may change once more without another time of change
_NEVER = -1
_MISSING = "missing"
_MOST = 64

Get = Callable[[bytes], "Entry | Bad | None"]


class File(NamedTuple):
    """A file as a run read it. One that was not there has no state; ``mtime`` is -1 where it proves nothing."""

    path: str
    size: int | None
    mtime: int | None
    inode: int | None
    digest: str


@lru_cache(maxsize=2048)
def files_of(text: str) -> tuple[File, ...]:
    """The files that a note tells of. One that makes no sense, as another writer's may, never holds."""
    try:
        found = tuple(File(*fields) for fields in json.loads(text))
        if all(isinstance(file.path, str) and isinstance(file.digest, str) and "\0" not in file.path for file in found):
            return found
    except (ValueError, TypeError, RecursionError):
        pass
    return (File("its list of files", _NEVER, _NEVER, _NEVER, ""),)


def _known(entry: Entry) -> list[list[Any]]:
    """The editions that an entry of ours knows: the key of each, and what its files held."""
    return json.loads(entry.notes.get(EDITIONS, "[]")) if entry.trusted else []


def unchanged(text: str) -> bool:
    """Whether all files of a note hold what they held."""
    for path, size, mtime, inode, known in files_of(text):
        try:
            now = os.stat(path)  # noqa: PTH116 (every hit passes here)
        except (OSError, ValueError):
            if size is None:
                continue
            return False
        if (now.st_mtime_ns != mtime or now.st_size != size or now.st_ino != inode) and _digest(path) != known:
            return False
    return True


def changed(notes: Mapping[str, str]) -> tuple[str, ...]:
    """The labels of the files that hold something else now."""
    return tuple(LABEL + file.path for file in files_of(notes.get(FILES, "[]")) if _digest(file.path) != file.digest)


def labels(notes: Mapping[str, str]) -> dict[str, bytes]:
    """What the files of a result hold now, as inputs."""
    return {LABEL + file.path: _print(_digest(file.path)) for file in files_of(notes.get(FILES, "[]"))}


def as_now(notes: Mapping[str, str]) -> Mapping[str, str]:
    """The notes of a result that stands for its files as they are now."""
    if FILES not in notes:
        return notes
    found = []
    for file in files_of(notes[FILES]):
        state = state_of(file.path)
        if state is None:
            found.append(File(file.path, None, None, None, _MISSING))
        else:
            found.append(File(file.path, state.size, _NEVER, state.inode, _digest(file.path)))
    return {**notes, FILES: json.dumps(found)}


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
            note(file.path)


def _others(get: Get, entry: Entry) -> Any:
    for key, pairs in reversed(_known(entry)):
        if all(_digest(path) == known for path, known in pairs):
            found = get(bytes.fromhex(key))
            if isinstance(found, Entry):
                yield found


def editions(key: bytes, entry: Entry | Bad | None) -> list[bytes]:
    """The keys of all editions of a call."""
    return [key, *(bytes.fromhex(one) for one, _ in (_known(entry) if isinstance(entry, Entry) else ()))]


def after(new: Entry, get: Get) -> tuple[Entry, Entry | None]:
    """A new result, which knows the editions before it, and the one to be put again under a key of its own."""
    old = get(new.key)
    if not isinstance(old, Entry) or FILES not in old.notes:
        return new, None
    known = _known(old)
    pairs, held = _pairs(old), _pairs(new)
    aside = None
    if pairs != held and old.trusted and old.status in ("value", "error"):
        key = blake2b(new.key + json.dumps(pairs).encode(), digest_size=16, person=b"edition").digest()
        notes = {name: text for name, text in old.notes.items() if name != EDITIONS}
        aside = old._replace(key=key, notes=notes)
        known = [*(one for one in known if one[0] != key.hex()), [key.hex(), pairs]][-_MOST:]
    return (new._replace(notes={**new.notes, EDITIONS: json.dumps(known)}) if known else new), aside


def _pairs(entry: Entry) -> list[list[str]]:
    return [[file.path, file.digest] for file in files_of(entry.notes.get(FILES, "[]"))]


def settle(noting: Noting, declared: Iterable[str], ignore: Iterable[str]) -> tuple[str, dict[str, bytes], str]:
    """What a run read, once it ended: the note about it, the inputs, and what forbids to keep the result, or empty.

    Args:
        declared: files that count though the run was not seen to read them.
        ignore: names and patterns; those with a dot, a slash or a star may be of files.
    """
    if noting.trouble:
        return "", {}, noting.trouble
    patterns = [name for name in ignore if is_pattern(name)]
    seen: dict[str, State | None] = dict(noting.files)
    before = len(seen)
    for path in declared:
        where = os.path.abspath(os.path.join(noting.folder, os.path.expanduser(path)))  # noqa: PTH100, PTH111, PTH118
        if where not in seen:
            seen[where] = state_of(where)
    found, inputs = [], {}
    for place, (path, state) in enumerate(seen.items()):
        name = _relative(path, noting.folder)
        if place < before and any(_matches(name, pattern) for pattern in patterns):
            continue
        now = state_of(path)
        if now is None and state is not None and state.mtime >= noting.began:
            continue  # made and removed by the run
        if path in noting.rewritten:
            return "", {}, f"changed `{name}`"
        digest = _digest(path)
        if now != state or state_of(path) != state:
            return "", {}, f"`{name}` changed while it ran"
        if state is None:
            found.append(File(name, None, None, None, _MISSING))
        else:
            time_ = _NEVER if _is_young(state.mtime) else state.mtime
            found.append(File(name, state.size, time_, state.inode, digest))
        inputs[LABEL + name] = _print(digest)
    return (json.dumps(sorted(found)) if found else ""), inputs, ""


def is_pattern(name: str) -> bool:
    """Whether a name may be a pattern of files."""
    return any(sign in name for sign in "./*")


def state_of(path: str) -> State | None:
    """The state of a file, ``None`` if there is none, or no regular one."""
    try:
        now = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(now.st_mode):
        return None
    return State(now.st_size, now.st_mtime_ns, now.st_ino)


def _matches(name: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./")
    return fnmatch.fnmatch(name, pattern) or ("/" not in pattern and fnmatch.fnmatch(os.path.basename(name), pattern))  # noqa: PTH119


def _relative(path: str, folder: str) -> str:
    below = os.path.join(folder, "")  # noqa: PTH118
    return path[len(below) :] if path.startswith(below) else path


def _is_young(mtime: int) -> bool:
    return abs(time.time_ns() - mtime) < _RECENT


def _print(digest: str) -> bytes:
    return blake2b(digest.encode(), digest_size=16).digest()


_digests: dict[tuple[str, State], str] = {}


def _digest(path: str) -> str:
    """What a file holds now. It is read once, as long as it stays as it is."""
    state = state_of(path)
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
    if not _is_young(state.mtime) and state_of(path) == state:
        if len(_digests) > 10_000:
            _digests.clear()
        _digests[place] = digest
    return digest
