"""How the settings of a client are read: its attributes, without credentials, versions of libraries and timeouts."""

from __future__ import annotations

import dis
import functools
import inspect
import os
import re
import types
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from spotmagic.code.origin import is_user_module
from spotmagic.values.notes import is_secret_name
from spotmagic.values.scheme import Unfit
from spotmagic.values.state import attributes

Settings = dict[str, Any]
Read = Callable[[Any], Settings]


def whole_state(*left_out: str) -> Read:
    """Reads all that an object holds but these names, credentials, and the parts of it that lead back to it."""
    without = frozenset(left_out)

    def read(value: Any) -> Settings:
        kind: Any = type(value)
        return {
            name: item
            for name, item in attributes(value).items()
            if not (name in without or is_secret(name) or name in derived(kind) or _leads_back(item, value))
        }

    return read


def only(*paths: str) -> Read:
    """Reads these attributes, some of them in others: ``pool.host``."""
    return lambda value: {path.rpartition(".")[2]: at(value, path) for path in paths}


def nothing(_: Any) -> Settings:
    """No setting: the type says all."""
    return {}


def refused(why: str) -> Read:
    """Reads nothing: there is no telling what values of the type would give."""

    def read(value: Any) -> Settings:
        raise Unfit(f"it is a {type(value).__module__.partition('.')[0]}.{type(value).__qualname__}: {why}")

    return read


def at(value: Any, path: str) -> Any:
    """An attribute that an object holds or a property of its installed class gives; None where there is none."""
    for name in path.split("."):
        held = attributes(value)
        if name in held:
            value = held[name]
            continue
        found = inspect.getattr_static(type(value), name, None)
        value = found.fget(value) if isinstance(found, property) and found.fget else None
        if value is None:
            return None
    return value


def own_state(value: Any, read: Settings) -> Settings:
    """What a class of the user keeps in a handle beside what the installed classes below it name."""
    if not is_user_module(type(value).__module__):
        return {}
    installed = [base for base in type(value).__mro__ if not is_user_module(base.__module__)]
    known = {name for base in installed for member in vars(base).values() for name in _names(member)}
    return {
        name: item for name, item in attributes(value).items() if not (name in read or name in known or is_secret(name))
    }


def _names(member: Any) -> Iterable[str]:
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    code = getattr(function, "__code__", None)
    return code.co_names if isinstance(code, types.CodeType) else ()


def _leads_back(item: Any, value: Any) -> bool:
    """Whether an attribute is a part that the value made of itself, such as ``client.chat``."""
    if item is value:
        return True
    if isinstance(item, Mapping | list | tuple | types.FunctionType) or is_user_module(type(item).__module__):
        return False
    return any(one is value for one in attributes(item).values())


_PLAIN_MEMBERS = (types.FunctionType, type, staticmethod, classmethod, property)


@functools.lru_cache(maxsize=4096)
def derived(kind: Any) -> frozenset[str]:
    """Attributes that do not count: what cached properties fill in, from the rest, and what is only written down."""
    found = {name for base in kind.__mro__ for name in vars(base) if _is_filled_in(kind, name)}
    if any(type(one).__module__ == "pandas._libs.properties" for base in kind.__mro__ for one in vars(base).values()):
        found.add("_cache")  # where properties of pandas put what they found
    names = {f"{base.__module__.partition('.')[0]}.{base.__qualname__}" for base in kind.__mro__}
    beside = {_BESIDE[name] for name in names & _BESIDE.keys()} | (_credentials(kind) if names & _MODELS else set())
    return frozenset(found - _set_by_methods(kind, found) | beside) if found or beside else frozenset()


# Models of frameworks hold the credential of the client that they make. As in a client, it chooses no answer.
_MODELS = {"langchain_core.BaseLanguageModel", "langchain_core.Embeddings", "llama_index.BaseLLM"}
_MODELS |= {"llama_index.BaseEmbedding"}


def _credentials(kind: type) -> set[str]:
    """The fields of a model for credentials, as installed classes declare them."""
    own = [base for base in kind.__mro__ if is_user_module(base.__module__)]
    users = {name for base in own for name in (*vars(base), *inspect.get_annotations(base))}
    return {name for name in getattr(kind, "model_fields", ()) if is_secret(name) and name not in users}


# Where libraries write down what was done with an object, for people to look at: it decides nothing. A list that grows
# is no such log by its looks, as the memory of a conversation grows alike.
_BESIDE = {"dspy.BaseLM": "history", "dspy.Module": "history", "transformers.Pipeline": "call_count"}
# And where they keep what they made of the rest when it was first asked for.
_BESIDE |= {"xarray.Dataset": "_cache", "xarray.DataArray": "_cache", "click.Command": "_help_option"}
_BESIDE |= {"statsmodels.ModelData": "_cache", "statsmodels.Results": "_cache"}
_BESIDE |= {"astropy.UnitBase": "_physical_type_id", "astropy.CompositeUnit": "_decomposed_cache"}


def _set_by_methods(kind: type, found: set[str]) -> set[str]:
    """Those of some attributes that a class sets itself: they are state even where a property would fill them in."""
    members = (member for base in kind.__mro__ for member in vars(base).values())
    functions = (one for one in members if isinstance(one, types.FunctionType))
    return {
        step.argval
        for function in functions
        if not found.isdisjoint(function.__code__.co_names)  # few name one, and reading all their code takes long
        for step in dis.get_instructions(function)
        if step.opname == "STORE_ATTR"
    }


def _is_filled_in(kind: type, name: str) -> bool:
    """Whether an attribute of that name is what a cached property left in the object.

    Such a property is a descriptor that the attribute hides, made of a function of that name: ``functools`` has one,
    and so have many packages.
    """
    found = inspect.getattr_static(kind, name, None)
    if found is None or isinstance(found, _PLAIN_MEMBERS):
        return False
    if isinstance(found, functools.cached_property):
        return True
    if not hasattr(type(found), "__get__") or hasattr(type(found), "__set__"):
        return False
    made_of = attributes(found).values()
    return any(isinstance(one, types.FunctionType) and one.__name__ == name for one in made_of)


# -- what a setting counts as -----------------------------------------------------------------------------------------

_ADDRESSES = frozenset({"httpx.URL", "httpx2.URL", "yarl.URL", "urllib3.Url", "sqlalchemy.URL"})
_PAIRS = frozenset(
    {"httpx.Headers", "httpx2.Headers", "httpx.QueryParams", "httpx2.QueryParams", "requests.CaseInsensitiveDict"}
    | {"multidict.CIMultiDict", "elastic_transport.HttpHeaders", "urllib3.HTTPHeaderDict"}
)
_TRANSFER = frozenset({"accept-encoding", "connection", "content-length", "host"})
_OF_PYTHON = re.compile(r"\bpython\b", re.IGNORECASE)
_VERSIONS = re.compile(r"\([^)]*\)|[\d.]+\S*")


def cleaned(item: Any) -> Any:
    """A setting as it counts: addresses as text, headers and queries without credentials."""
    kind = type(item)
    if kind is str:
        return public(item)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    if name in _ADDRESSES:
        return public(item.render_as_string() if name == "sqlalchemy.URL" else str(item))
    if name in _PAIRS:
        return headers(item.multi_items() if hasattr(kind, "multi_items") else item.items())
    if kind is dict:
        return {key: cleaned(one) for key, one in item.items() if not (type(key) is str and is_secret(key))}
    return item


def headers(items: Iterable[tuple[Any, Any]]) -> list[list[Any]]:
    """Headers or a query. How a body travels does not count, nor the versions with which a library names itself."""
    found: list[list[Any]] = []
    for name, item in items:
        low = str(name).lower()
        if low not in _TRANSFER and not (low == "accept" and item == "*/*"):
            found.append([low, _sent(low, item)])
    return found


def _sent(name: str, item: Any) -> Any:
    if name.endswith("authorization"):
        return str(item).partition(" ")[0] if " " in str(item) else "…"  # the way to show who it is, not who
    if is_secret(name):
        return "…"
    return _VERSIONS.sub("", item) if isinstance(item, str) and _OF_PYTHON.search(item) else item


def cookies(jar: Iterable[Any]) -> list[list[Any]]:
    """The cookies that were set by hand. Those that a server sets come with each answer, and with any of them."""
    return sorted(
        [one.domain, one.path, one.name, None if is_secret(one.name) else one.value]
        for one in jar
        if not one.domain or (one.domain_specified and not (one.secure or one.expires))
    )


def is_secret(name: str) -> bool:
    """Whether a setting of this name is a credential: ``_api_key``, ``X-Auth-Token``."""
    return is_secret_name(name.rstrip("_"))


def public(text: str) -> str:
    """A URL without the password in it, and on the web without the user, who may be the secret; other text as it is."""
    if "//" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return re.sub(r"//[^/@]*@", "//", text)
    user, at_, host = parts.netloc.rpartition("@")
    user = "" if parts.scheme.startswith(("http", "ws")) else user.partition(":")[0]
    query = "&".join(one for one in parts.query.split("&") if not is_secret(one.partition("=")[0]))
    return urlunsplit(parts._replace(netloc=f"{user}{at_}{host}" if user else host, query=query))


_MOST_DUMPED = 16 << 20
_dumps: dict[str, tuple[list[Any], bytes]] = {}


def database_file(path: Any, *, dump: bool = False) -> list[Any]:
    """What a database in a file counts by: where it is, and what it holds.

    Small ones of SQLite by their content, others by size and time of change. Never by their bytes: closing a file that
    SQLite has open in this process would drop SQLite's locks on it.
    """
    text = os.fsdecode(path) if path else ""
    if not text or ":memory:" in text or "mode=memory" in text:
        raise Unfit("it is a connection to a database in memory, and what that holds cannot be seen")
    where = os.path.realpath(text.removeprefix("file:").partition("?")[0])
    found: list[Any] = []
    for name in (where, f"{where}-wal", f"{where}.wal"):
        try:
            status = Path(name).stat()
        except OSError:
            continue
        if status.st_size:
            found.append([status.st_size, status.st_mtime_ns])
    if dump and found and sum(size for size, _ in found) <= _MOST_DUMPED:
        return [where, _dumped(where, found)]
    return [where, *found]


def _dumped(where: str, status: list[Any]) -> bytes:
    known = _dumps.get(where)
    if known is not None and known[0] == status:
        return known[1]
    import sqlite3

    # As statements: two files of the same content differ in their bytes, by free pages and the order of writing.
    running = blake2b(digest_size=16)
    beside = sqlite3.connect(f"{Path(where).as_uri()}?mode=ro", uri=True)
    try:
        for line in beside.iterdump():
            running.update(f"{len(line)} {line}".encode("utf-8", "surrogatepass"))
    finally:
        beside.close()
    _dumps[where] = (status, running.digest())
    return running.digest()
