"""Round trips and damaged files from hypothesis."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="properties need the package hypothesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import arrays  # noqa: E402

from lucid_blender.core.errors import FormatError  # noqa: E402
from lucid_blender.core.formats.ply import read_ply, write_ply  # noqa: E402
from lucid_blender.core.splats import SplatCloud, sh_coefficients  # noqa: E402

from .samples import splats  # noqa: E402

NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32)
in_one_folder = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def clouds(draw: st.DrawFn) -> SplatCloud:
    count, degree = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    rotations = draw(arrays(np.float32, (count, 4), elements=NUMBERS))
    rotations[np.abs(rotations).max(axis=1, initial=0) < 1e-3] = (1, 0, 0, 0)
    return SplatCloud(
        positions=draw(arrays(np.float32, (count, 3), elements=NUMBERS)),
        scales=draw(arrays(np.float32, (count, 3), elements=st.floats(2.0**-100, 2.0**100, width=32))),
        rotations=rotations,
        opacities=draw(arrays(np.float32, count, elements=st.floats(0, 1, width=32))),
        sh=draw(arrays(np.float32, (count, sh_coefficients(degree), 3), elements=NUMBERS)),
    )


@in_one_folder
@given(clouds(), st.booleans())
def test_any_cloud_survives(tmp_path: Path, cloud: SplatCloud, pad: bool) -> None:
    write_ply(tmp_path / "a.ply", cloud, pad_to_degree_3=pad)
    read = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(read.positions, cloud.positions)
    np.testing.assert_array_equal(read.rotations, cloud.rotations)
    np.testing.assert_array_equal(read.sh[:, : cloud.sh.shape[1]], cloud.sh)
    # |log s| < 70 in float32 is off by 4e-6, which exp() turns into a relative error
    np.testing.assert_allclose(read.scales, cloud.scales, rtol=6e-6)
    np.testing.assert_allclose(read.opacities, cloud.opacities, atol=2e-7)


@in_one_folder
@given(st.binary())
def test_any_bytes_are_a_format_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(FormatError):
        read_ply(tmp_path / "a.ply")


@in_one_folder
@given(st.data(), st.integers(0, 3))
def test_a_damaged_file_is_read_or_a_format_error(tmp_path: Path, data: st.DataObject, degree: int) -> None:
    path = tmp_path / "a.ply"
    write_ply(path, splats(2, degree=degree))
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    with contextlib.suppress(FormatError):
        read_ply(path)
