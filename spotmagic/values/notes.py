"""What a walk through a value notes beside its fingerprint, and which names are those of secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spotmagic.values.scheme import digest

Mask = Callable[[bytes], bytes]
"""HMAC under the user's own secret: what a secret value enters a key as."""

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:(?:api|access|secret|private)[_-]?key|(?:auth[_-]?)?token|secret|passw(?:or)?d|authorization"
    r"|credentials?)$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Notes:
    """What was met on the way.

    Attributes:
        handles: things counted by type and settings only, such as ``client (openai.OpenAI)``.
        state: names that the call only writes, left out of the key.
        secret: whether a secret is in it, masked.
        reached: fingerprints of what the code reaches: ``"helper clean"``, ``"global PROMPT"``, ``"class Config"``.
        trouble: why the result may not be stored, or "".
        packages: the libraries whose values it holds.
    """

    handles: dict[str, None] = field(default_factory=dict)  # in the order they were met
    state: dict[str, None] = field(default_factory=dict)
    secret: bool = False
    reached: dict[str, bytes] = field(default_factory=dict)
    trouble: str = ""
    packages: set[str] = field(default_factory=set)

    def leave_credential(self, name: str) -> None:
        """Note a name that is only used to log in: it counts by that alone."""
        self.handles[f"{name} (credential)"] = None

    def reach(self, found: Mapping[str, bytes]) -> None:
        """Add what code reaches. Two things of one name (the ``PROMPT`` of two modules) count together."""
        if not self.reached:
            self.reached = {**found}
            return
        for label, one in found.items():
            known = self.reached.get(label, one)
            self.reached[label] = one if known == one else digest(known, one)

    def take(self, other: Notes) -> None:
        """Add what another walk met."""
        self.handles |= other.handles
        self.state |= other.state
        self.secret = self.secret or other.secret
        self.trouble = self.trouble or other.trouble
        self.packages |= other.packages


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret: ``api_key``, ``OPENAI_API_KEY``, ``X-Auth-Token``."""
    return _SECRET_NAME.search(name) is not None
