"""What a run edits: checks, the box, and the frame that it is trained in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lucid_blender.core.editing import Frame, InitialSplats, outside_box, training_frame
from lucid_blender.core.errors import InvalidInput
from lucid_blender.core.options import BUILTIN, DiffusionModel, FromSplats, Generation
from lucid_blender.core.presets import editing, initialiser, preset
from lucid_blender.core.splats import SplatCloud

from .samples import splats


def prop(count: int = 500, *, radius: float = 0.5) -> SplatCloud:
    """Opaque splats on a ball, as a run leaves them."""
    cloud = splats(count)
    directions = cloud.positions / np.linalg.norm(cloud.positions, axis=1, keepdims=True)
    return replace(cloud, positions=radius * directions, opacities=np.full(count, 0.9))


def moved(cloud: SplatCloud, factor: float, shift: tuple[float, float, float]) -> SplatCloud:
    return replace(cloud, positions=cloud.positions * factor + np.array(shift), scales=cloud.scales * factor)


@pytest.mark.parametrize("radius", [0.3, 0.6, 0.95])
def test_a_prop_that_the_cameras_see_is_trained_where_it_is(radius: float) -> None:
    cloud = prop(radius=radius)
    assert training_frame(cloud) == Frame()
    assert Frame().enter(cloud) is cloud and Frame().leave(cloud) is cloud


@pytest.mark.parametrize(("factor", "shift"), [(40.0, (0, 0, 0)), (0.1, (0, 0, 0)), (1.0, (3, -2, 9)), (7, (5, 5, 5))])
def test_any_other_prop_is_centred_and_scaled(factor: float, shift: tuple[float, float, float]) -> None:
    cloud = moved(prop(), factor, shift)
    trained = training_frame(cloud).enter(cloud)
    # Quantiles of 500 random points on a ball: a few per cent.
    assert np.abs(trained.positions.mean(axis=0)).max() < 0.06
    assert np.linalg.norm(trained.positions, axis=1).max() == pytest.approx(0.6, rel=0.05)
    # Sizes grow with distances.
    grown = trained.scales / cloud.scales
    apart = np.linalg.norm(trained.positions[0] - trained.positions[1])
    before = np.linalg.norm(cloud.positions[0] - cloud.positions[1])
    assert grown == pytest.approx(apart / before, rel=1e-4)


def test_leaving_the_frame_undoes_entering_it() -> None:
    cloud = moved(prop(), 12.0, (3, -2, 9))
    frame = training_frame(cloud)
    back = frame.leave(frame.enter(cloud))
    # float32 keeps 7 digits of coordinates of up to 15 m.
    np.testing.assert_allclose(back.positions, cloud.positions, atol=5e-6)
    np.testing.assert_allclose(back.scales, cloud.scales, rtol=1e-6)
    assert np.array_equal(back.sh, cloud.sh) and np.array_equal(back.rotations, cloud.rotations)


def test_faint_splats_and_floaters_do_not_count_for_the_size() -> None:
    cloud = prop()
    positions, opacities = cloud.positions.copy(), cloud.opacities.copy()
    positions[:2] = 1000.0  # less than one in a hundred
    positions[2:200], opacities[2:200] = 50.0, 0.01
    assert training_frame(replace(cloud, positions=positions, opacities=opacities)) == Frame()


def test_splats_in_one_point_have_no_frame() -> None:
    with pytest.raises(InvalidInput, match="no size"):
        training_frame(replace(prop(), positions=np.ones((500, 3))))


def test_the_box_holds_what_is_between_its_corners() -> None:
    cloud = replace(splats(3), positions=[[0, 0, 0], [0, 0, 2], [-0.5, 0.5, 1]])
    assert outside_box(cloud, (-1, -1, -1, 1, 1, 1)).tolist() == [False, True, False]
    assert outside_box(cloud, (-0.4, -1, -1, 1, 1, 3)).tolist() == [False, False, True]


def test_nothing_to_edit_or_nothing_to_change_is_refused_with_advice() -> None:
    with pytest.raises(InvalidInput, match="no splats to start from"):
        InitialSplats.free(SplatCloud.empty())
    initial = InitialSplats.free(splats(3))
    with pytest.raises(InvalidInput, match="all 3 splats are frozen") as caught:
        initial.with_frozen(np.ones(3, bool))
    assert caught.value.advice
    for wrong in (np.zeros(2, np.uint8), np.array([0, 2, 0], np.uint8)):
        with pytest.raises(InvalidInput, match="frozen"):
            InitialSplats(cloud=splats(3), frozen=wrong)


def test_frozen_splats_add_up() -> None:
    initial = InitialSplats.free(splats(3)).with_frozen(np.array([True, False, False]))
    assert initial.with_frozen(np.array([False, True, False])).frozen.tolist() == [1, 1, 0]


def test_a_box_without_inside_is_refused() -> None:
    with pytest.raises(InvalidInput, match="x0 < x1"):
        FromSplats(edit_box=(0, 0, 0, 1, -1, 1))


@pytest.mark.parametrize("source", [BUILTIN, "someone/model"])
@pytest.mark.parametrize("name", ["draft", "standard", "paper"])
def test_editing_is_shorter_and_neither_dissolves_nor_resets(name: str, source: str) -> None:
    whole: Generation = preset(name, "a red mug", model=DiffusionModel(source=source))  # type: ignore[arg-type]
    edit = editing(whole)
    assert edit.iterations == (whole.iterations if source == BUILTIN else whole.iterations // 2)
    assert edit.timesteps.high_at_start == edit.timesteps.high == whole.timesteps.high
    assert edit.representation.densification is not None
    assert edit.representation.densification.opacity_reset_every == 0
    assert whole.initialiser != FromSplats() == edit.initialiser
    assert initialiser("splats", whole) == FromSplats()
