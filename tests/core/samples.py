"""Values of every kind for the tests of core and client."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lucid_blender.core import messages
from lucid_blender.core.editing import InitialSplats
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.meshes import TriangleMesh
from lucid_blender.core.options import (
    Box,
    BuiltinPoints,
    Control,
    DiffusionModel,
    FromSplats,
    GaussianBlob,
    Gaussians,
    Generation,
    HashGrid,
    InterpolatedViews,
    Ism,
    Lora,
    Meshing,
    MeshSurface,
    Nerf,
    NoViews,
    OrbitVideo,
    Outputs,
    PerpNeg,
    PointE,
    ProcessVideo,
    Sds,
    ShapE,
    TextualInversion,
    Vdm,
)
from lucid_blender.core.pictures import Picture
from lucid_blender.core.presets import (
    OBJECTIVES,
    PRESETS,
    REPRESENTATIONS,
    objective,
    preset,
    with_representation,
)
from lucid_blender.core.splats import SplatCloud, sh_coefficients
from lucid_blender.core.wanted import Wanted

MESH = TriangleMesh(
    vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32),
    triangles=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    colors=np.full((4, 3), 0.25, np.float32),
)

GENERATIONS = [
    *(preset(name, "a red mushroom") for name in PRESETS),
    Generation(
        prompt='ein Pilz, 蘑菇 \n"quoted"',
        negative_prompt="blurry",
        seed=2**63 - 1,
        objective=Sds(guidance_scale=100),
        view_prompts=InterpolatedViews(perp_neg=PerpNeg()),
        initialiser=MeshSurface(count=7),
        mesh=Meshing(),
        outputs=Outputs(orbit_video=OrbitVideo(every=7), process_video=ProcessVideo(raised_turn=True), ply_every=3),
        representation=replace(Gaussians(), densification=None, sh_degree=3),
    ),
    Generation(
        prompt="a hat in clay style",
        controls=(
            Control(kind="depth", source="owner/depth", weight=0.5, timesteps=(0.1, 0.9)),
            Control(kind="segmentation", source="/nets/dense", revision="main", background=(0.25, 0, 0.5)),
        ),
        model=DiffusionModel(
            source="owner/model",
            loras=(Lora(source="clay.safetensors", weight=-0.5, trigger="clay style"), Lora(source="owner/other")),
            textual_inversions=(TextualInversion(source="toy.safetensors", token="<toy>", add_token=True),),
        ),
    ),
    Generation(prompt="x", view_prompts=NoViews(), objective=Ism(delta_s=None, inversion_steps=None)),
    *(Generation(prompt="x", objective=objective(name, DiffusionModel(source="owner/model"))) for name in OBJECTIVES),
    Generation(prompt="x", objective=Vdm(timesteps=None, operator="linear", observation_noise=True, widths=(8, 16))),
    Generation(prompt="x", initialiser=FromSplats(edit_box=(-1, -1, 0, 1, 1, 1))),
    Generation(prompt="x", initialiser=FromSplats()),
    Generation(prompt="x", representation=Nerf(blob=GaussianBlob(deviation=0.3), grid=HashGrid(levels=3))),
    *(with_representation(preset("draft", "a red mushroom"), name) for name in REPRESENTATIONS),
    Generation(prompt="x", initialiser=Box(size=(0.6, 1.2, 0.5))),
    Generation(prompt="x", initialiser=BuiltinPoints(prompt="a mug", scale=0.63)),
    Generation(prompt="x", initialiser=PointE(prompt="a man head.", sha256=("0" * 64, ""))),
    Generation(prompt="x", initialiser=ShapE(source="/models/shap-e")),
]


def splats(count: int, *, degree: int = 0, seed: int = 0) -> SplatCloud:
    random = np.random.default_rng(seed)
    return SplatCloud(
        positions=random.normal(size=(count, 3)),
        scales=np.exp(random.normal(-3, 1, (count, 3))),
        rotations=random.normal(size=(count, 4)),
        opacities=random.random(count),
        sh=random.normal(size=(count, sh_coefficients(degree), 3)),
    )


MESSAGES: list[messages.Request | messages.Event] = [
    *(messages.Generate(generation=one, job_folder="/jobs/a") for one in GENERATIONS),
    messages.Generate(generation=GENERATIONS[0], job_folder="C:\\jobs\\ü", inputs=Inputs(mesh=MESH), resume=True),
    messages.Generate(
        generation=with_representation(GENERATIONS[0], "image"),
        job_folder="/jobs/b",
        inputs=Inputs(image=Picture(pixels=np.arange(24, dtype=np.uint8).reshape(2, 4, 3))),
    ),
    messages.Generate(generation=GENERATIONS[-1], job_folder="/jobs/b", inputs=Inputs(mesh=MESH, control_mesh=MESH)),
    messages.Generate(
        generation=GENERATIONS[0],
        job_folder="/jobs/a",
        inputs=Inputs(
            splats=InitialSplats(cloud=splats(3, degree=1), frozen=np.array([0, 1, 0], np.uint8)),
            placement=(2.0, 0.0, 0.0, 3.0, 0.0, 2.0, 0.0, -1.0, 0.0, 0.0, 2.0, 0.5, 0.0, 0.0, 0.0, 1.0),
        ),
    ),
    messages.ExtractMesh(splats=splats(3, degree=2)),
    messages.FetchModel(wanted=Wanted(source="owner/name", revision="v2", part="lora"), download=False),
    messages.Cancel(),
    messages.Pause(),
    messages.Unpause(),
    messages.StopAndKeep(),
    messages.Acknowledge(),
    messages.Shutdown(),
    messages.Progress(stage="Distilling", step=3, steps=9, seconds_left=1.5, splats=82_114, gradient_norm=0.75),
    messages.Progress(stage="Downloading the model", step=1 << 32, steps=5_161_555_606, unit="bytes"),
    messages.ModelFound(source="gone/name", id="owner/name", revision="a" * 40, size=1 << 33, missing=7, gated=True),
    messages.Notice(message="an unknown word"),
    messages.Snapshot(step=4, splats=splats(5)),
    messages.Snapshot(step=4, splats=splats(2), seen=Picture(pixels=np.full((2, 3, 3), 9, np.uint8))),
    messages.Snapshot(step=5, splats=splats(0, degree=3)),
    messages.Snapshot(step=6, picture=Picture(pixels=np.full((2, 3, 3), 7, np.uint8))),
    messages.Finished(),
    messages.Finished(splats=splats(4, degree=1), mesh=MESH, job_folder="/jobs/a", artefacts=("prop.ply", "mesh.glb")),
    messages.Failed(kind="Cancelled", message="stopped", advice="resume", job_folder="/jobs/a"),
]
