"""The size of the interface, chosen in the settings."""

from __future__ import annotations

import pytest

from viewer import scaling
from viewer.settings import Settings


@pytest.fixture(autouse=True)
def _as_before():
    yield
    scaling._in_force = 100


def test_the_environment_is_left_alone_where_someone_set_it():
    settings = Settings()
    scaling.choose(settings, 200)
    environment = {"QT_SCALE_FACTOR": "3"}
    scaling.prepare(settings, environment)
    assert environment == {"QT_SCALE_FACTOR": "3"} and scaling.in_force() == 100


def test_a_start_can_have_a_size_of_its_own():
    settings = Settings()
    environment: dict[str, str] = {}
    assert scaling.prepare(settings, environment, 175) == 175
    assert environment == {"QT_SCALE_FACTOR": "1.75"} and scaling.chosen(settings) == 100
    scaling.forget(environment)
    assert environment == {}


def test_nonsense_is_the_nearest_size():
    settings = Settings()
    settings.set("appearance/scale", "lots")
    assert scaling.chosen(settings) == 100
    settings.set("appearance/scale", 999)
    assert scaling.chosen(settings) == 200


def test_it_is_known_what_fits_the_screen():
    assert scaling.fits(200, 100, (1920, 1200)) and not scaling.fits(200, 100, (1280, 800))
    assert scaling.fits(100, 200, (640, 400))
