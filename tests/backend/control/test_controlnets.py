"""ControlNets on tiny random models: what they add, when, where they are refused, and whole runs with a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from lucid_blender.backend.cli import _parser, _request
from lucid_blender.backend.cli_options import control as control_argument
from lucid_blender.backend.diffusion import Diffusion, load
from lucid_blender.backend.job import Job
from lucid_blender.backend.notices import notices
from lucid_blender.backend.objectives.distillation import Context, Draw
from lucid_blender.backend.objectives.guidance import Condition, guided_noise
from lucid_blender.backend.objectives.ism import IsmObjective
from lucid_blender.backend.run import begin, distil, generate, handle
from lucid_blender.core.errors import InvalidInput, ModelError
from lucid_blender.core.inputs import Inputs
from lucid_blender.core.messages import Finished, Generate
from lucid_blender.core.options import (
    Control,
    DiffusionModel,
    Generation,
    Ism,
    MeshSurface,
    Regularisers,
    Sds,
    Timesteps,
)

from ..test_run import tiny_generation
from ..tiny_models import WIDTH, save_tiny_controlnet
from .meshes import ball


@pytest.fixture(scope="module")
def tiny_controlnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_controlnet(tmp_path_factory.mktemp("controlnets") / "tiny")


def controlled(tiny_model: Path, *controls: Control) -> Diffusion:
    return load(DiffusionModel(source=str(tiny_model)), controls)


def depth(source: Path, **options: object) -> Control:
    return Control(kind="depth", source=str(source), **options)  # type: ignore[arg-type]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- what they add


def test_the_network_answers_as_diffusers_pipeline_would_ask_it(tiny_model: Path, tiny_controlnet: Path) -> None:
    model = controlled(tiny_model, depth(tiny_controlnet, weight=0.7))
    x, words, picture = random(2, 4, 8, 8), random(2, 5, WIDTH), torch.rand(2, 3, 32, 32)
    network = model._controls[0].network
    down, mid = network(x, 300, words, picture, return_dict=False)
    wanted = model._pipeline.unet(
        x,
        300,
        words,
        down_block_additional_residuals=[0.7 * skip for skip in down],
        mid_block_additional_residual=0.7 * mid,
    ).sample
    found = model.predict_noise(x, 300, words, [picture])
    assert torch.allclose(found, wanted, atol=1e-5)
    assert not torch.allclose(found, model.predict_noise(x, 300, words), atol=1e-3)


def test_two_controlnets_add_up(tiny_model: Path, tiny_controlnet: Path) -> None:
    model = controlled(tiny_model, depth(tiny_controlnet, weight=0.25), depth(tiny_controlnet, weight=0.5))
    alone = controlled(tiny_model, depth(tiny_controlnet, weight=0.75))
    x, words, picture = random(1, 4, 8, 8), random(1, 5, WIDTH), torch.rand(1, 3, 32, 32)
    both = model.predict_noise(x, 300, words, [picture, picture])
    assert torch.allclose(both, alone.predict_noise(x, 300, words, [picture]), atol=1e-5)


@pytest.mark.parametrize("options", [{"weight": 0.0}, {"timesteps": (0.5, 1.0)}, {"timesteps": (0.0, 0.2)}])
def test_a_control_that_does_not_act_changes_no_bit(
    tiny_model: Path, tiny_controlnet: Path, options: dict[str, object]
) -> None:
    model = controlled(tiny_model, depth(tiny_controlnet, **options))
    x, words, picture = random(1, 4, 8, 8), random(1, 5, WIDTH), torch.rand(1, 3, 32, 32)
    plain = load(DiffusionModel(source=str(tiny_model)))
    assert torch.equal(model.predict_noise(x, 300, words, [picture]), plain.predict_noise(x, 300, words))


@pytest.mark.parametrize(("timestep", "evaluations"), [(300, 2), (700, 4)])
def test_a_controlnet_is_counted_where_it_acts_and_beside_the_network(
    tiny_model: Path, tiny_controlnet: Path, timestep: int, evaluations: int
) -> None:
    """Three of them, for two latents: one always, one above timestep 500, one never."""
    controls = ({}, {"timesteps": (0.5, 1.0)}, {"weight": 0.0})
    model = controlled(tiny_model, *(depth(tiny_controlnet, **options) for options in controls))
    x, words, picture = random(2, 4, 8, 8), random(2, 5, WIDTH), torch.rand(2, 3, 32, 32)
    model.predict_noise(x, timestep, words, [picture] * 3)
    model.predict_noise(x, timestep, words)
    assert (model.evaluations, model.control_evaluations) == (4, evaluations)


def test_the_pictures_are_repeated_for_every_text_view_by_view(tiny_model: Path, tiny_controlnet: Path) -> None:
    """Perp-Neg asks for four texts of two views in one batch: each view must keep its own picture."""
    model = controlled(tiny_model, depth(tiny_controlnet))
    x, pictures = random(2, 4, 8, 8), torch.rand(2, 3, 32, 32)
    texts = {name: random(2, 5, WIDTH, seed=k) for k, name in enumerate(("positive", "negative", "empty"), start=1)}
    condition = Condition(
        **texts,
        perp_negatives=random(2, 2, 5, WIDTH, seed=7),
        perp_negative_weights=torch.tensor([[-1.0, -0.5], [-0.3, -2.0]]),
        control=(pictures,),
    )
    together = guided_noise(model, x, 300, condition, 7.5)
    for view in range(2):
        one = Condition(
            **{name: text[view : view + 1] for name, text in texts.items()},
            perp_negatives=condition.perp_negatives[:, view : view + 1],  # type: ignore[index]
            perp_negative_weights=condition.perp_negative_weights[:, view : view + 1],  # type: ignore[index]
            control=(pictures[view : view + 1],),
        )
        alone = guided_noise(model, x[view : view + 1], 300, one, 7.5)
        assert torch.allclose(together[view : view + 1], alone, atol=1e-4)


class Recorder:
    """A network that notes what it was asked with."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def predict_noise(
        self, latents: Tensor, timestep: int, embeddings: Tensor, control: Sequence[Tensor] = ()
    ) -> Tensor:
        self.asked.append((len(latents), len(control)))
        return torch.zeros_like(latents)


def test_ism_controls_what_is_guided_and_not_the_inversion(tiny_model: Path) -> None:
    recorder = Recorder()
    text = random(2, 5, WIDTH)
    condition = Condition(text, text, text, control=(torch.rand(2, 3, 32, 32),))
    schedule = load(DiffusionModel(source=str(tiny_model))).schedule
    context = Context(network=recorder, schedule=schedule, timesteps=Timesteps(), iterations=100)
    generator = torch.Generator().manual_seed(0)
    draw = Draw(timestep=500, noise=random(2, 4, 8, 8, seed=1), iteration=100, generator=generator)
    IsmObjective(Ism(), context).distil(random(2, 4, 8, 8), condition, draw)
    *inversion, guided = recorder.asked
    assert guided == (4, 1)  # two texts of two views, both controlled
    assert inversion and set(inversion) == {(2, 0)}


# ---------------------------------------------------------------- loading


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"width": 2 * WIDTH}, f"text width .* is {2 * WIDTH}, the model's {WIDTH}"),
        ({"channels": 6}, "latent channels"),
    ],
)
def test_a_controlnet_of_another_shape_is_refused(
    tiny_model: Path, tmp_path: Path, options: dict[str, int], said: str
) -> None:
    folder = save_tiny_controlnet(tmp_path / "other", **options)
    with pytest.raises(ModelError, match=said) as caught:
        controlled(tiny_model, depth(folder))
    assert "trained for this model" in caught.value.advice


def test_pickled_and_missing_controlnets_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = save_tiny_controlnet(tmp_path / "pickled")
    for file in folder.glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelError, match="safetensors"):
        controlled(tiny_model, depth(folder))
    offline = DiffusionModel(source=str(tiny_model), allow_download=False)
    with pytest.raises(ModelError) as caught:
        load(offline, [Control(kind="depth", source="nobody/no-such")])
    assert "online access" in caught.value.advice


# ---------------------------------------------------------------- runs


def controlled_generation(tiny_model: Path, *controls: Control, **changes: object) -> Generation:
    generation = replace(tiny_generation(tiny_model), iterations=3, controls=controls)
    return replace(generation, **changes)  # type: ignore[arg-type]


def finished(request: Generate) -> Finished:
    *_, last = handle(request)
    assert isinstance(last, Finished)
    assert last.splats is not None
    return last


def test_a_run_is_steered_by_its_mesh_and_weight_zero_is_none(
    tiny_model: Path, tiny_controlnet: Path, tmp_path: Path
) -> None:
    def run(name: str, *controls: Control) -> Finished:
        generation = controlled_generation(tiny_model, *controls, objective=Sds())
        mesh = ball(subdivisions=2) if controls else None
        return finished(
            Generate(generation=generation, job_folder=str(tmp_path / name), inputs=Inputs(control_mesh=mesh))
        )

    plain, zero = run("plain"), run("zero", depth(tiny_controlnet, weight=0))
    steered = run("steered", depth(tiny_controlnet), Control(kind="normal", source=str(tiny_controlnet)))
    assert zero.splats.equals(plain.splats)  # type: ignore[union-attr]
    assert not steered.splats.equals(plain.splats)  # type: ignore[union-attr]
    assert steered.network_evaluations == plain.network_evaluations
    assert steered.control_evaluations == 2 * plain.network_evaluations  # SDS asks for nothing without a text
    assert plain.control_evaluations == zero.control_evaluations == 0
    assert Job.open(tmp_path / "steered").record.control_evaluations == steered.control_evaluations


def test_a_resumed_run_finds_its_control_mesh(tiny_model: Path, tiny_controlnet: Path, tmp_path: Path) -> None:
    generation = controlled_generation(tiny_model, depth(tiny_controlnet))
    mesh = ball(0.4, (0.1, 0.2, 0.0), subdivisions=2)
    whole = finished(
        Generate(generation=generation, job_folder=str(tmp_path / "whole"), inputs=Inputs(control_mesh=mesh))
    )
    events = handle(Generate(generation=generation, job_folder=str(tmp_path / "job"), inputs=Inputs(control_mesh=mesh)))
    for event in events:
        if getattr(event, "step", 0) == 2:
            break
    events.close()  # type: ignore[attr-defined]
    found = Job.open(tmp_path / "job").inputs.control_mesh
    assert found is not None
    assert np.array_equal(found.vertices, mesh.vertices)
    last = finished(Generate(generation=generation, job_folder=str(tmp_path / "job"), resume=True))
    assert last.splats.equals(whole.splats)  # type: ignore[union-attr]
    assert last.control_evaluations == whole.control_evaluations > 0


def test_the_pictures_flip_with_the_mirrored_batch(tiny_model: Path, tiny_controlnet: Path, tmp_path: Path) -> None:
    def pictures(flip: float) -> Tensor:
        asked: list[Tensor] = []
        generation = controlled_generation(
            tiny_model,
            Control(kind="normal", source=str(tiny_controlnet)),
            regularisers=Regularisers(flip=flip),
        )
        job = Job.create(tmp_path / str(flip), generation, Inputs(control_mesh=ball(0.3, (0.2, 0, 0), subdivisions=2)))
        state = begin(job, load(generation.model, generation.controls))
        objective = state.objective

        def note(latents: Tensor, condition: Condition, *rest: object) -> object:
            asked.extend(condition.control)
            return objective(latents, condition, *rest)  # type: ignore[arg-type]

        state.objective = note  # type: ignore[assignment]
        distil(state)
        return asked[0]

    plain, mirrored = pictures(0.0), pictures(1.0)
    assert plain.shape == (2, 3, 32, 32)
    expected = plain.flip(-1)
    expected[:, 0] = 1 - expected[:, 0]
    assert torch.allclose(mirrored, expected, atol=1e-6)


def test_the_initial_mesh_is_the_control_mesh_where_no_other_came(
    tiny_model: Path, tiny_controlnet: Path, tmp_path: Path
) -> None:
    generation = controlled_generation(tiny_model, depth(tiny_controlnet), initialiser=MeshSurface(count=100))
    mesh = ball(subdivisions=2)
    one = finished(Generate(generation=generation, job_folder=str(tmp_path / "one"), inputs=Inputs(mesh=mesh)))
    two = finished(
        Generate(generation=generation, job_folder=str(tmp_path / "two"), inputs=Inputs(mesh=mesh, control_mesh=mesh))
    )
    assert one.splats.equals(two.splats)  # type: ignore[union-attr]


def test_controls_without_any_mesh_say_so(tiny_model: Path, tiny_controlnet: Path, tmp_path: Path) -> None:
    job = Job.create(tmp_path / "job", controlled_generation(tiny_model, depth(tiny_controlnet)))
    with pytest.raises(InvalidInput, match="no mesh for them to show"):
        list(generate(job))


def test_labels_that_could_be_mirrored_are_a_notice(tiny_model: Path) -> None:
    control = Control(kind="segmentation", source="a/b")
    assert any("regularisers.flip" in n.message for n in notices(controlled_generation(tiny_model, control)))
    without = controlled_generation(tiny_model, control, regularisers=Regularisers(flip=0))
    assert not list(notices(without))


# ---------------------------------------------------------------- the command line


def test_a_control_argument_names_its_kind() -> None:
    assert control_argument("depth=owner/net:0.5") == Control(kind="depth", source="owner/net", weight=0.5)
    assert control_argument(r"normal=C:\nets\n") == Control(kind="normal", source=r"C:\nets\n")
    for wrong in ("owner/net", "canny=owner/net"):
        with pytest.raises(InvalidInput, match=r"depth\|normal\|segmentation=MODEL"):
            control_argument(wrong)


def test_two_mesh_files_stay_in_place_to_each_other(tmp_path: Path) -> None:
    for name, x in (("body", 4.0), ("hat", 6.0)):
        part = trimesh.creation.box((2, 2, 2))
        part.apply_translation([x, 0, 0])
        part.export(tmp_path / f"{name}.ply")
    files = ["--initial-mesh", str(tmp_path / "body.ply"), "--control-mesh", str(tmp_path / "hat.ply")]
    request = _request(_parser().parse_args(["generate", "a red mushroom", "--control", "depth=a/b", *files]))
    assert request.inputs.mesh is not None and request.inputs.control_mesh is not None
    size = np.ptp(request.inputs.mesh.vertices[:, 0])
    assert np.allclose(request.inputs.mesh.vertices.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(request.inputs.control_mesh.vertices.mean(axis=0), [size, 0, 0], atol=1e-6)
    assert request.generation.controls == (Control(kind="depth", source="a/b"),)
