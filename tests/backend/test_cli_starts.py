"""What the command line makes of the arguments that say where a run starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh

from lucid_blender.backend import cli
from lucid_blender.core import codec
from lucid_blender.core.messages import Generate
from lucid_blender.core.options import Box, BuiltinPoints, Generation, MeshSurface, PointE, ShapE, Sphere


def request(*arguments: str) -> Generate:
    return cli._request(cli._parser().parse_args(["generate", "a red mushroom", "--preset", "draft", *arguments]))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sphere", Sphere(count=2000)),
        ("box", Box(count=2000)),
        ("builtin", BuiltinPoints(count=2000)),
        ("mesh", MeshSurface(count=2000)),
        ("point-e", PointE(copies=1)),
        ("shap-e", ShapE(count=2000)),
    ],
)
def test_an_initialiser_is_chosen_by_name_with_the_presets_count(name: str, wanted: object) -> None:
    assert request("--initialiser", name).generation.initialiser == wanted


def test_its_options_are_set_by_name_and_survive_the_job_file() -> None:
    made = request("--initialiser", "shap-e", "--set", "initialiser.source=/models/shap-e").generation
    assert made.initialiser == ShapE(count=2000, source="/models/shap-e")
    assert codec.loads(Generation, codec.dumps(made)) == made
    released = request("--initialiser", "box", "--set", "initialiser.size=[0.8, 0.6, 1.2]").generation
    assert released.initialiser == Box(count=2000, size=(0.8, 0.6, 1.2))


def test_a_mesh_file_makes_the_mesh_the_start(tmp_path: Path) -> None:
    trimesh.creation.box((1, 1, 1)).export(tmp_path / "box.ply")
    made = request("--initial-mesh", str(tmp_path / "box.ply"))
    assert isinstance(made.generation.initialiser, MeshSurface)
    assert made.inputs.mesh is not None
