from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plyfile import PlyData, PlyElement

from lucid_blender.core.errors import FormatError, InvalidInput
from lucid_blender.core.formats import ply
from lucid_blender.core.formats.ply import read_ply, write_ply
from lucid_blender.core.splats import SplatCloud

from .samples import splats

# float32 logarithms: half a unit in the last place of |log s| < 16, then of the result
RELATIVE = 2e-6

BASE = ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2")
ALL = (*BASE, "rot_0", "rot_1", "rot_2", "rot_3")


def header(count: object, names: Iterable[str] = ALL, *, form: str = "binary_little_endian") -> bytes:
    properties = "".join(f"property float {name}\n" for name in names)
    return f"ply\nformat {form} 1.0\nelement vertex {count}\n{properties}end_header\n".encode()


def row(**changed: float) -> bytes:
    values = dict.fromkeys(ALL, 0.0) | {"rot_0": 1.0} | changed
    return np.array(list(values.values()), "<f4").tobytes()


def assert_close(found: SplatCloud, wanted: SplatCloud) -> None:
    np.testing.assert_array_equal(found.positions, wanted.positions)
    np.testing.assert_array_equal(found.sh, wanted.sh)
    np.testing.assert_array_equal(found.rotations, wanted.rotations)
    np.testing.assert_allclose(found.scales, wanted.scales, rtol=RELATIVE)
    np.testing.assert_allclose(found.opacities, wanted.opacities, atol=2e-7)  # OPACITY_MARGIN and float32


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "prop.ply"
        path.write_bytes(content)
        return path

    return write


def rewritten(path: Path, *, text: bool = False, byte_order: str = "<", names: list[str] | None = None) -> Path:
    """The same file through plyfile in another form."""
    data = PlyData.read(str(path), mmap=False)["vertex"].data
    columns = names or list(data.dtype.names)
    changed = np.empty(len(data), [(name, data.dtype[name].newbyteorder("=")) for name in columns])
    for name in columns:
        changed[name] = data[name]
    PlyData([PlyElement.describe(changed, "vertex")], text=text, byte_order=byte_order).write(str(path))
    return path


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_a_cloud_survives(tmp_path: Path, degree: int) -> None:
    cloud = splats(50, degree=degree)
    write_ply(tmp_path / "a.ply", cloud)
    assert_close(read_ply(tmp_path / "a.ply"), cloud)


def test_an_empty_cloud_survives(tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", splats(0, degree=2))
    assert read_ply(tmp_path / "a.ply").sh.shape == (0, 9, 3)


def test_the_layout_is_that_of_the_3dgs_release(tmp_path: Path) -> None:
    cloud = splats(3, degree=1)
    write_ply(tmp_path / "a.ply", cloud)
    vertex = PlyData.read(str(tmp_path / "a.ply"), mmap=False)["vertex"].data
    rest = [f"f_rest_{k}" for k in range(9)]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *rest, "opacity"]
    names += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    assert list(vertex.dtype.names) == names
    assert set(map(str, (vertex.dtype[name] for name in names))) == {"float32"}
    np.testing.assert_array_equal(vertex["f_rest_3"], cloud.sh[:, 1, 1])  # green's first comes after red's three
    np.testing.assert_array_equal(vertex["f_rest_2"], cloud.sh[:, 3, 0])
    np.testing.assert_array_equal(vertex["f_dc_2"], cloud.sh[:, 0, 2])
    np.testing.assert_array_equal(vertex["rot_0"], cloud.rotations[:, 0])
    np.testing.assert_allclose(np.exp(vertex["scale_1"]), cloud.scales[:, 1], rtol=RELATIVE)
    np.testing.assert_allclose(1 / (1 + np.exp(-vertex["opacity"])), cloud.opacities, atol=2e-7)


def test_padding_adds_zeros_up_to_degree_3(tmp_path: Path) -> None:
    cloud = splats(6, degree=1)
    write_ply(tmp_path / "a.ply", cloud, pad_to_degree_3=True)
    read = read_ply(tmp_path / "a.ply")
    assert read.sh_degree == 3
    np.testing.assert_array_equal(read.sh[:, :4], cloud.sh)
    assert not read.sh[:, 4:].any()


@pytest.mark.parametrize(
    ("text", "byte_order"), [(True, "="), (False, "<"), (False, ">")], ids=["ascii", "little", "big"]
)
def test_ascii_and_both_byte_orders_are_read(tmp_path: Path, text: bool, byte_order: str) -> None:
    cloud = splats(20, degree=1)
    write_ply(tmp_path / "a.ply", cloud)
    assert_close(read_ply(rewritten(tmp_path / "a.ply", text=text, byte_order=byte_order)), cloud)


def test_any_order_more_blocks_than_one_and_missing_normals(tmp_path: Path) -> None:
    cloud = splats(ply.BLOCK_ROWS + 10)
    write_ply(tmp_path / "a.ply", cloud)
    assert_close(read_ply(rewritten(tmp_path / "a.ply", names=list(reversed(ALL)))), cloud)


def test_other_types_properties_and_elements_are_passed_over(tmp_path: Path) -> None:
    count = 4
    vertex = np.zeros(count, [("red", "u1"), *((name, "f8") for name in ALL), ("id", "i4")])
    vertex["rot_0"], vertex["x"] = 1, np.arange(count)
    faces = np.array([([0, 1, 2],)], [("vertex_indices", "i4", (3,))])
    camera = np.zeros(1, [("fov", "f4")])
    elements = [(camera, "camera"), (vertex, "vertex"), (faces, "face")]
    PlyData([PlyElement.describe(data, name) for data, name in elements]).write(str(tmp_path / "a.ply"))
    read = read_ply(tmp_path / "a.ply")
    np.testing.assert_array_equal(read.positions[:, 0], np.arange(count))
    np.testing.assert_array_equal(read.opacities, 0.5)


def test_comments_and_windows_line_ends_are_read(written: Callable[[bytes], Path]) -> None:
    head = header(1).replace(b"1.0\n", b"1.0\ncomment end of the road\nobj_info x\n", 1).replace(b"\n", b"\r\n")
    assert len(read_ply(written(head + row()))) == 1


def test_opacities_of_0_and_1_stay_finite(tmp_path: Path) -> None:
    cloud = SplatCloud.from_colors(
        positions=np.zeros((2, 3), np.float32),
        scales=np.ones((2, 3), np.float32),
        rotations=np.ones((2, 4), np.float32),
        opacities=np.array([0, 1], np.float32),
        colors=np.zeros((2, 3), np.float32),
    )
    write_ply(tmp_path / "a.ply", cloud)
    assert np.isfinite(PlyData.read(str(tmp_path / "a.ply"), mmap=False)["vertex"]["opacity"]).all()
    np.testing.assert_allclose(read_ply(tmp_path / "a.ply").opacities, [0, 1], atol=1e-7)


def test_infinite_logits_and_flat_splats_of_other_programs_are_read(written: Callable[[bytes], Path]) -> None:
    rows = row(opacity=np.inf, scale_2=-np.inf) + row(opacity=-np.inf)
    read = read_ply(written(header(2) + rows))
    np.testing.assert_array_equal(read.opacities, [1, 0])
    assert 0 < read.scales[0, 2] < 1e-37


POINTS = ("x", "y", "z", "red")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a PLY file"),
        (b"plymouth\n", "not a PLY file"),
        (b"ply\nformat binary_little_endian 1.0\n", "the header does not end within 36 bytes"),
        (b"ply\n" + b"comment x\n" * 100_000, "the header does not end within 65536 bytes"),
        (b"ply\nelement vertex 0\nend_header\n", "no format line"),
        (b"ply\nformat binary_middle_endian 1.0\nend_header\n", "means nothing"),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", "means nothing"),
        (b"ply\nformat ascii 1.0\nelement vertex 0\nproperty quad x\nend_header\n", "property that means nothing"),
        (b"ply\nformat ascii 1.0\nelement face 0\nend_header\n", "no 'vertex' element; found face"),
        (header(-5) + row(), "negative: -5"),
        (header("many"), "'many'; wanted a whole number"),
        (header("9" * 5000), "wanted a whole number"),
        (header(10**17), "announces 100000000000000000 vertex elements"),
        (header(3) + row() * 2, "announces 3 vertex elements, at least 168 bytes; 112 bytes are there"),
        (header(10**9, form="ascii") + b"0 0\n", "announces 1000000000 vertex"),
        (header(10, ()), "without any property"),
        (header(1, (*ALL, "x")) + bytes(60), "property 'x' twice"),
        (header(1, (f"p{k}" for k in range(2000))), "more than 1024 properties"),
        (header(2, POINTS) + bytes(32), "has points but no splats: it is missing f_dc_0"),
        (header(1, BASE) + bytes(40), "missing rot_0, rot_1"),
        (header(1, ("x", "y", "z", "packed_position")) + bytes(16), "compressed splat PLY"),
        (header(1, (*ALL, "f_rest_0")) + bytes(60), "1 f_rest properties; SH degrees 0 to 3 have 0, 9, 24, 45"),
        (header(1, (*ALL, *(f"f_rest_{k}" for k in range(1, 10)))) + bytes(92), "9 f_rest properties"),
        (header(1) + row(x=np.nan), "1 values are NaN or infinite, in x"),
        (header(1) + row(opacity=np.nan, f_dc_1=np.inf), "in opacity, f_dc_1"),
        (header(1) + row(scale_0=200), "scales has 1 values that are NaN or infinite"),
        (header(1) + row(rot_0=0), "1 quaternions of length 0"),
        (header(1, form="ascii") + b"word " * 14, "malformed input"),
        (header(2, form="ascii") + b"0 0 0 0 0 0 0 0 0 0 1 0 0 0\n" + b" " * 60, "early end"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_splats_says_why(written: Callable[[bytes], Path], content: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        read_ply(written(content))
    assert caught.value.message.startswith("prop.ply: ")
    assert caught.value.advice


def test_nothing_is_loaded_for_an_absurd_header(
    written: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PlyData, "read", lambda *_: pytest.fail("read"))
    for count in (10**6, 10**15):
        with pytest.raises(FormatError, match="cut short"):
            raise_with_advice(written(header(count) + row()))


def raise_with_advice(path: Path) -> None:
    try:
        read_ply(path)
    except FormatError as error:
        raise FormatError(error.advice) from error


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be opened: No such file"):
        read_ply(tmp_path / "none.ply")


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.ply"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="cannot be written: No space left"):
        write_ply(path, splats(3))
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_writing_into_no_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_ply(tmp_path / "none" / "a.ply", splats(1))


def test_a_million_splats_take_seconds(tmp_path: Path) -> None:
    cloud = splats(1_000_000)
    started = time.monotonic()
    write_ply(tmp_path / "a.ply", cloud)
    read_ply(tmp_path / "a.ply")
    assert time.monotonic() - started < 30  # 0.4 s on two idle cores; the bound catches a loop over splats


def test_a_cloud_that_came_from_a_file_goes_there_and_back_without_changing_a_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    cloud = replace(splats(20_000), scales=np.exp(random.uniform(-12, 4, (20_000, 3))))
    write_ply(tmp_path / "first.ply", cloud)
    came = read_ply(tmp_path / "first.ply")
    write_ply(tmp_path / "second.ply", came)
    assert read_ply(tmp_path / "second.ply").equals(came)
