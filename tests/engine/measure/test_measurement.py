"""Measurements against closed forms, in mm, in pixels and in ultrasound regions."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.images.image import Display, Geometry, Image, ScaledRegion
from engine.measure import geometry
from engine.measure.measurement import MOST_POINTS, Measurement, describe, from_json, measure
from engine.measure.scale import scale_at

RNG = np.random.default_rng(5)


def image(spacing=(0.5, 0.25), pixels=None, **more):
    if pixels is None:
        pixels = RNG.integers(0, 500, (2, 60, 80), dtype=np.int16)
    return Image(pixels, Geometry(spacing, **more), display=Display(unit="HU"))


def test_distance_in_anisotropic_millimetres():
    found = measure(image(), Measurement("distance", 0, ((10.0, 20.0), (16.0, 36.0))))
    assert found.value == pytest.approx(5.0)  # 3 mm down, 4 mm across
    assert found.text == "5.00 mm" and found.remark == ""


def test_angle_is_true_in_space_not_on_the_pixel_grid():
    # 0.5 mm rows, 0.25 mm columns: two columns make one row, so this is 45 degrees.
    found = measure(image(), Measurement("angle", 0, ((0.0, 0.0), (10.0, 0.0), (0.0, 20.0))))
    assert found.value == pytest.approx(45.0)
    points = ((0.0, 0.0), (10.0, 0.0), (0.0, 20.0))
    unknown = measure(image(None), Measurement("angle", 0, points))
    assert unknown.value == pytest.approx(math.degrees(math.atan(2.0)))
    assert "pixels taken as square" in unknown.remark
    aspect = measure(image(None, pixel_aspect=2.0), Measurement("angle", 0, points))
    assert aspect.value == pytest.approx(45.0) and aspect.remark == ""


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 60.0, 90.0, 179.999999, 180.0])
def test_angles_keep_their_digits(degrees):
    arm = (math.sin(math.radians(degrees)), math.cos(math.radians(degrees)))
    assert geometry.angle((0, 1), (0, 0), arm, (1, 1)) == pytest.approx(degrees, abs=1e-9)


def test_an_angle_without_an_arm_is_none():
    found = measure(image(), Measurement("angle", 0, ((1.0, 1.0), (1.0, 1.0), (5.0, 5.0))))
    assert found.value is None and found.text == "–"


def test_ellipse_area_and_what_it_holds():
    picture = image()
    corners = ((10.0, 20.0), (30.0, 60.0))
    found = measure(picture, Measurement("ellipse", 1, corners))
    assert found.value == pytest.approx(math.pi / 4 * 10.0 * 10.0)
    assert found.more[0] == "10.0 × 10.0 mm"
    rows, cols = np.mgrid[:60, :80]
    inside = ((rows - 20) / 10) ** 2 + ((cols - 40) / 20) ** 2 <= 1
    values = picture.frame(1)[inside].astype(float)
    held = found.statistics
    assert held.count == inside.sum()
    assert held.mean == pytest.approx(values.mean())
    assert held.deviation == pytest.approx(values.std(ddof=1))
    assert (held.lowest, held.highest) == (values.min(), values.max())
    # As many pixels as the area holds, to within the border.
    assert held.count * 0.125 == pytest.approx(found.value, rel=0.03)


def test_polygon_area_perimeter_and_pixels():
    corners = ((9.5, 19.5), (9.5, 39.5), (29.5, 39.5), (29.5, 19.5))  # along pixel edges
    picture = image()
    found = measure(picture, Measurement("polygon", 0, corners))
    assert found.value == pytest.approx(10.0 * 5.0)
    assert found.more[0] == "perimeter 30.0 mm"
    values = picture.frame(0)[10:30, 20:40].astype(float)
    assert found.statistics.count == 400
    assert found.statistics.mean == pytest.approx(values.mean())
    triangle = measure(picture, Measurement("polygon", 0, ((0, 0), (0, 8), (4, 0))))
    assert triangle.value == pytest.approx(0.5 * 2.0 * 2.0)


def test_a_polygon_that_crosses_itself_has_no_area_and_says_so():
    bow = Measurement("polygon", 0, ((0, 0), (10, 10), (0, 10), (10, 0)))
    found = measure(image(), bow)
    assert found.value is None and "crosses itself" in found.remark
    concave = Measurement("polygon", 0, ((0, 0), (10, 0), (2, 2), (0, 10)))
    assert measure(image(), concave).value == pytest.approx(20 * 0.125)


def test_crossings_are_found_wherever_they_are():
    turn = np.linspace(0, 2 * np.pi, MOST_POINTS, endpoint=False)
    round_ = np.stack([np.sin(turn), np.cos(turn)], axis=1) * 100
    assert not geometry.crosses_itself([(y, x) for y, x in round_.tolist()])
    for first, second in ((0, 700), (1, MOST_POINTS - 2), (2000, MOST_POINTS - 1)):
        crossed = round_.copy()
        crossed[[first, second]] = crossed[[second, first]]
        assert geometry.crosses_itself([(y, x) for y, x in crossed.tolist()])
    assert not geometry.crosses_itself([(0, 0), (0, 4), (4, 0)])
    assert geometry.crosses_itself([(0, 0), (10, 10), (0, 10), (10, 0)])


def test_without_spacing_pixels_are_said():
    found = measure(image(None), Measurement("distance", 0, ((0.0, 0.0), (3.0, 4.0))))
    assert found.text == "5.00 px" and found.remark == (
        "in pixels: the file gives no pixel spacing"
    )


def test_ultrasound_regions_each_have_their_scale():
    regions = (
        ScaledRegion(5, 5, 14, 14, (2.0, 2.0)),  # an inset, on top of the picture
        ScaledRegion(40, 0, 59, 79, None),  # an M-mode strip
        ScaledRegion(0, 0, 39, 79, (0.1, 0.1)),
    )
    picture = image((0.1, 0.1), regions=regions)

    def length(*points):
        found = measure(picture, Measurement("distance", 0, points))
        return found.text, found.remark

    assert length((6.0, 6.0), (6.0, 9.0)) == ("6.00 mm", "")
    assert length((20.0, 20.0), (20.0, 50.0)) == ("3.00 mm", "")
    text, why = length((45.0, 6.0), (45.0, 9.0))
    assert text == "3.00 px" and "axes are not lengths" in why
    text, why = length((30.0, 6.0), (50.0, 6.0))
    assert text == "20.0 px" and "beyond one calibrated region" in why
    only = image((0.1, 0.1), regions=(ScaledRegion(0, 0, 9, 9, (0.1, 0.1)),))
    assert "outside the calibrated" in scale_at(only, ((30.0, 30.0),)).why


def test_statistics_pass_over_what_is_no_number():
    pixels = np.full((1, 10, 10), 4.0, np.float32)
    pixels[0, 5, 5] = np.nan
    found = measure(image(pixels=pixels), Measurement("ellipse", 0, ((3.0, 3.0), (7.0, 7.0))))
    assert found.statistics.count == 12 and found.statistics.mean == 4.0
    one = measure(image(pixels=pixels), Measurement("ellipse", 0, ((1.8, 1.8), (2.2, 2.2))))
    assert one.statistics is not None and one.statistics.deviation is None
    outside = Measurement("ellipse", 0, ((50.0, 50.0), (60.0, 60.0)))
    assert measure(image(pixels=pixels), outside).more[-1] == "no pixel inside"


def test_text_and_json_round_trip():
    items = [
        Measurement("distance", 1, ((10.0, 20.0), (16.0, 36.0))),
        Measurement("ellipse", 0, ((10.0, 20.0), (30.0, 60.0))),
        Measurement("cover", 0, ((0.0, 0.0), (5.0, 5.0))),
    ]
    lines = describe(image(), items).splitlines()
    assert len(lines) == 3 and {line.count("\t") for line in lines} == {9}
    assert lines[1].startswith("Distance\t2\t5\tmm")
    for item in items:
        assert from_json(json.loads(json.dumps(item.as_json()))) == item


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"id": "a", "kind": "distance", "frame": 0, "points": [[0, 0]]},
        {"id": "a", "kind": "volume", "frame": 0, "points": [[0, 0], [1, 1]]},
        {"id": "a", "kind": "distance", "frame": 0, "points": [[0, 0], [1, "x"]]},
        {"id": "", "kind": "distance", "frame": 0, "points": [[0, 0], [1, 1]]},
        {"id": "a", "kind": "distance", "frame": 0, "points": [[0, 0], [1, float("nan")]]},
    ],
)
def test_damaged_json_is_refused(broken):
    with pytest.raises(ValueError):
        from_json(broken)
