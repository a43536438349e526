"""The curve shows what came, in its proportions."""

from __future__ import annotations

from itertools import pairwise

import pytest

from lucid_blender.client.curve import MOST_POINTS, Curve


def curve_of(*values: float) -> Curve:
    curve = Curve()
    for value in values:
        curve.add(value)
    return curve


def test_the_curve_has_a_bar_for_each_share_of_the_values() -> None:
    assert curve_of().bars(8) == "" and curve_of(3).bars(8) == "▁"
    assert curve_of(0, 1, 2, 3, 4, 5, 6, 7).bars(8) == "▁▂▃▄▅▆▇█"
    assert curve_of(7, 7, 0, 0).bars(2) == curve_of(70, 0).bars(9) == "█▁"
    assert curve_of(5, 5, 5).bars(2) == "▁▁"
    assert len(curve_of(*(k % 9 for k in range(1000))).bars(24)) == 24


def test_a_long_run_keeps_its_whole_curve_evenly_in_little_room() -> None:
    curve = curve_of(*range(10_000))
    assert len(curve.points) < MOST_POINTS
    steps = [later - earlier for earlier, later in pairwise(curve.points)]
    assert steps == [curve.stride] * len(steps)
    assert curve.points[0] == pytest.approx((curve.stride - 1) / 2)
    assert curve.points[-1] >= 10_000 - 2 * curve.stride
