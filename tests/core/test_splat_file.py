""".splat files, from bytes that are packed here one by one."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from lucid_blender.core.errors import FormatError, InvalidInput
from lucid_blender.core.formats.files import read_splats_file
from lucid_blender.core.formats.ply import write_ply
from lucid_blender.core.formats.splat import read_splat

from .samples import splats


def record(
    position: tuple[float, ...] = (1.0, -2.0, 3.5),
    scale: tuple[float, ...] = (0.1, 0.2, 0.3),
    rgba: tuple[int, ...] = (255, 0, 51, 102),
    rotation: tuple[int, ...] = (128, 128, 128, 0),
) -> bytes:
    return struct.pack("<6f8B", *position, *scale, *rgba, *rotation)


def written(folder: Path, data: bytes, name: str = "made.splat") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_every_byte_has_its_meaning(tmp_path: Path) -> None:
    half = (218, 218, 128, 128)  # 90 / 128 twice: a quarter turn about x
    cloud = read_splat(written(tmp_path, record() + record(position=(0, 0, 0), rotation=half)))
    assert len(cloud) == 2 and cloud.sh_degree == 0
    np.testing.assert_allclose(cloud.positions, [(1, -2, 3.5), (0, 0, 0)])
    np.testing.assert_allclose(cloud.scales, [(0.1, 0.2, 0.3)] * 2, rtol=1e-6)
    np.testing.assert_allclose(cloud.base_colors, [(1, 0, 0.2)] * 2, atol=1e-6)
    np.testing.assert_allclose(cloud.opacities, [0.4, 0.4], atol=1e-6)
    np.testing.assert_allclose(cloud.rotations, [(0, 0, 0, -1), (0.5**0.5, 0.5**0.5, 0, 0)], atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 95])
def test_a_wrong_length_is_named(tmp_path: Path, length: int) -> None:
    with pytest.raises(FormatError, match=rf"made.splat: {length} bytes; .* 32 for each") as caught:
        read_splat(written(tmp_path, (record() * 3)[:length]))
    assert caught.value.advice


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"position": (float("nan"), 0, 0)}, "positions has 1 values"),
        ({"scale": (-1, 1, 1)}, "scales must be > 0"),
        ({"rotation": (128, 128, 128, 128)}, "length 0"),
    ],
)
def test_values_that_are_no_splats_are_refused(tmp_path: Path, wrong: dict[str, tuple[float, ...]], said: str) -> None:
    with pytest.raises(FormatError, match=f"made.splat: .*{said}"):
        read_splat(written(tmp_path, record() + record(**wrong)))


def test_a_flat_splat_is_read(tmp_path: Path) -> None:
    cloud = read_splat(written(tmp_path, record(scale=(0.1, 0.2, 0.0))))
    assert 0 < cloud.scales[0, 2] < 1e-30


def test_the_ending_says_what_a_file_is(tmp_path: Path) -> None:
    assert len(read_splats_file(written(tmp_path, record() * 4, "UPPER.SPLAT"))) == 4
    cloud = splats(5, degree=1)
    write_ply(tmp_path / "five.ply", cloud)
    assert len(read_splats_file(tmp_path / "five.ply")) == 5
    with pytest.raises(FormatError, match="not a PLY file"):
        read_splats_file(written(tmp_path, record(), "made.bin"))
    with pytest.raises(InvalidInput, match="cannot be opened"):
        read_splats_file(tmp_path / "missing.splat")
