"""What counts of the clients that people use: each function gives the settings of one kind, unread ones refused."""

from __future__ import annotations

from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import closed_over
from spotmagic.values.declared import listeners
from spotmagic.values.scheme import Unfit
from spotmagic.values.settings import Settings, at, cookies, database_file, headers, only, whole_state
from spotmagic.values.state import attributes

# -- HTTP -------------------------------------------------------------------------------------------------------------


def httpx_client(value: Any) -> Settings:
    held = whole_state(
        *("_timeout", "_state", "_trust_env", "_cookies", "_auth", "_mounts", "_event_hooks", "_default_encoding"),
        "max_redirects",
    )(value)
    own = attributes(value)
    mounts = [[pattern.pattern, transport] for pattern, transport in own["_mounts"].items()]
    encoding = own["_default_encoding"]
    return held | {
        "cookies": cookies(own["_cookies"].jar),
        "auth": _auth(own["_auth"]),
        "mounts": mounts or None,
        "hooks": {name: hooks for name, hooks in own["_event_hooks"].items() if hooks} or None,
        "default_encoding": None if encoding == "utf-8" else encoding,
    }


def httpcore_pool(value: Any) -> Settings:
    context = at(value, "_ssl_context")
    proxy = at(value, "_proxy")
    return {
        "verify": None if context is None or context.verify_mode else False,
        "proxy": proxy and _proxy(proxy),
        "path": at(value, "_uds"),
    }


def _proxy(proxy: Any) -> str:
    url = proxy.url
    return f"{url.scheme.decode()}://{url.host.decode()}:{url.port}{url.target.decode()}"


def requests_session(value: Any) -> Settings:
    held = whole_state("cookies", "auth", "adapters", "trust_env", "cert", "hooks", "stream", "max_redirects")(value)
    own = attributes(value)
    adapters = [[place, one] for place, one in own["adapters"].items() if _is_set(one)]
    return held | {
        "cookies": cookies(own["cookies"]),
        "auth": _auth(own["auth"]),
        "adapters": adapters or None,
        "hooks": {name: hooks for name, hooks in own["hooks"].items() if hooks} or None,
    }


def _is_set(adapter: Any) -> bool:
    """Whether an adapter is more than the one every session has."""
    return f"{type(adapter).__module__}.{type(adapter).__qualname__}" != "requests.adapters.HTTPAdapter"


def _auth(auth: Any) -> Any:
    """How a client shows who it is, without what it shows; a user's name counts, as it may see other things."""
    if auth is None or (callable(auth) and hasattr(auth, "__code__")):
        return auth
    if isinstance(auth, tuple):
        return ["basic", auth[0]]
    kind = type(auth)
    held = whole_state("password", "_auth_header")(auth)
    return [kind, held if is_user_module(kind.__module__) else held.get("username")]


def aiohttp_session(value: Any) -> Settings:
    own = attributes(value)
    auth = own.get("_default_auth")
    return {
        "base_url": own.get("_base_url"),
        "headers": own.get("_default_headers"),
        "cookies": sorted([str(one.key), str(one.value)] for one in own["_cookie_jar"]) or None,
        "auth": auth and ["basic", auth.login],
        "proxy": own.get("_default_proxy"),
        "connector": _connector(own.get("_connector")),
        "middlewares": own.get("_middlewares") or None,
        "trace_configs": own.get("_trace_configs") or None,
    }


def _connector(connector: Any) -> Any:
    path = at(connector, "_path") if connector is not None else None
    return path if path is not None or not is_user_module(type(connector).__module__) else connector


_POOL_OPTIONS = ("timeout", "retries", "maxsize", "block", "ssl_context", "key_password", "cert_file", "key_file")


def urllib3_pool(value: Any) -> Settings:
    own = attributes(value)
    given = {name: item for name, item in own.get("connection_pool_kw", {}).items() if name not in _POOL_OPTIONS}
    given |= {name: own.get(name) for name in ("host", "port", "proxy", "scheme")}
    sent = {name: headers((own.get(name) or {}).items()) for name in ("headers", "proxy_headers")}
    return given | {name: found for name, found in sent.items() if found}


# -- clients of models ------------------------------------------------------------------------------------------------

_GENERATED = whole_state(
    *("_version", "max_retries", "timeout", "_timeout", "_timeout_overridden", "_platform", "_idempotency_header"),
    *("_default_stream_cls", "_lazy_tracer", "_otel", "_open_telemetry", "_token_cache", "_middleware_chain"),
    *("credentials", "_credential_headers", "_custom_auth", "webhook_key", "_api_key_provider", "workload_identity"),
    *("_workload_identity_auth", "_azure_ad_token_provider", "_unchosen_base_url", "_provider_runtime"),
)


def generated(value: Any) -> Settings:
    """A client as OpenAI, Anthropic and many others have it, generated from one template."""
    found = _GENERATED(value)
    for name in ("_custom_headers", "_custom_query"):
        found[name] = headers((found.get(name) or {}).items()) or None
    return found


def genai(value: Any) -> Settings:
    options = attributes(attributes(value)["_http_options"])
    own = {name: item for name, item in options.items() if item is not None and "timeout" not in name}
    own.pop("retry_options", None)
    own["headers"] = headers((own.get("headers") or {}).items())
    return only("vertexai", "project", "location", "custom_base_url")(value) | own


def cohere(value: Any) -> Settings:
    wrapper = attributes(value)["_client_wrapper"]
    found = only("_client_name", "_base_url", "_environment", "httpx_client.httpx_client")(wrapper)
    return found | {"headers": headers((at(wrapper, "_headers") or {}).items()) or None}


def hub(value: Any) -> Settings:
    found = whole_state(
        *("token", "timeout", "exit_stack", "_async_client", "_thread_pool", "_whoami_cache", "library_version"),
        *("user_agent", "trust_env", "bill_to"),
    )(value)
    found["bill_to"] = attributes(value).get("bill_to")
    for name in ("headers", "cookies"):
        found[name] = headers((found.get(name) or {}).items()) or None
    return found


# -- clouds and databases ---------------------------------------------------------------------------------------------

_OF_TRAVEL = ("user_agent", "user_agent_extra", "user_agent_appid", "retries", "max_pool_connections", "client_cert")


def boto_client(value: Any) -> Settings:
    meta = attributes(value)["meta"]
    service = at(meta, "_service_model")
    given = (at(meta, "_client_config._user_provided_options") or {}).items()
    config = {name: one for name, one in given if one is not None and name not in _OF_TRAVEL and "timeout" not in name}
    return {
        "service": service.service_name,
        "api_version": service.api_version,
        "endpoint": at(meta, "_endpoint_url"),
        "config": config,
    }


def boto_resource(value: Any) -> Settings:
    meta = attributes(value)["meta"]
    named = {name: getattr(value, name) for name in meta.identifiers}
    return {"service": meta.service_name, **named, "client": meta.client}


def redis_client(value: Any) -> Settings:
    pool = attributes(value)["connection_pool"]
    given = pool.connection_kwargs
    named = ("host", "port", "db", "path", "username", "protocol", "decode_responses", "encoding", "encoding_errors")
    found = {name: given.get(name) for name in named}
    found["service"] = at(pool, "service_name")
    if not (found["host"] or found["path"] or found["service"]):
        raise Unfit("it is a redis client without an address that can be read")
    callbacks = (at(value, "response_callbacks") or {}).items()
    own = {name: one for name, one in callbacks if is_user_module(getattr(one, "__module__", None))}
    return found | {"connection": pool.connection_class, "callbacks": own or None}


def engine(value: Any) -> Settings:
    url = value.url
    # Of a creator of its own we cannot read what it opens; of SQLAlchemy's, the arguments are in its closure.
    creator = at(value, "pool._creator_arg") or at(value, "pool._creator")
    if getattr(creator, "__module__", None) != "sqlalchemy.engine.create":
        raise Unfit("it is an engine with a creator= of its own, so what it reaches cannot be read")
    arguments = closed_over(creator).get("cparams", {})
    given = {name: item for name, item in arguments.items() if name not in ("password", "passwd", "timeout")}
    in_file = url.get_backend_name() in ("sqlite", "duckdb")
    return {
        "url": url,
        "file": database_file(url.database, dump=url.get_backend_name() == "sqlite") if in_file else None,
        "arguments": given or None,
        "options": dict(value.get_execution_options()) or None,
        "events": listeners(value),
    }


def orm_session(value: Any) -> Settings:
    own = attributes(value)
    binds = own.get("binds") or own.get("_Session__binds") or {}
    if own.get("bind") is None and not binds:
        raise Unfit("it is a session that is bound to no engine")
    if own.get("_new") or own.get("_deleted"):
        raise Unfit("it is a session with changes that are not written yet")
    found = [[kind, one] for kind, one in binds.items()] or None
    return {"bind": own.get("bind"), "binds": found, "events": listeners(value)}


def sqlite(value: Any) -> Settings:
    cursor = value.cursor()
    cursor.row_factory = None  # the user's own may give anything
    files = [row[2] for row in cursor.execute("pragma database_list")]
    if not all(files):
        files = [one for one in files if one] if len(files) > 1 and files[0] else [None]
    shown = {name: getattr(value, name) for name in ("row_factory", "text_factory", "isolation_level")}
    found = shown | {"path": files[0], "files": [database_file(one, dump=True) for one in files]}
    return found | {"changes": value.total_changes if value.in_transaction else None}


def sqlite_cursor(value: Any) -> Settings:
    return {"connection": value.connection, "row_factory": value.row_factory}


def duckdb(value: Any) -> Settings:
    beside = value.cursor()  # a query on the connection itself would throw away a result that waits there
    try:
        files = beside.execute("select path from duckdb_databases() where not internal order by 1").fetchall()
    finally:
        beside.close()
    return {"path": files[0][0], "files": [database_file(path) for (path,) in files]}


def psycopg(value: Any) -> Settings:
    found = {name: item for name, item in value.info.get_parameters().items() if "timeout" not in name}
    return found | {"row_factory": value.row_factory}


def mongo(value: Any) -> Settings:
    seeds = at(value, "_topology_settings.seeds") or at(value, "_topology_settings._seeds")
    if not seeds:
        raise Unfit("it is a pymongo client without an address that can be read")
    found = only("_default_database_name", "_codec_options", "_read_preference", "_read_concern")(value)
    return found | {"seeds": sorted(map(list, seeds))}


def elastic(value: Any) -> Settings:
    nodes = at(value, "_transport.node_pool._seed_nodes") or ()
    if not nodes:
        raise Unfit("it is a search client without an address that can be read")
    sent = [[f"{one.scheme}://{one.host}:{one.port}{one.path_prefix}", headers(one.headers.items())] for one in nodes]
    return {"url": sent[0][0], "nodes": sent, "headers": headers((at(value, "_headers") or {}).items()) or None}


def grpc_channel(value: Any) -> Settings:
    own = attributes(value)
    if "_interceptor" in own:
        return {"channel": own["_channel"], "interceptor": own["_interceptor"]}
    target = own.get("_target") or own["_channel"].target()
    return {"target": target.decode() if isinstance(target, bytes) else target}


def thread_local(value: Any) -> Settings:
    return dict(vars(value))


# -- what reads files, or is compiled from text -----------------------------------------------------------------------


def template(value: Any) -> Settings:
    """A Jinja2 template by what was compiled from its text, which is not kept."""
    own = attributes(value)
    blocks = {name: block.__code__ for name, block in own["blocks"].items()}
    said = {name: own[name] for name in ("environment", "globals", "name")}
    return {**said, "code": own["root_render_func"].__code__, "blocks": blocks}


def file_manager(value: Any) -> Settings:
    own = attributes(value)
    return {"file": database_file(own["_args"][0]), "mode": own["_mode"], "options": own["_kwargs"] or None}


def rich_prompt(value: Any) -> Settings:
    """A prompt whose list of variables comes from a set, in the order of this process."""
    own = attributes(value)
    return own | {"template_vars": sorted(own.get("template_vars") or ())}


def schemas(value: Any) -> Settings:
    """A registry of schemas by what they say, in no order of their own."""
    return {"resources": sorted(([uri, one.contents] for uri, one in value._resources.items()), key=lambda one: one[0])}
