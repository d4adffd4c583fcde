"""The commands of sharing: archives, the bucket of a team, and the people whose results count as one's own."""

from __future__ import annotations

from pathlib import Path

from spotmagic import words
from spotmagic.commands.command import Session, argument, command, option
from spotmagic.commands.looking import PATTERN
from spotmagic.errors import OptionError
from spotmagic.view import View

_REMOTE = option("remote", "the bucket, such as s3://bucket/team; that of the spot when not said", shown="URL")


@command(argument("PATH", "the archive to write", needed=True), argument("PATTERN", f"{PATTERN}; all when not said"))
def export(session: Session, path: str, pattern: str | None = None) -> View:
    """Write results to one archive, to be loaded elsewhere. A file that is there stays as it is."""
    if Path(path).exists() or Path(path).is_symlink():  # a link to nothing would be written through
        raise OptionError(f"{path} is there already", why="an archive is never overwritten", todo="Say another name")
    count = session.spot.export(path, pattern)
    told = [f"others cannot use {count.unusable.count:,} of them:", *count.unusable.lines()] if count.unusable else []
    return View(lines=[f"wrote {words.results(count)} to {path}", *told])


@command(argument("PATH", "an archive that export wrote", needed=True), needs="any")
def load(session: Session, path: str) -> View:
    """Take the results of an archive. What another user made is taken as theirs; refused ones are named."""
    if not Path(path).exists():
        raise FileNotFoundError(2, "there is no such archive", path)
    loaded = session.spot.load(path)
    return View(rows=loaded.refused, parts=[View(lines=str(loaded).splitlines())], wrong=bool(loaded.refused))


@command(argument("PATTERN", f"{PATTERN}; all when not said"), _REMOTE)
def push(session: Session, pattern: str | None = None, remote: str | None = None) -> View:
    """Send results to the bucket that a team shares."""
    with session.sharing(remote) as spot:
        return View(lines=str(spot.push(pattern)).splitlines())


@command(_REMOTE)
def pull(session: Session, remote: str | None = None) -> View:
    """Take all results of the bucket that a team shares; refused ones are named."""
    with session.sharing(remote) as spot:
        pulled = spot.pull()
    return View(rows=pulled.refused, parts=[View(lines=str(pulled).splitlines())], wrong=bool(pulled.refused))


@command(
    argument("ACTION", "show, add or remove", choices=("show", "add", "remove"), needed=True),
    argument("NAME", "a name of yours for the person"),
    argument("KEY", "the 64 hex digits that their `spotmagic trust show` prints"),
    needs="nothing",
    listed=True,
)
def trust(session: Session, action: str, name: str | None = None, key: str | None = None) -> View:  # noqa: ARG001
    """Tell your public key and whom you trust; trust somebody (what they share may run code here), or no longer."""
    from spotmagic.store.trust import People, public_key, ring

    people = People()
    if action == "show":
        known = {"you": public_key(ring()), **dict(sorted(people.all().items()))}
        return View(rows=list(known.items()), data=known)
    if name is None or (action == "add" and key is None):
        missing = "a name" if name is None else "a key"
        raise OptionError(f"trust {action} needs {missing}", todo="Say trust add NAME KEY, or trust remove NAME")
    if action == "add":
        people.add(name, key or "")
        told = f"{name} is trusted: what they share counts as your own, and may run code here"
    else:
        people.remove(name)
        told = f"{name} is no longer trusted; what was taken from them stays"
    return View(lines=[told], data=people.all())
