"""A Redis server of our own on loopback."""

from __future__ import annotations

from loopback import Program


class RedisServer(Program):
    """A server of our own on loopback, which can be stopped and started again."""

    def command(self) -> list[str]:
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"
