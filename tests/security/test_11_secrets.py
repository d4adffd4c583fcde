"""A credential of arguments, source, outputs, errors, headers or environment is in no file that could travel."""

from __future__ import annotations

import base64
import dataclasses
import logging
import os
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pydantic
import pytest
from IPython.core.interactiveshell import InteractiveShell
from loopback import Answering, Loopback, serving
from traitlets.config import Config

import spotmagic
from spotmagic import KeyGen, Spot, last, running
from spotmagic.errors import JobFailed, SpotWarning, _told
from spotmagic.store import trust
from spotmagic.store.shared import SharedStore
from spotmagic.values.credentials import Credentials

from .leaks import Canaries, packings, spelled

canary = Canaries()
GLOBAL_TOKEN = canary("a global")
SETTINGS = {"service": {"client_secret": canary("a nested global", "Zq{}")}}


@dataclasses.dataclass
class Client:
    api_key: str
    base: str = "https://service"


CLIENT = Client(canary("a client in a global"))


class Login(pydantic.BaseModel):
    user: str
    word: pydantic.SecretStr


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spot]:
    monkeypatch.setenv("SERVICE_API_KEY", canary("the environment"))
    monkeypatch.setenv("DATABASE_PASSWORD", canary("the environment's phrase", "correct horse {}"))
    trust.ring.cache_clear()  # a job of its own process reads that of this home
    made = Spot("hush", root=tmp_path / "spots", remote=f"file://{tmp_path}/bucket")
    yield made
    made.close()


def travelled(spot: Spot, tmp_path: Path) -> list[str]:
    """Where a credential is, in all that may leave: the folder with its catalog, what was sent, and an archive."""
    spot.sql("SELECT * FROM entries")
    if isinstance(spot.store, SharedStore):
        spot.push()
    spot.export(tmp_path / "all.zip")
    before = canary.found(spot.folder)  # with the log of the catalog, if it is open
    spot.close()
    return [*before, *canary.found(tmp_path)]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """The control: what the naive way writes, it names; and it reads every spelling, packed or not."""
    secret = canary("the control", 'a "key"/+é {}')
    (tmp_path / "naive.pickle").write_bytes(pickle.dumps({"args": {"api_key": secret}}))
    assert any("naive.pickle" in where for where in canary.found(tmp_path))
    for number, data in enumerate(packings(secret)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").write_bytes(data)
        assert canary.found(tmp_path / str(number)), data
    del canary.made["the control"]


def _back(**given: Any) -> Any:
    return given


def _token(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def _coded(password: str) -> str:
    return base64.b64encode(f"user:{password}".encode()).decode()


def _quoted(password: str) -> str:
    return f"https://service/?q={quote(password, safe='')}"


def _hex(password: str) -> str:
    return password.encode().hex()


def _wide(password: str) -> Any:
    import numpy

    return numpy.array([password])


def _frame(password: str) -> Any:
    import pandas

    return pandas.DataFrame({"sent": [password] * 3})


def _of_global() -> Any:
    return [GLOBAL_TOKEN]


def _of_settings() -> Any:
    return dict(SETTINGS["service"])


def _of_client() -> Any:
    return {"sent with": CLIENT.api_key}


def _of_environment() -> Any:
    return {"Authorization": "Bearer " + os.environ["SERVICE_API_KEY"]}


def _whole_environment() -> Any:
    return dict(os.environ)


def _of_closure() -> Callable[[], Any]:
    api_key = canary("a closure")

    def inner() -> Any:
        return f"sent with {api_key}"

    return inner


RESULTS: dict[str, tuple[Callable[..., Any], Callable[[str], dict[str, Any]]]] = {
    "the argument itself": (_back, lambda s: {"api_key": s}),
    "a header": (_back, lambda s: {"headers": {"Authorization": f"Bearer {s}"}}),
    "the token of a header": (_token, lambda s: {"headers": {"Authorization": f"Bearer {s}"}}),
    "a key of a service": (_back, lambda s: {"openai_key": s}),
    "a cookie": (_back, lambda s: {"headers": [("Cookie", f"a=1; id={s}")]}),
    "named and valued": (_back, lambda s: {"fields": [{"name": "X-Api-Key", "value": s}]}),
    "deep in a list": (_back, lambda s: {"options": [{"a": [{"client_secret": s}]}]}),
    "an address": (_back, lambda s: {"url": f"postgres://me:{quote(s, safe='')}@host/db"}),
    "a query": (_back, lambda s: {"url": f"https://service/v1?api_key={s}&q=1"}),
    "an object": (_back, lambda s: {"client": Client(s)}),
    "a model": (_back, lambda s: {"login": Login(user="me", word=s)}),
    "a pair": (_back, lambda s: {"auth": ("me", s)}),
    "base64": (_coded, lambda s: {"password": s}),
    "quoted": (_quoted, lambda s: {"password": s}),
    "hexadecimal": (_hex, lambda s: {"password": s}),
    "wide letters": (_wide, lambda s: {"password": s}),
    "a column": (_frame, lambda s: {"password": s}),
    "a global": (_of_global, lambda s: {}),
    "a dict in a global": (_of_settings, lambda s: {}),
    "a client in a global": (_of_client, lambda s: {}),
    "a variable of the environment": (_of_environment, lambda s: {}),
    "all of the environment": (_whole_environment, lambda s: {}),
    "a closure": (_of_closure(), lambda s: {}),
}  # fmt: skip


def test_no_result_takes_a_credential_along(spot: Spot, tmp_path: Path) -> None:
    """It is returned, and told by what it held; nothing of it is kept."""
    for how, (function, given) in RESULTS.items():
        named = spot.mark(version=how)(function)
        arguments = given(canary(f"result: {how}", "Kx/+{}"))
        with pytest.warns(SpotWarning, match="holds a secret"):
            value = named(**arguments)
        assert repr(value) == repr(function(**arguments)), how
        assert not last().stored and "holds a secret" in last().reason, how
        _told.clear()
    assert spot.entries() == []
    assert travelled(spot, tmp_path) == []


KEPT: dict[str, dict[str, Any]] = {
    "a token of a text": {"token": "international"},
    "a password that is a word": {"password": "postgres"},
    "the next page": {"page_token": "CAUQAA17b2d3f4"},
    "the key of a row": {"cache_key": "a3f9c81b2d4e5f607182"},
    "a signature": {"messages": [{"signature": "EqQBCkgIARABGAIi"}]},
    "a session of an agent": {"session_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"},
    "prose about credentials": {"prompt": "Basic understanding of the Bearer of a token: password=secret"},
    "an address without one": {"url": "https://host:8080/a?key=name&q=1"},
    "nothing": {"api_key": None, "auth": ()},
}


def test_what_only_looks_like_one_is_kept(spot: Spot) -> None:
    """A word that happens to be a password stands in many an answer: what was paid for it is not lost."""
    for how, given in KEPT.items():
        function: Any = spot.mark(version=how)(_back)
        function(**given)
        assert function(**given) == given and last().verdict == "hit", how
    told: Any = spot.mark(key=KeyGen.map(doc_token=str))(_document)
    told("doccn7Yt22q0wKzAB")
    assert told("doccn7Yt22q0wKzAB") and last().verdict == "hit", "a policy says that it is none"


def _document(doc_token: str) -> str:
    return f"document {doc_token}"


def test_no_error_takes_a_credential_along(spot: Spot, tmp_path: Path) -> None:
    """Nor its attributes, notes, causes and traceback; kept or not, in this process or another."""

    def bare(**given: Any) -> None:
        raise ValueError(f"401 {given}")

    def coded(api_key: str) -> None:
        raise ValueError(base64.b64encode(f"x:{api_key}".encode()).decode())

    def attribute(api_key: str) -> None:
        error = ValueError("refused")
        error.request = {"headers": {"x": api_key}}  # type: ignore[attr-defined]
        raise error

    def note(api_key: str) -> None:
        error = ValueError("refused")
        error.add_note(f"sent with {api_key}")
        raise error

    def cause(api_key: str) -> None:
        raise ValueError("refused") from RuntimeError(api_key)

    def environment() -> None:
        raise ValueError(str(dict(os.environ)))

    def of_global() -> None:
        raise ValueError(f"{GLOBAL_TOKEN} {SETTINGS}")

    def short(pin: str) -> None:
        raise ValueError(f"wrong: {pin}")

    headers = {"Authorization": f"Bearer {canary('an error: a header', 'zz{}')}"}
    secret = canary("an error")
    calls = [
        (bare, {"api_key": secret}), (bare, {"headers": headers}), (bare, {"dsn": f"redis://:{secret}@host"}),
        (coded, {"api_key": secret}), (attribute, {"api_key": secret}), (note, {"api_key": secret}),
        (cause, {"api_key": secret}), (environment, {}), (of_global, {}),
    ]  # fmt: skip
    for function, given in calls:
        for options in ({"errors": Exception}, {}):
            marked: Any = spot.mark(version="1", **options)(function)
            with warnings.catch_warnings(), pytest.raises(ValueError):
                warnings.simplefilter("ignore")
                marked(**given)
            assert not last().stored, function
    assert spot.entries(status=None) == []
    pinned: Any = spot.mark(version="1", errors=Exception, key=KeyGen.map(pin=KeyGen.SECRET))(short)
    with warnings.catch_warnings(), pytest.raises(ValueError):
        warnings.simplefilter("ignore")
        pinned("4711")
    assert "its error" in last().reason, "a short one counts in errors"
    assert travelled(spot, tmp_path) == []


def test_a_kept_error_has_a_traceback_without_credentials(spot: Spot, tmp_path: Path) -> None:
    @spot.mark(errors=Exception)
    def ask() -> None:
        headers = {"x": GLOBAL_TOKEN}
        try:
            raise RuntimeError(f"sent {headers}")
        except RuntimeError:
            raise ValueError("failed")  # noqa: B904

    with pytest.raises(ValueError, match="failed"):
        ask()
    entry: Any = spot.store.get(bytes.fromhex(ask.key()))
    text = entry.notes["traceback"]
    assert "ValueError: failed" in text and "in ask" in text and "RuntimeError: sent" in text
    assert travelled(spot, tmp_path) == []


def test_arguments_in_clear_are_shown_nowhere(spot: Spot, tmp_path: Path) -> None:
    """The texts by which people find a call, the outcome it is told with, and a key that a function gives."""
    secret = canary("an argument")
    calls = [
        {"api_key": secret}, {"headers": {"Authorization": f"Bearer {secret}"}}, {"config": Client(secret)},
        {"prompt": f"curl -u me:x -H 'Authorization: Bearer {secret}' https://x?key={secret}"},
        {"password": secret, "text": f"say {secret} backwards"}, {"url": f"https://me:{secret}@host/"},
        {"url": f"https://host/?access_token={secret}"}, {"auth": ("me", secret)},
    ]  # fmt: skip
    for given in calls:
        spot.mark(version="1")(_count)(**given)
        spot.mark(version="2", key=lambda **chosen: chosen)(_count)(**given)
        assert last().stored, given
    assert travelled(spot, tmp_path) == []


def _count(**given: Any) -> int:
    running().progress(1, 2, str(given))
    return len(given)


def test_the_log_and_the_failed_inputs_of_a_batch_hold_none(spot: Spot, tmp_path: Path) -> None:
    def ask(item: Any) -> None:
        logging.getLogger("service").warning("sent %s", item)
        raise ValueError(f"401 for {item} with {os.environ['DATABASE_PASSWORD']}")

    secret = canary("an input", "qq{}")
    inputs = [
        {"prompt": "p", "api_key": secret}, f"https://me:{secret}@host", ("x", {"headers": {"Cookie": f"id={secret}"}}),
        {"a": "b" * 190, "password": secret}, Client(secret),
    ]  # fmt: skip
    batch = spot.map(spot.mark(ask), inputs, progress=False)
    assert len(batch.failed) == len(inputs)
    assert travelled(spot, tmp_path) == []


def test_a_job_of_its_own_process_tells_none(spot: Spot, tmp_path: Path) -> None:
    """Not in its log, its state or its traceback; and a result that cannot be kept comes back all the same."""

    def ask(api_key: str, how: str) -> Any:
        running().progress(1, 2, f"with {api_key}")
        sys.stdout.write(f"I use {api_key}\n")
        if how == "fails":
            raise ValueError(f"bad {api_key}")
        return {"sent with": api_key}

    ask.__module__ = "__main__"
    ask.__qualname__ = "ask"
    marked: Any = spot.mark(ask).using(detached=True)
    secret = canary("a job", "plain{}")
    good, bad = marked.submit(secret, "works"), marked.submit(secret, "fails")
    assert good.result(60) == {"sent with": secret}
    with pytest.raises(JobFailed, match="bad …"):
        bad.result(60)
    assert "I use …" in good.log() and "in ask" in bad.traceback
    assert travelled(spot, tmp_path) == []


class Echo(Answering):
    """Answers with what it was asked, or sends elsewhere."""

    def do_GET(self) -> None:
        body = b"" if "quiet" in self.path else f"{self.path} {self.headers}".encode()
        headers = {"set_cookie": f"session={canary('a cookie that is set', 'cc{}')}"}
        if "moved" not in self.path:
            self.say(body, **headers)
            return
        there = self.path.replace("moved", "quiet")
        self.say(body, 302, location=f"{there}&token={canary('a redirection', 'rr{}')}", **headers)


def test_requests_and_answers_hold_none(spot: Spot, tmp_path: Path) -> None:
    """Headers, cookies, parameters and passwords of a wrapped client, and those of where it was sent on to."""
    secret = canary("a request", "Hq/+{}")
    with serving(Loopback(Echo)) as server, spot.wrap("httpx"), httpx.Client(follow_redirects=True) as client:
        for path in ("quiet", "loud", "moved"):
            headers = {"Authorization": f"Bearer {secret}", "X-Api-Key": secret, "Cookie": f"id={secret}"}
            place = f"me:{quote(secret, safe='')}@127.0.0.1:{server.server_port}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                client.get(f"http://{place}/{path}?api_key={quote(secret, safe='')}", headers=headers)
            assert last().stored == (path != "loud"), path
    assert travelled(spot, tmp_path) == []


MADE_OF_ONE = """\
print("sent with", my_token)
headers = {"Authorization": f"Bearer {my_token}"}
given = dict(Authorization="Bearer " + config["api_key"])
print(config)
address = config["db"] + "?x"
coded = __import__("base64").b64encode(f"u:{my_token}".encode()).decode()
url = "https://host/?key=" + __import__("urllib.parse").parse.quote(config["api_key"], safe="")
client
other = Client(my_token)
print(__import__("json").dumps({"k": client.api_key}))
print(__import__("pathlib").Path("key.txt").read_text())
raise ValueError(f"bad {my_token}")
%env SOME_SERVICE_KEY=<magic>
print("<sk-live-printed>")
password = "<p@ss w0rd!phrase>"
auth = ("me", "<pair>")"""
NAMING_ONE = """\
x = 1  # <sk-live-comment>
x = len('''a\\nAuthorization: Bearer <triple>\\n''')
!true --header Authorization:Bearer\\ <shell>
!export SOME_TOKEN=<exported>; true
x = len("<sk-live-known>")
SECRET = "<assigned>"
held = __import__("os").environ["SERVICE_API_KEY"]
x = len(dict(api_key="<keyword>")["api_key"])
def ask(password="<default>"): return len(password)
x = "requests.get(url, auth=('me', '<quoted>'))"[:3]
x = len(f"https://me:<address>@host/")"""


def test_cells_keep_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In source, variables, outputs and errors: what is made of one is not kept, and a source is kept masked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_API_KEY", canary("the environment"))
    (tmp_path / "key.txt").write_text(canary("read and printed", "ghp_{}"))
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    token = canary("a variable", "xx{}")
    shell.user_ns |= {
        "my_token": token, "client": Client(token), "Client": Client,
        "config": {"api_key": canary("an item"), "db": f"postgres://u:{canary('a database', 'pp{}')}@host/x"},
    }  # fmt: skip
    try:
        with shell.builtin_trap, shell.display_trap:
            shell.run_line_magic("load_ext", "spotmagic")
            shell.run_line_magic("spot", "open cells")  # another test may have left one open
            for cells, keeps in ((MADE_OF_ONE, False), (NAMING_ONE, True)):
                for line in cells.splitlines():
                    cell = re.sub(r"<(.*?)>", lambda found: canary(f"a cell: {found[1]}", f"{found[1][:8]}{{}}"), line)
                    shell.run_cell(f"%%spot quiet\n{cell}", store_history=True)
                    assert last().stored == keeps, (line, last().reason)
            spot = spotmagic.current()
            (tmp_path / "key.txt").unlink()
            assert len(spot.entries(status=None)) == len(NAMING_ONE.splitlines())
            assert travelled(spot, tmp_path) == []
    finally:
        shell.extension_manager.unload_extension("spotmagic")
        shell.restore_sys_module_state()
        InteractiveShell.clear_instance()


def test_ways_of_writing_a_credential_differ() -> None:
    """The search looks for as many spellings as it says."""
    assert len({*spelled("a/b+c é").values()}) >= 12


def test_a_function_tells_the_credentials_it_names_and_holds_and_none_beside_it() -> None:
    space: dict[str, Any] = {"SETTINGS": {"password": "named-hunter2x9"}, "beside": {"password": "beside-hunter2x9"}}
    source = """
def read(): return SETTINGS
def make(held):
    def ask(x, options={"password": "default-hunter2x9"}): return [read() for _ in held]
    return ask
ask = make({"password": "closed-hunter2x9"})
"""
    exec(source, space)
    found = Credentials()
    found.look("ask", space["ask"])
    assert found.all == {"named-hunter2x9", "default-hunter2x9", "closed-hunter2x9"}
