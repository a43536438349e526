"""Every key of the release's configurations, what it is taken for, and its value where a file does not give it.

docs/method.md explains the keys. The defaults are the release's, not ours: a file that leaves a key out counts on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Scalar = None | bool | int | float | str
Value = Scalar | tuple[float, ...]
TOP = ""  # the keys outside all sections


@dataclass(frozen=True)
class Key:
    """One key. The default's type is the type that its values must have.

    A key with ``options`` sets them, by their dotted names in Generation: a pair one each, anything else all of them.
    One with ``ignored`` changes nothing, which is said when a file gives another value than the default. One with
    neither takes part in a choice that published_config.py makes.
    """

    default: Value
    options: tuple[str, ...] = ()
    convert: Callable[[Value], Value] | None = None
    ignored: str = ""
    nullable: bool = False


def sets(default: Value, *options: str, by: Callable[[Value], Value] | None = None, nullable: bool = False) -> Key:
    return Key(default, options, by, nullable=nullable)


def chooses(default: Value, *, nullable: bool = False) -> Key:
    return Key(default, nullable=nullable)


def ignored(default: Value, reason: str, *, nullable: bool = False) -> Key:
    return Key(default, ignored=reason, nullable=nullable)


def elevations(polar: Value) -> Value:
    """Polar angles are measured from the zenith."""
    assert isinstance(polar, tuple)
    return (90.0 - polar[1], 90.0 - polar[0])


def azimuths(phi: Value) -> Value:
    """The release's azimuth turns clockwise, seen from above; ours does not."""
    assert isinstance(phi, tuple)
    return (-phi[1], -phi[0])


def elevation(polar: Value) -> Value:
    assert isinstance(polar, (int, float))
    return 90.0 - polar


UNUSED = "the release's code never asks for it"
DEVICE = "the device is the top-level key, or --set model.device=..."
CONTROL = "the release's ControlNet branch cannot run; controls are options of their own here"
SCHEDULE = "the noise schedule is the model's own"
ONE_SEED = "all randomness comes from the one seed"
RATES = "the schedule of the rates spans the run, in the release too"
LOADING = "nothing is read from such a folder"

KEYS: Mapping[str, Mapping[str, Key]] = {
    TOP: {
        "port": ignored(6009, "it is the socket of a separate viewer; here the prop grows in Blender's own viewport"),
        "ip": ignored("127.0.0.1", "it is the address of a separate viewer"),
        "save_video": chooses(True),
        "seed": sets(0, "seed"),
        "device": chooses("cuda"),
    },
    "PipelineParams": {
        "convert_SHs_python": ignored(False, "colours are always spherical harmonics"),
        "compute_cov3D_python": ignored(False, "it is a matter of where the same numbers are computed"),
        "debug": ignored(False, "the log has what there is to know"),
    },
    "ModelParams": {
        "workspace": chooses("debug"),
        "sh_degree": sets(0, "representation.sh_degree"),
        "_source_path": ignored("", LOADING),
        "_model_path": ignored("", "the output folder is --output"),
        "pretrained_model_path": ignored(None, "give the file itself to start from splats", nullable=True),
        "_images": ignored("images", LOADING),
        "batch": ignored(10, "every camera is drawn by itself"),
        "_resolution": ignored(-1, "the size of the pictures is image_h"),
        "_white_background": ignored(True, "the background is white where it is not random or black"),
        "data_device": ignored("cuda", DEVICE),
        "eval": ignored(False, UNUSED),
        "opt_path": ignored(None, "it is the name of the file itself", nullable=True),
        "sh_deg_aug_ratio": sets(0.1, "representation.degree_dropout"),
        "bg_aug_ratio": sets(0.5, "regularisers.dark_background"),
        "shs_aug_ratio": ignored(0.0, "noise on colours is off in every published file, and not offered"),
        "scale_aug_ratio": chooses(1.0),
    },
    "GuidanceParams": {
        "guidance": ignored("SD", "only Stable Diffusion models are distilled"),
        "g_device": ignored("cuda", DEVICE),
        "model_key": sets("stabilityai/stable-diffusion-2-1-base", "model.source"),
        "is_safe_tensor": ignored(
            False, "a single .safetensors file is known by its name; give it as model_key or --model"
        ),
        "base_model_key": ignored(None, "it belongs to is_safe_tensor", nullable=True),
        "controlnet_model_key": ignored(None, CONTROL, nullable=True),
        "controlnet_ratio": ignored(0.5, CONTROL),
        "perpneg": chooses(True),
        "negative_w": sets(-2.0, "view_prompts.perp_neg.negative_weight"),
        "front_decay_factor": sets(2.0, "view_prompts.perp_neg.front_decay"),
        "side_decay_factor": sets(10.0, "view_prompts.perp_neg.side_decay"),
        "vram_O": ignored(False, "the model stays where it is; fewer views or pixels need less memory"),
        "fp16": chooses(True),
        "hf_key": ignored(None, UNUSED, nullable=True),
        "t_range": sets((0.02, 0.5), "timesteps.low", "timesteps.high"),
        "max_t_range": sets(0.98, "timesteps.high_at_start"),
        "scheduler_type": ignored("DDIM", SCHEDULE),
        "num_train_timesteps": ignored(None, SCHEDULE, nullable=True),
        "sds": chooses(False),
        "fix_noise": chooses(False),
        "noise_seed": ignored(0, ONE_SEED),
        "ddim_inv": ignored(False, "the release stores it and never asks for it: sds decides"),
        "accum": ignored(False, UNUSED),
        "delta_t": sets(80, "objective.delta_t"),
        "delta_t_start": sets(100, "objective.delta_t_start"),
        "annealing_intervals": chooses(True),
        "text": sets("", "prompt"),
        "inverse_text": sets("", "null_prompt"),
        "textual_inversion_path": chooses(None, nullable=True),
        "LoRA_path": chooses(None, nullable=True),
        "negative": sets("", "negative_prompt"),
        "guidance_scale": sets(7.5, "objective.guidance_scale"),
        "denoise_guidance_scale": sets(1.0, "objective.inversion_guidance_scale"),
        "lambda_guidance": sets(1.0, "objective.gradient_scale"),
        "xs_delta_t": sets(200, "objective.delta_s", nullable=True),
        "xs_inv_steps": sets(5, "objective.inversion_steps", nullable=True),
        "xs_eta": sets(0.0, "objective.eta"),
        "C_batch_size": sets(1, "views"),
        "vis_interval": ignored(100, "pictures of the pseudo-ground truths are not kept"),
    },
    "GenerateCamParams": {
        "init_shape": chooses("sphere"),
        "init_prompt": sets("", "initialiser.prompt"),
        "use_pointe_rgb": sets(False, "initialiser.use_colors"),
        "init_num_pts": chooses(100_000),
        "radius_range": sets((5.2, 5.5), "cameras.radius"),
        "max_radius_range": sets((3.5, 5.0), "cameras.radius_limits"),
        "default_radius": sets(3.5, "cameras.extent", "outputs.radius"),
        "theta_range": sets((45.0, 105.0), "cameras.elevation", by=elevations),
        "max_theta_range": sets((45.0, 105.0), "cameras.elevation_limits", by=elevations),
        "phi_range": sets((-180.0, 180.0), "cameras.azimuth", by=azimuths),
        "max_phi_range": sets((-180.0, 180.0), "cameras.azimuth_limits", by=azimuths),
        "fovy_range": sets((0.32, 0.6), "cameras.fov_y"),
        "max_fovy_range": sets((0.16, 0.6), "cameras.fov_y_limits"),
        "rand_cam_gamma": sets(1.0, "cameras.angle_gamma"),
        "angle_overhead": ignored(30.0, UNUSED),
        "angle_front": ignored(60.0, UNUSED),
        "render_45": ignored(True, "the still test views are the turntable picture"),
        "uniform_sphere_rate": sets(0.0, "cameras.hemisphere_share"),
        "image_w": chooses(512),
        "image_h": chooses(512),
        "SSAA": ignored(1, "pictures are drawn at the size that the network sees"),
        "default_polar": sets(90.0, "outputs.elevation", by=elevation),
        "default_azimuth": ignored(0.0, "the front is where azimuth is 0"),
        "default_fovy": sets(0.55, "outputs.fov_y"),
        "jitter_pose": chooses(True),
        "jitter_center": sets(0.05, "cameras.position_jitter"),
        "jitter_target": sets(0.05, "cameras.target_jitter"),
        "jitter_up": sets(0.01, "cameras.up_jitter"),
        "device": ignored("cuda", DEVICE),
    },
    "OptimizationParams": {
        "iterations": sets(5000, "iterations"),
        "position_lr_init": sets(1.6e-4, "representation.learning_rates.position.0"),
        "position_lr_final": sets(1.6e-6, "representation.learning_rates.position.1"),
        "position_lr_delay_mult": ignored(0.01, "without delay steps, which the release has not, it does nothing"),
        "position_lr_max_steps": ignored(30_000, RATES),
        "feature_lr": sets(5e-3, "representation.learning_rates.color.0"),
        "feature_lr_final": sets(3e-3, "representation.learning_rates.color.1"),
        "opacity_lr": sets(0.05, "representation.learning_rates.opacity"),
        "scaling_lr": sets(5e-3, "representation.learning_rates.scale.0"),
        "scaling_lr_final": sets(1e-3, "representation.learning_rates.scale.1"),
        "rotation_lr": sets(1e-3, "representation.learning_rates.rotation.0"),
        "rotation_lr_final": sets(2e-4, "representation.learning_rates.rotation.1"),
        "geo_iter": sets(0, "regularisers.disparity_iterations"),
        "as_latent_ratio": sets(0.2, "regularisers.disparity_share"),
        "resnet_lr": ignored(1e-4, UNUSED),
        "resnet_lr_init": ignored(2e-3, UNUSED),
        "resnet_lr_final": ignored(5e-5, UNUSED),
        "percent_dense": sets(3e-3, "representation.densification.percent_dense"),
        "densify_grad_threshold": sets(7.5e-4, "representation.densification.gradient_threshold"),
        "lambda_tv": sets(1.0, "regularisers.tv_image", "regularisers.tv_disparity"),
        "lambda_bin": ignored(10.0, UNUSED),
        "lambda_scale": sets(1.0, "regularisers.scale"),
        "lambda_sat": ignored(1.0, UNUSED),
        "lambda_radius": ignored(1.0, UNUSED),
        "densification_interval": sets(100, "representation.densification.every"),
        "opacity_reset_interval": sets(300, "representation.densification.opacity_reset_every"),
        "densify_from_iter": sets(100, "representation.densification.start"),
        "densify_until_iter": sets(3000, "representation.densification.stop"),
        "use_control_net_iter": ignored(10_000_000, CONTROL),
        "warmup_iter": sets(1500, "timesteps.warmup_iterations"),
        "use_progressive": chooses(False),
        "save_process": chooses(True),
        "pro_frames_num": sets(600, "outputs.process_video.frames"),
        "pro_render_45": sets(False, "outputs.process_video.raised_turn"),
        "progressive_view_iter": sets(500, "cameras.relax_start"),
        "progressive_view_init_ratio": ignored(0.2, UNUSED),
        "scale_up_cameras_iter": sets(500, "cameras.relax_every"),
        "scale_up_factor": sets(0.95, "cameras.radius_factor"),
        "fovy_scale_up_factor": sets((0.75, 1.1), "cameras.fov_y_factors"),
        "phi_scale_up_factor": sets(1.5, "cameras.angle_factor"),
    },
}
