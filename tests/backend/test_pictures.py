"""Contact sheets and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lucid_blender.backend.pictures import contact_sheet, save_png, to_bytes, turntable_sheet
from lucid_blender.core.cameras import Camera
from lucid_blender.core.errors import InvalidInput


def flat(value: float, height: int = 4, width: int = 6) -> np.ndarray:
    return np.full((height, width, 3), value, np.float32)


def test_a_sheet_puts_pictures_row_by_row_with_gaps() -> None:
    sheet = contact_sheet([flat(0.0), flat(0.2), flat(0.4)], 2, 3)
    assert sheet.dtype == np.uint8 and sheet.shape == (2 * 4 + 3 * 3, 2 * 6 + 3 * 3, 3)
    assert (sheet[3:7, 3:9] == 0).all()
    assert (sheet[3:7, 12:18] == 51).all()
    assert (sheet[10:14, 3:9] == 102).all()
    assert (sheet[10:14, 12:18] == 255).all()  # the empty place
    assert (sheet[:3] == 255).all() and (sheet[:, 9:12] == 255).all()


def test_a_sheet_is_no_wider_than_its_pictures() -> None:
    assert contact_sheet([flat(0.5)], 4, 0).shape == (4, 6, 3)


def test_pictures_of_unequal_size_or_none_are_refused() -> None:
    with pytest.raises(InvalidInput, match="differ in size"):
        contact_sheet([flat(0.0), flat(0.0, height=5)], 2, 0)
    with pytest.raises(InvalidInput):
        contact_sheet([], 2, 0)
    with pytest.raises(InvalidInput, match="wanted"):
        to_bytes(np.zeros((4, 4)))


def test_floats_are_rounded_and_clipped_to_bytes() -> None:
    values = np.array([-1.0, 0.0, 0.5, 1.0, 7.0, np.nan, np.inf, 100.4 / 255, 100.6 / 255])
    image = np.repeat(values[None, :, None], 3, axis=2)
    assert to_bytes(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0, 255, 100, 101]


def test_a_png_reads_back_the_same(tmp_path: Path) -> None:
    image = np.random.default_rng(0).random((5, 7, 3))
    save_png(tmp_path / "a.tmp", image)  # the format does not depend on the name
    with Image.open(tmp_path / "a.tmp") as picture:
        assert picture.format == "PNG"
        assert (np.asarray(picture) == to_bytes(image)).all()


def test_a_turntable_asks_for_eight_views_from_the_front_around() -> None:
    seen: list[Camera] = []

    def render(cameras: list[Camera]) -> np.ndarray:
        seen.extend(cameras)
        return np.stack([flat(k / 10, 16, 16) for k in range(len(cameras))])

    sheet = turntable_sheet(render, size=16, gap=2)
    assert sheet.shape == (2 * 16 + 3 * 2, 4 * 16 + 5 * 2, 3)
    assert len(seen) == 8 and {camera.width for camera in seen} == {16}
    assert seen[0].position[1] < 0 and abs(seen[0].position[0]) < 1e-9  # from the front, on -Y
    assert seen[2].position[0] > 3  # then from +X
