"""What can be wrapped: the protocol of targets, the options they take, and how third parties add one."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from spotmagic.errors import OptionError, tell, unknown

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

ENTRY_POINTS = "spotmagic.targets"
Undo = Callable[[], None]
"""Takes back what wrapping a target did. Called once."""

LIMITS = ("rpm", "tpm", "concurrency", "name", "cost", "settle", "timeout")
"""Options that are the limiter's."""
_NUMBERS = {"concurrency": int, "retry": int, "price": float, "cost": float}


class Target(Protocol):
    """Something a notebook already uses, which one word puts under a spot without touching its code.

    Installed packages add theirs by the entry-point group ``spotmagic.targets``: the name is the word that users write,
    the value an object of this protocol, or a class that makes one. A target that keeps the answers of a library's one
    door, with all options of ``@spot.mark``::

        # pyproject.toml of the package
        # [project.entry-points."spotmagic.targets"]
        # weather = "weather_spotmagic:Weather"

        from spotmagic.wrap import replaced

        class Weather:
            options = ("ttl", "price", "ignore", "mode", "version", "rpm")

            def on(self, spot, options):
                from weather import Station

                marks = {name: value for name, value in options.items() if name != "rpm"}
                wrapper = spot.mark(**marks)(Station.forecast)
                if "rpm" in options:
                    wrapper = spot.limiter(rpm=options["rpm"])(wrapper)
                return replaced(Station, "forecast", wrapper)

    Then ``%spot_load_ext weather ttl=1h`` keeps every forecast, and ``%spot_load_ext weather off`` puts the original
    back. :class:`spotmagic.testing.TargetContract` tests that.

    Attributes:
        options: the names of the options it takes; any other is an error before :meth:`on` is called.
    """

    @property
    def options(self) -> Collection[str]:
        """The names of the options it takes."""
        ...

    def on(self, spot: Spot, options: Mapping[str, Any]) -> Undo:
        """Wrap, and give what puts every original back exactly.

        Raises:
            OptionError: for an option that cannot be used, or a library that is not there. Nothing is wrapped then.
        """
        ...


def replaced(owner: Any, name: str, wrapper: Any) -> Undo:
    """Put a wrapper in the place of an attribute; what comes back puts the original there again.

    What somebody else put there meanwhile stays. An attribute that the owner only inherited is inherited again.
    """
    undos: list[Undo] = []
    try:
        place_over(owner, name, wrapper, undos)
    except BaseException:
        take_back(undos)
        raise
    return undos[0]


def place_over(owner: Any, name: str, wrapper: Any, undos: list[Undo]) -> None:
    """The same, with what puts the original back on a list before anything is done: whoever is interrupted has it."""
    missing = object()  # an attribute may well be None
    original = vars(owner).get(name, missing)

    def undo() -> None:
        if vars(owner).get(name) is not wrapper:  # somebody has put theirs over it, which may call ours
            return
        if original is missing:
            delattr(owner, name)
        else:
            setattr(owner, name, original)

    undos.append(undo)
    setattr(owner, name, wrapper)


def take_back(undos: list[Undo]) -> None:
    """Take several things back, the last first. An interrupt leaves on the list what is not taken back."""
    while undos:  # looked at anew each time: transports that are met later are added to it
        last = undos[-1]
        last()
        undos.remove(last)


def installed() -> dict[str, Any]:
    """The targets that installed packages name, by their word."""
    return {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}


def load_target(point: Any) -> Target | None:
    """The target of an entry point. One that cannot be loaded is told."""
    try:
        found = point.load()
        return found() if isinstance(found, type) else found  # type: ignore[no-any-return]
    except Exception as error:
        tell(f"the target {point.name} cannot be loaded", f"{point.value}: {type(error).__name__}: {error}")
        return None


def read_options(given: Mapping[str, Any], target: str, known: Collection[str]) -> dict[str, Any]:
    """The options of a target: all known to it, numbers of a magic's line as numbers.

    Raises:
        OptionError: for a name it does not take, with the nearest right one.
    """
    options = dict(given)
    for name, value in given.items():
        if name not in known:
            raise unknown(f"option of {target}", name, known)
        if name in _NUMBERS and isinstance(value, str) and not (name == "cost" and value == "mean"):
            try:
                options[name] = _NUMBERS[name](value)
            except ValueError:
                raise OptionError(f"{name}={value!r} is not a number", todo=f"Write {name}=3") from None
    return options
