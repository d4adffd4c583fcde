"""Targets that installed packages add, by the contract that they are tested with."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last, wrap
from spotmagic.errors import OptionError, SpotWarning
from spotmagic.testing import TargetContract
from spotmagic.wrap import replaced
from spotmagic.wrap.functions import FunctionTarget

LIBRARY = """
asked = []

class Station:
    def forecast(self, day):
        asked.append(day)
        return {"day": day, "sun": True}
"""


class Weather:
    """The example of the protocol's docstring."""

    options = ("ttl", "price", "ignore", "mode", "version", "rpm")

    def on(self, spot: Spot, options: Any) -> Any:
        from weather import Station

        marks = {name: value for name, value in options.items() if name != "rpm"}
        wrapper = spot.mark(**marks)(Station.forecast)
        if "rpm" in options:
            wrapper = spot.limiter(rpm=options["rpm"])(wrapper)
        return replaced(Station, "forecast", wrapper)


@pytest.fixture(autouse=True)
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "weather.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("weather")
    del sys.modules["weather"]


class TestWeather(TargetContract):
    @pytest.fixture
    def target(self) -> Weather:
        return Weather()

    @pytest.fixture
    def use(self, weather: Any) -> Any:
        return lambda: weather.Station().forecast("monday")

    @pytest.fixture
    def paid(self, weather: Any) -> Any:
        return lambda: len(weather.asked)

    @pytest.fixture
    def touched(self, weather: Any) -> Any:
        return [(weather.Station, "forecast")]


class TestFunctions(TestWeather):
    @pytest.fixture
    def target(self) -> Any:
        return FunctionTarget("weather:Station.forecast")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def add(value: str) -> None:
        point = importlib.metadata.EntryPoint("weather", value, "spotmagic.targets")
        entry_points = importlib.metadata.entry_points
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda **given: [point] if given.get("group") == "spotmagic.targets" else entry_points(**given),
        )

    return add


def test_an_installed_target_is_had_by_its_word(weather: Any, install: Any, spot: Spot) -> None:
    install(f"{__name__}:Weather")
    sys.modules[__name__].Weather = Weather
    with spot.wrap("weather", ttl="1h", rpm="600"):
        assert weather.Station().forecast("monday") == weather.Station().forecast("monday")
        assert weather.asked == ["monday"] and last().verdict == "hit" and wrap.names() == ["weather"]
    with pytest.raises(OptionError, match=r"unknown option of weather 'prise'. Did you mean price\?"):
        spot.wrap("weather", prise=1)


def test_one_that_cannot_be_loaded_is_told_by_name(install: Any, spot: Spot) -> None:
    install("weather_spotmagic:Weather")
    with pytest.warns(SpotWarning, match="the target weather cannot be loaded"), pytest.raises(OptionError):
        spot.wrap("weather")
