"""Handles: what a value is made to reach something with (clients, sessions, connections, loggers), as a table of types.

A handle counts by its type and by every setting that changes what comes back, without credentials, timeouts and open
connections. *Plumbing* (locks, threads, loops, pools), which is met inside other objects, counts by its type. A type is
found by its full name, or by that of an installed base, never by how a class is called. ``register`` adds one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from spotmagic.code.origin import is_user_module
from spotmagic.values import clients, declared
from spotmagic.values.scheme import Unfit
from spotmagic.values.settings import Read, Settings, cleaned, nothing, only, own_state, refused, whole_state

_MOST_INSIDE = 8  # clients in clients


class HandleKind(NamedTuple):
    """What the table says of a type.

    Attributes:
        read: gives the settings of a value. Raises :class:`Unfit` for one that reaches what cannot be told.
        told: whether the user is told that such a value counts by its settings alone, which nobody asks of a lock.
        data: whether it reaches nothing, and its settings are all that it holds but for what it worked out of that.
    """

    read: Read
    told: bool = True
    data: bool = False


def handle_settings(value: Any) -> Settings | None:
    """The settings that count of a handle, nothing for plumbing, None for what is neither.

    Raises:
        Unfit: for a handle that reaches what cannot be told: a database in memory, an address that cannot be read.
    """
    row = _row_of(type(value))  # type: ignore[arg-type]  # classes can be hashed
    return None if row is None else _settings(row, value, 0)


def is_handle_type(kind: type) -> bool:
    """Whether values of this type count by type and settings."""
    return _row_of(kind) is not None


def reaches_out(kind: type) -> bool:
    """Whether values of this type are handles, and none that are kept as the data they hold."""
    row = _row_of(kind)
    return row is not None and not row.data


def note_of(value: Any, settings: Settings) -> str:
    """What the user is told of a handle, such as ``httpx.Client (base_url=https://a.example/)``; "" for plumbing."""
    kind = type(value)
    row = _row_of(kind)  # type: ignore[arg-type]  # classes can be hashed
    if row is None or not row.told:
        return ""
    text = ", ".join(
        f"{name.strip('_')}={item}" for name, item in settings.items() if type(item) in (str, int) and item != ""
    )
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}" + (f" ({text})" if text else "")


@functools.lru_cache(maxsize=1024)
def _row_of(kind: Any) -> HandleKind | None:
    for base in kind.__mro__[:-1]:
        if is_user_module(base.__module__):
            continue
        first, last = base.__module__.partition(".")[0], base.__module__.rpartition(".")[2]
        for place in (base.__module__, first, f"*.{last}"):
            row = _TABLE.get(f"{place}.{base.__qualname__}")
            if row is not None:
                return row
    return None


def _settings(row: HandleKind, value: Any, depth: int) -> Settings:
    try:
        found = row.read(value)
        found |= own_state(value, found)
    except Unfit:
        raise
    except Exception as error:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise Unfit(f"it is a {name}, whose settings cannot be read ({type(error).__name__}: {error})") from error
    return {name: _inside(item, depth + 1) for name, item in found.items() if item is not None}


def _inside(item: Any, depth: int) -> Any:
    """A setting as it counts; handles in it by their settings."""
    row = _row_of(type(item))  # type: ignore[arg-type]  # classes can be hashed
    if type(item) is list:
        return [_inside(one, depth) for one in item]
    if row is None:
        return cleaned(item)
    if depth > _MOST_INSIDE:
        raise Unfit("its clients hold each other")
    return [type(item), _settings(row, item, depth)]


# -- the table --------------------------------------------------------------------------------------------------------


_PAGE = "what it shows now cannot be seen; pass the text or the address instead"

_HANDLES: Mapping[Read, str] = {
    clients.httpx_client: "httpx.Client httpx.AsyncClient httpx2.Client httpx2.AsyncClient",
    clients.requests_session: "requests.Session",
    clients.aiohttp_session: "aiohttp.ClientSession",
    clients.urllib3_pool: "urllib3.PoolManager urllib3.ConnectionPool",
    clients.generated: "*._base_client.BaseClient",
    clients.genai: "google.genai._api_client.BaseApiClient",
    only("_api_client"): "google.genai.client.Client google.genai.client.AsyncClient",
    only("sdk_configuration.server_url", "sdk_configuration.server", "sdk_configuration.client"): "mistralai.BaseSDK",
    clients.cohere: "cohere.BaseCohere cohere.AsyncBaseCohere cohere.V2Client cohere.AsyncV2Client",
    whole_state(): "ollama.BaseClient",
    clients.hub: "huggingface_hub.InferenceClient huggingface_hub.AsyncInferenceClient huggingface_hub.HfApi",
    only("region_name", "profile_name"): "boto3.Session",
    clients.boto_client: "botocore.BaseClient",
    clients.boto_resource: "boto3.ServiceResource",
    clients.redis_client: "redis.Redis",
    clients.engine: "sqlalchemy.Engine",
    only("sync_engine"): "sqlalchemy.AsyncEngine",
    only("engine", "_execution_options"): "sqlalchemy.Connection",
    clients.orm_session: "sqlalchemy.Session",
    only("sync_session"): "sqlalchemy.AsyncSession",
    clients.sqlite: "sqlite3.Connection",
    clients.sqlite_cursor: "sqlite3.Cursor",
    clients.duckdb: "_duckdb.DuckDBPyConnection duckdb.DuckDBPyConnection",
    clients.psycopg: "psycopg.BaseConnection",
    clients.mongo: "pymongo.MongoClient pymongo.AsyncMongoClient",
    only("_name", "_client", "_database", "_codec_options", "_read_preference"): (
        "pymongo.Database pymongo.Collection pymongo.AsyncDatabase pymongo.AsyncCollection"
    ),
    clients.elastic: "elasticsearch.BaseClient",
    clients.grpc_channel: "grpc.Channel grpc._cython.cygrpc.Channel",
    refused(_PAGE): (
        "playwright.Page playwright.Frame playwright.Locator playwright.JSHandle playwright.ElementHandle "
        "selenium.BaseWebDriver selenium.BaseWebElement"
    ),
    refused("whether it was used cannot be seen; pass the value instead"): "_contextvars.Token",
    only("browser_type.name", "version"): "playwright.Browser",
    only("name"): "logging.Logger playwright.BrowserType spotmagic.Spot",
    only("logger", "extra"): "logging.LoggerAdapter",
    nothing: (
        "structlog.BoundLoggerBase structlog.BoundLoggerLazyProxy loguru.Logger concurrent.futures._base.Executor "
        "multiprocessing.pool.Pool IPython.InteractiveShell playwright.Playwright spotmagic.Limit"
    ),
}

_PLUMBING: Mapping[Read, str] = {
    clients.httpcore_pool: (
        "httpcore.ConnectionPool httpcore.AsyncConnectionPool httpcore.HTTPProxy httpcore.AsyncHTTPProxy "
        "httpcore.SOCKSProxy httpcore.AsyncSOCKSProxy httpcore2.ConnectionPool httpcore2.AsyncConnectionPool"
    ),
    only("_pool"): "httpx.HTTPTransport httpx.AsyncHTTPTransport httpx2.HTTPTransport httpx2.AsyncHTTPTransport",
    only("config"): "requests.HTTPAdapter",
    only("iterable"): "tqdm.tqdm",
    only("handlers"): "llama_index.CallbackManager",
    whole_state("_ufunc"): "numpy.vectorize",
    whole_state(): "msgspec.Meta msgspec.Factory",
    only("_type", "_config"): "pydantic.TypeAdapter",
    clients.template: "jinja2.Template",
    declared.table: "sqlalchemy.Table",
    declared.column: "sqlalchemy.Column",
    declared.name: "sqlalchemy.quoted_name",
    declared.statement: "sqlalchemy.ClauseElement",
    declared.mapped: "sqlalchemy.QueryableAttribute",
    declared.metadata: "sqlalchemy.MetaData",
    declared.mapper: "sqlalchemy.Mapper",
    clients.schemas: "referencing.Registry",
    only("name"): "referencing.Specification",
    clients.rich_prompt: "llama_index.RichPromptTemplate",
    clients.file_manager: "xarray.CachingFileManager",
    clients.thread_local: "_thread._local",
    only("verify_mode", "check_hostname"): "ssl.SSLContext",
    only("maxsize"): "jinja2.LRUCache cachetools.Cache sqlalchemy.LRUCache",
    nothing: (
        "_thread.lock _thread.RLock threading.Condition threading.Semaphore threading.Barrier threading.Thread "
        "multiprocessing.synchronize.SemLock _multiprocessing.SemLock asyncio.locks.Lock asyncio.locks.Condition "
        "asyncio.locks.Semaphore asyncio.events.AbstractEventLoop asyncio.events.Handle selectors.BaseSelector "
        "logging.Handler logging.Manager socket.socket _socket.socket "
        "sqlalchemy.ClassManager sqlalchemy.registry sqlalchemy.InstanceState "
        "aiohttp.BaseConnector urllib3.HTTPConnection comm.BaseComm ipykernel.comm.Comm"
    ),
}

_DATA: Mapping[Read, str] = {
    whole_state("_has_canonical_format", "_has_sorted_indices"): "scipy._cs_matrix",
}

_TABLE: dict[str, HandleKind] = {
    **{name: HandleKind(read) for read, names in _HANDLES.items() for name in names.split()},
    **{name: HandleKind(read, told=False) for read, names in _PLUMBING.items() for name in names.split()},
    **{name: HandleKind(read, told=False, data=True) for read, names in _DATA.items() for name in names.split()},
}
