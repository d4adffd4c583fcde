"""``spotmagic ui``: the panel on a page of its own, served to this machine alone."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError

if TYPE_CHECKING:
    from spotmagic.spot import Spot

HOST = "127.0.0.1"
PORT = 8765
MAX_MESSAGE = 1_000_000
_NEEDS = ("starlette", "uvicorn", "websockets")


class Server:
    """The page of a spot on a port of loopback.

    Attributes:
        port: the one it has.
        address: opens the page; holds the token.

    Raises:
        OptionError: the extra ``ui`` is not installed, or the port is taken.
    """

    def __init__(self, spot: Spot, port: int | None = None) -> None:
        missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
        if missing:
            raise OptionError(
                "the page needs a web server",
                f"{', '.join(missing)} is not installed" if len(missing) == 1 else f"{', '.join(missing)} are missing",
                'Run: pip install "spotmagic[ui]"',
            )
        import uvicorn

        from spotmagic.dashboard.app import app
        from spotmagic.dashboard.guard import Guard

        self._socket = _bound(port)
        self.port = self._socket.getsockname()[1]
        guard = Guard(app(spot), self.port)
        self.token = guard.token
        self.address = f"http://{HOST}:{self.port}/?token={guard.token}"
        config = uvicorn.Config(
            guard,
            http="h11",
            lifespan="off",
            log_config=None,
            access_log=False,  # the token is in the first line of the log otherwise
            server_header=False,
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server: Any = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until it is stopped, or interrupted by Ctrl-C."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End ``run``, from any thread."""
        self._server.should_exit = True


def serve(spot: Spot, port: int | None = None, *, browse: bool = True, say: Callable[[str], None]) -> None:
    """Serve the page of a spot until Ctrl-C.

    Args:
        port: 0 for any free one; 8765 by default, or any free one where that is taken.
        browse: open the page in the reader's browser.
        say: gets the lines to print.

    Raises:
        OptionError: see :class:`Server`.
    """
    server = Server(spot, port)
    say(f"The panel of {spot.name} is at {server.address}")
    say("Ctrl-C ends it.")
    with _opened(server.address) if browse else contextlib.nullcontext():
        try:
            server.run()
        except KeyboardInterrupt:
            return


def _bound(port: int | None) -> socket.socket:
    place = socket.socket()
    # So that a server that was ended can be started again at once; two at a time do not get one port by it.
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((HOST, PORT if port is None else port))
        place.listen(100)
    except (OSError, OverflowError) as error:
        place.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        if taken and port is None:
            return _bound(0)
        why = "another program has it" if taken else getattr(error, "strerror", None) or "ports go from 0 to 65535"
        raise OptionError(f"port {port} is not free", why, "Say another, or 0 for any that is free") from None
    return place


@contextlib.contextmanager
def _opened(address: str) -> Iterator[None]:
    """Opens an address by way of a private file: a command line with the token in it could be read by others."""
    made, name = tempfile.mkstemp(prefix="spotmagic-", suffix=".html")
    path = Path(name)
    try:
        with os.fdopen(made, "w") as file:
            file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(address, quote=True)}">')
        webbrowser.open(path.as_uri())
        yield
    finally:
        path.unlink(missing_ok=True)
