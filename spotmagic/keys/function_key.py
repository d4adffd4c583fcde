"""The key of a call: what the function is and reaches, and what it is called with."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from types import FunctionType
from typing import Any

from msgpack import ExtType

from spotmagic.code.function import facts
from spotmagic.code.texts import may_be_paths, names_in_queries
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable, unknown
from spotmagic.keys import environment, patched, process, registered
from spotmagic.keys.account import NOTHING_MET, SAMPLE, Account, Keyed, sample_input
from spotmagic.keys.bind import Binder
from spotmagic.keys.fingerprint import identity, packed
from spotmagic.keys.keygen import KeyGen, Policy, policies_of
from spotmagic.keys.methods import only_written
from spotmagic.keys.named import outside
from spotmagic.keys.owned import call_name, is_users, kind_of, short_name
from spotmagic.keys.reach import Reached, reach
from spotmagic.keys.state import OnlyWritten
from spotmagic.keys.told import shown
from spotmagic.options import MarkOptions
from spotmagic.reads import stand_ins
from spotmagic.values.credentials import Credentials
from spotmagic.values.encode import SCALARS, pack_known
from spotmagic.values.notes import Mask, Notes, is_secret_name
from spotmagic.values.scheme import DIGEST, PRINT, Kind, digest, pack_plain, tree
from spotmagic.values.short import texts


class _Now:
    """What holds until something reached changes: swapped as one, so that threads always see a whole one."""

    def __init__(
        self, base: bytes, binder: Binder, reached: Reached | None, function: Callable[..., Any], plain: bool
    ) -> None:
        self.base = blake2b(base, digest_size=DIGEST)
        self.bind, self.defaults = binder.bind, binder.defaults
        self.holds: Callable[[], bool] = reached.holds if reached else lambda: False
        self.code = reached.code if reached else b""
        # What is reached and the environment hold, by the latter, once somebody has looked.
        self.hidden: tuple[Mapping[str, str], Credentials] | None = None
        self.notes = reached.notes if reached else Notes()
        self.loads = reached.loads if reached else frozenset({"*"})
        self.patched, self.paths = (reached.patched, reached.paths) if reached else ([], frozenset())
        inner = unwrapped(function)
        self.registered = reached.registered if reached else registered.NOTHING
        self._parameters = facts(inner).parameters if isinstance(inner, FunctionType) else {}
        self._left_out: dict[tuple[str, type], frozenset[str]] = {}
        # Where queries are made, a text among the arguments may be one, and means what its names mean here.
        queries = reached is not None and reached.queries and isinstance(inner, FunctionType)
        self.space: dict[str, Any] = inner.__globals__ if queries else {}
        self.plain = plain and not queries

    def left_out(self, name: str, kind: type) -> frozenset[str]:
        """Attributes of an argument of a class that the code only writes."""
        found = self._left_out.get((name, kind))
        if found is None:
            found = only_written(kind, self.loads, self._parameters.get(name))
            self._left_out[name, kind] = found
        return found


_PLAIN = SCALARS | {list, dict, tuple}


class FunctionKey:
    """Gives the keys of a function's calls.

    Args:
        function: anything callable.
        options: its mark: ``key``, ``ignore``, ``version`` and ``sample`` count here.
        mask: HMAC under the user's own secret, for secret arguments.

    Raises:
        OptionError: for a name in ``key=`` or ``ignore=`` that is no parameter, with the nearest right one.
    """

    def __init__(self, function: Callable[..., Any], options: MarkOptions, *, mask: Mask) -> None:
        self._function, self._version, self._mask = function, options.version, mask
        self._sample = sample_input(options.sample)
        self._told = {SAMPLE: str(options.sample)} if options.sample else {}
        self.name = call_name(function)
        self._binder = Binder(function)
        self._policies, self._choose = policies_of(options.key, options.ignore)
        self._without: dict[str, set[str]] = {}  # attributes left out, by parameter; of any one under ""
        self._ignored = self._names_ignored(function)
        self._secrets = frozenset(
            name for name in self._binder.names if is_secret_name(name) and name not in self._policies
        )
        self._plain = not (self._policies.keys() - self._ignored or self._secrets or self._choose or self._binder.rest)
        self._now: _Now | None = None
        self._lock = threading.Lock()

    def _names_ignored(self, function: Callable[..., Any]) -> frozenset[str]:
        """The names that the mark leaves out beside parameters: globals, closure names, attributes of arguments.

        Raises:
            OptionError: for a name that is none of these.
        """
        others = self._policies.keys() - set(self._binder.names)
        known = outside(function) if others else frozenset()
        code = getattr(unwrapped(function), "__code__", None)
        found = set()
        for name in others:
            parameter, _, attribute = name.rpartition(".")
            if self._policies[name].read is None and name in known:
                found.add(name)
            elif parameter in self._binder.names or (not parameter and code is not None and name in code.co_names):
                self._without.setdefault(parameter, set()).add(attribute)
                found.add(name)
            elif any(sign in name for sign in "./*"):
                found.add(name)  # a pattern of files
            elif not self._binder.rest:
                raise unknown("parameter", name, self._binder.names)
        return frozenset(found)

    def ignorable(self) -> set[str]:
        """The names that ``ignore=`` takes: of parameters, and of globals and closure names that it reaches."""
        return {*self._binder.names, *outside(self._function)}

    def attributes(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], names: Collection[str]
    ) -> dict[str, dict[str, bytes]]:
        """The fingerprints of the attributes of some arguments."""
        values = dict(zip(self._binder.names, self._binder.bind(*args, **kwargs), strict=False))
        found: dict[str, dict[str, bytes]] = {}
        for name in names:
            found[name] = {}
            for attribute, value in list(getattr(values.get(name), "__dict__", {}).items()):
                with contextlib.suppress(Uncacheable):
                    found[name][attribute] = digest(packed(value, attribute, None, self._mask))
        return found

    def streams(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> set[str]:
        """The names of the arguments that are open files or streams."""
        values = dict(zip(self._binder.names, self._binder.bind(*args, **kwargs), strict=False))
        return {name for name, value in values.items() if isinstance(value, io.IOBase)}

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any], accounts: list[Account] | None = None) -> bytes:
        """The 16 bytes that name the call's result.

        Args:
            accounts: takes what the key was made from, so that :meth:`keyed` need not look at large arguments again.

        Raises:
            TypeError: for arguments that the function does not take.
            Uncacheable: for an argument or a reached value without a fingerprint.
        """
        now = self._now
        if now is None or not now.holds():
            now = self._look()
        values = now.bind(*args, **kwargs)
        if now.plain and SCALARS.issuperset(map(type, values)):
            # The same bytes as those of `_account`, which a miss goes through: a hit must find what a miss has stored.
            running = now.base.copy()
            running.update(pack_plain(values))
            return running.digest()
        account = self._account(now, values, args, kwargs)
        if accounts is not None:
            accounts.append(account)
        return account.key

    def code(self) -> bytes:
        """Digest of all code reached when the last key was taken, empty before the first."""
        now = self._now
        return now.code if now is not None else b""

    def unchanged(self, accounts: Sequence[Account]) -> bool:
        """Whether the key is surely what it was, without looking at the arguments again: for after a run.

        Args:
            accounts: what :meth:`key` or :meth:`keyed` noted. False says nothing: take the key anew.
        """
        now = self._now
        return bool(accounts and now and accounts[0].fixed and accounts[0].now is now and now.holds())

    def paths(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> frozenset[str]:
        """What in its code and arguments may be the path of a file, which something native may read unseen."""
        return may_be_paths([*args, *kwargs.values()]) | (self._now.paths if self._now else frozenset())

    def renew(self) -> bool:
        """Look anew if something was put into a class or a register since, unseen. Asked before a run, not at a hit."""
        now = self._now
        if now is None or self._version is not None:
            return False
        if now.registered.holds() and now.patched == patched.among(frozenset(now.notes.packages)):
            return False
        self._look()
        return True

    def keyed(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        accounts: list[Account] | None = None,
        *,
        sure: bool = False,
    ) -> Keyed:
        """The key with everything that went into it. Raises what :meth:`key` raises.

        Args:
            accounts: what :meth:`key` noted for these arguments a moment ago; takes it where it is empty.
            sure: :meth:`key` has just looked whether all is as it was.
        """
        if accounts:
            account = accounts[0]
        else:
            now = self._now
            if now is None or not (sure or now.holds()):
                now = self._look()
            account = self._account(now, now.bind(*args, **kwargs), args, kwargs)
            if accounts is not None:
                accounts.append(account)
        notes = account.now.notes
        if account.notes is not NOTHING_MET:
            notes = Notes()
            notes.take(account.now.notes)
            notes.take(account.notes)
            notes.reach(account.now.notes.reached)
            notes.reach(account.notes.reached)
        bare, defaults = self._bare(account, args, kwargs)
        return Keyed(
            account.key,
            account.now.code,
            {**account.inputs(), **bare, **self._sample, **notes.reached},
            tuple(notes.handles),
            tuple(notes.state),
            "" if self._version is not None else notes.trouble,
            notes.secret,
            bool(bare),
            defaults,
        )

    def _bare(
        self, account: Account, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[dict[str, bytes], tuple[str, ...]]:
        """The fingerprints of arguments as an edit of the code that some bring leaves them: none where none brings any;
        and which arguments have their default.
        """
        now, brought = account.now, account.notes.reached
        if not (now.defaults or brought):
            return {}, ()
        counted = self._counted(account.values, args, kwargs, Notes())
        defaults = tuple(name for name, value in counted if now.defaults.get(name, counted) is value)
        if not brought:
            return {}, defaults
        return {name: digest(self._packed(now, name, one, Notes(), bare=True)) for name, one in counted}, defaults

    def edition(self, labels: Iterable[str], owner: Any = None) -> dict[str, bytes]:
        """What the function is now: its code, what it reaches, its defaults, and what the classes of arguments are.

        Args:
            labels: what results of it were made from; the classes and functions that arguments brought are among these.
            owner: the object of a method.
        """
        now = self._now
        if now is None or not now.holds():
            now = self._look()
        found = {"code": now.code, **now.notes.reached}
        function = unwrapped(self._function)
        space = getattr(getattr(function, "__func__", function), "__globals__", {})
        kind = owner if isinstance(owner, type) else type(owner)
        brought = [one for one in kind.__mro__ if is_users(one)]
        for label in labels:
            name, *path = label.partition(" ")[2].split(".")
            thing = unwrapped(functools.reduce(lambda one, step: getattr(one, step, None), path, space.get(name)))
            if label not in found and is_users(thing) and label == f"{kind_of(thing)} {short_name(thing)}":
                brought.append(thing)
        for thing in brought:
            found = identity(thing, self._mask).told | found
        for name, value in now.defaults.items():
            with contextlib.suppress(Uncacheable):
                found[name] = digest(packed(value, name, None, self._mask, bare=True))
        return found

    def texts(self, account: Account, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, str]:
        """The arguments that count in short texts, for people; none of them holds a secret."""
        if self._choose is not None:
            return texts({"key": self._choose(*args, **kwargs)}, {"": args, **kwargs})
        return shown(self._binder, account.values, self._policies, self._without) | self._told

    def _account(self, now: _Now, values: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Account:
        """Look at each argument once. Those that are not plain data enter the key by their canonical bytes."""
        names, running = self._binder.names, now.base.copy()
        if now.plain and len(values) == len(names) and _PLAIN.issuperset(map(type, values)):
            fixed = SCALARS.issuperset(map(type, values))
            known = pack_plain(values) if fixed else pack_known(values)
            if known is not None:
                running.update(known)
                return Account(running.digest(), known, names, values, NOTHING_MET, now, fixed)
        notes = Notes()
        pieces: list[Any] = []
        counted = self._counted(values, args, kwargs, notes)
        if now.space:
            named = {one for _, text in counted if isinstance(text, str) for one in names_in_queries(text)}
            counted += [(f"global {one}", now.space[one]) for one in sorted(named & now.space.keys())]
        for name, value in counted:
            plain = type(value) in SCALARS
            pieces.append(value if plain else ExtType(PRINT, self._packed(now, name, value, notes)))
        beside: list[tuple[str, Any]] = []
        if self._version is None:
            reached = now.notes.packages
            beside = process.beside(notes.packages, reached, now.loads)
            beside += registered.of_arguments(notes.packages - reached, self._mask)
        pieces += [ExtType(PRINT, self._packed(now, name, value, notes)) for name, value in beside]
        data = pack_plain(pieces)
        running.update(data)
        return Account(running.digest(), data, [name for name, _ in (*counted, *beside)], values, notes, now)

    def _packed(self, now: _Now, name: str, value: Any, notes: Notes, *, bare: bool = False) -> bytes:
        """The bytes of an argument, without the attributes that the code only writes."""
        notes.trouble = notes.trouble or stand_ins.unseen(value) or environment.asked_unseen(value)
        left_out = now.left_out(name, type(value))
        if self._without:
            left_out |= self._without.get(name, frozenset()) | self._without.get("", frozenset())
        kept: dict[str, Any] = {}
        if left_out:
            state = OnlyWritten()
            state.add(value, left_out)
            kept["apart"] = state.take_apart()
        for one in sorted(left_out):
            notes.state[f"{name}.{one}"] = None
        return packed(value, name, notes, self._mask, bare=bare, **kept)

    def _counted(
        self, values: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any], notes: Notes
    ) -> list[tuple[str, Any]]:
        """The arguments that count, each as its policy wants it."""
        if self._choose is not None:
            return [("key", self._choose(*args, **kwargs))]
        names = self._binder.names
        if len(values) != len(names):
            return [("arguments", values)]
        if self._plain:
            return list(zip(names, values, strict=True))
        found: list[tuple[str, Any]] = []
        for name, value in zip(names, values, strict=True):
            if name == self._binder.rest:
                found.append((name, dict(self._by_policy(list(value.items()), notes))))
            else:
                found += self._by_policy([(name, value)], notes)
        return found

    def _by_policy(self, named: list[tuple[str, Any]], notes: Notes) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for name, value in named:
            policy = self._policies.get(name)
            if policy is None and is_secret_name(name) and isinstance(value, str | bytes):
                policy = KeyGen.SECRET
            if policy is None:
                found.append((name, value))
            elif policy.read is not None:
                found.append((name, self._read(policy, name, value, notes)))
        return found

    def _read(self, policy: Policy, name: str, value: Any, notes: Notes) -> Any:
        assert policy.read is not None
        read = policy.read(value, name)
        if not policy.masked:
            return read
        notes.secret = True
        return tree(Kind.SECRET, self._mask(packed(read, name, notes, self._mask)))

    def _look(self) -> _Now:
        """Follow the function anew, and bind its arguments with the defaults it has now."""
        binder = Binder(self._function)
        try:
            reached: Reached | None = reach(self._function, mask=self._mask, ignore=self._ignored)
        except Uncacheable:
            if self._version is None or getattr(self._function, "__closure__", None):
                raise
            reached = None  # the version stands for what it reaches
        if self._version is None:
            assert reached is not None
            base = digest("function", self.name, reached.identity)
        else:
            base = digest("version", self.name, self._version, reached.pinned if reached else b"")
        if self._sample:
            base = digest(SAMPLE, base, *self._sample.values())
        now = _Now(base, binder, reached, self._function, self._plain)
        self._now = now  # without a lock: threads that look at once find the same, and the last one stays
        return now
