"""From options to implementations: the only place that lists them. Each match is closed by assert_never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Literal, assert_never, cast

import torch

from ..core.editing import InitialSplats, outside_box
from ..core.errors import InvalidInput, ModelError
from ..core.inputs import InputName, Inputs
from ..core.meshes import TriangleMesh
from ..core.options import (
    Box,
    BuiltinPoints,
    Consistent3d,
    Csd,
    FromSplats,
    Gaussians,
    Generation,
    Image,
    Ism,
    MeshSurface,
    MultiStep,
    Nerf,
    Nfsd,
    PointE,
    Rasterizer,
    Sds,
    ShapE,
    Sphere,
    Vdm,
    Vsd,
)
from ..core.requirements import POINT_E
from ..core.splats import SplatCloud
from .control.pictures import MeshPictures
from .diffusion import Diffusion, choose_device
from .initialisers.builtin_points import builtin_points
from .initialisers.mesh import mesh_surface
from .initialisers.sphere import box, sphere
from .objectives.consistent3d import Consistent3dObjective
from .objectives.csd import CsdObjective
from .objectives.distillation import Context
from .objectives.ism import IsmObjective
from .objectives.learner import initialised
from .objectives.multi_step import MultiStepObjective
from .objectives.nfsd import NfsdObjective
from .objectives.sds import SdsObjective
from .objectives.vdm import VdmObjective
from .objectives.vsd import VsdObjective
from .pictures import fitted
from .rasterizers.contract import Rasterize
from .rasterizers.selection import select
from .representations.contract import Representation
from .representations.gaussians import GaussianSplats
from .representations.image import ImageCanvas
from .representations.kept import Kept
from .representations.nerf import NerfField

Objective = (
    Consistent3dObjective
    | CsdObjective
    | IsmObjective
    | MultiStepObjective
    | NfsdObjective
    | SdsObjective
    | VdmObjective
    | VsdObjective
)


_IN_WORDS: Mapping[InputName, str] = {"mesh": "a mesh", "splats": "splats", "image": "a picture"}


def make_objective(generation: Generation, diffusion: Diffusion, generator: torch.Generator) -> Objective:
    """What turns rendered latents into a gradient. Those that learn draw their first weights from the generator."""
    context = Context(
        network=diffusion,
        schedule=diffusion.schedule,
        timesteps=generation.timesteps,
        iterations=generation.iterations,
    )
    match generation.objective:
        case Consistent3d() as options:
            return Consistent3dObjective(options, context)
        case Csd() as options:
            return CsdObjective(options, context)
        case Ism() as options:
            return IsmObjective(options, context)
        case MultiStep() as options:
            return MultiStepObjective(options, context)
        case Nfsd() as options:
            return NfsdObjective(options, context)
        case Sds() as options:
            return SdsObjective(options, context)
        case Vdm() as options:
            return VdmObjective(options, context, diffusion.latent_shape(generation.resolution), generator)
        case Vsd() as options:
            copy = initialised(partial(diffusion.lora_copy, options.rank), generator)
            return VsdObjective(options, context, copy)
        case other:
            assert_never(other)


def make_initial_cloud(
    generation: Generation, mesh: TriangleMesh | None, generator: torch.Generator, kept: Kept | None = None
) -> SplatCloud:
    """Where the run starts. Raises InvalidInput when the initialiser needs a mesh or splats and none came."""
    prompt, model = generation.prompt, generation.model
    match generation.initialiser:
        case Sphere() as options:
            return sphere(options, generator)
        case Box() as options:
            return box(options, generator)
        case MeshSurface() as options:
            if mesh is None:
                raise InvalidInput("the initialiser is a mesh, but no mesh was given", advice="Choose a mesh object.")
            return mesh_surface(options, mesh, generator)
        case FromSplats():
            if kept is None:
                raise InvalidInput("the run is to edit splats, but none were given", advice="Choose a splat object.")
            return kept.start
        case BuiltinPoints() as options:
            return builtin_points(options, prompt, generator)
        case PointE() as options:
            try:
                from .initialisers.point_e import point_e
            except ModuleNotFoundError as error:
                raise ModelError(f"the package {error.name} is not installed", advice=POINT_E.advice) from error
            device = choose_device(model.device)
            return point_e(options, prompt, generator, device=device, allow_download=model.allow_download)
        case ShapE() as options:
            from .initialisers.shap_e import shap_e

            device = choose_device(model.device)
            return shap_e(options, prompt, generator, device=device, allow_download=model.allow_download)
        case other:
            assert_never(other)


def make_kept(generation: Generation, splats: InitialSplats | None) -> Kept | None:
    """What a run that edits splats keeps of them; None for all other runs."""
    options = generation.initialiser
    if splats is None or not isinstance(options, FromSplats):
        return None
    if options.edit_box is not None:
        splats = splats.with_frozen(outside_box(splats.cloud, options.edit_box))
    return Kept.of(splats)


def make_representation(
    generation: Generation,
    model: Diffusion,
    generator: torch.Generator,
    *,
    inputs: Inputs,
    goes_on: bool = False,
) -> Representation:
    """What is optimised, as it is at the start; splats are none when the run goes on, for a checkpoint to fill.

    Raises InvalidInput when it cannot start from what was given.
    """
    match generation.representation:
        case Gaussians() as options:
            _refuse("a prop", inputs, "image")
            return _make_splats(options, generation, inputs, generator, goes_on=goes_on)
        case Image() as options:
            _refuse("an image", inputs, "mesh", "splats")
            size, before = generation.resolution, None
            if inputs.image is not None:
                before = torch.from_numpy(fitted(inputs.image, size)).permute(2, 0, 1)
            return ImageCanvas(options, model, generator, size=size, iterations=generation.iterations, before=before)
        case Nerf() as options:
            _refuse("a NeRF", inputs, "mesh", "splats", "image")
            return NerfField(options, generator, iterations=generation.iterations, device=model.device)
        case other:
            assert_never(other)


def _make_splats(
    options: Gaussians,
    generation: Generation,
    inputs: Inputs,
    generator: torch.Generator,
    *,
    goes_on: bool,
) -> GaussianSplats:
    kept = make_kept(generation, inputs.splats)
    # A network that made the first splats takes its time and is not asked again.
    cloud = SplatCloud.empty() if goes_on else make_initial_cloud(generation, inputs.mesh, generator, kept)
    if kept is not None and kept.start.sh_degree > options.sh_degree:  # no colour is lost
        options = replace(options, sh_degree=cast(Literal[0, 1, 2, 3], kept.start.sh_degree))
    return GaussianSplats(
        options,
        cloud,
        extent=generation.cameras.extent,
        iterations=generation.iterations,
        rasterize=make_rasterizer(generation.rasterizer),
        kept=kept,
    )


def _refuse(representation: str, inputs: Inputs, *names: InputName) -> None:
    for name in names:
        if name in inputs.names:
            raise InvalidInput(
                f"{representation} cannot start from {_IN_WORDS[name]}",
                advice="Leave it out, or choose the representation image for pictures, gaussians for the rest.",
            )


def make_control(generation: Generation, mesh: TriangleMesh | None, diffusion: Diffusion) -> MeshPictures | None:
    """What draws the ControlNets' pictures of a mesh; None without controls."""
    if not generation.controls:
        return None
    if mesh is None:
        raise InvalidInput(
            "there are controls, but no mesh for them to show", advice="Give a control mesh, or start from a mesh."
        )
    return MeshPictures(mesh, generation.controls, diffusion.control_sizes(generation.resolution))


def make_rasterizer(name: Rasterizer) -> Rasterize:
    """What draws splats. Kernels are imported, and so compiled, only when they are chosen."""
    match select(name).name:
        case "numba_cpu":
            from .rasterizers import numba_cpu

            return numba_cpu.rasterize
        case "torch_oracle":
            from .rasterizers import torch_oracle

            return torch_oracle.rasterize
        case "diff_gaussian_rasterization":
            from .rasterizers import adapter_diff_gaussian

            return adapter_diff_gaussian.rasterize
        case "gsplat":
            from .rasterizers import adapter_gsplat

            return adapter_gsplat.rasterize
        case other:
            assert_never(other)
