"""Render settings that suit splats. For scenes of our own: the user's are never changed silently."""

import bpy


def set_splat_render(scene: bpy.types.Scene, *, samples: int = 32) -> None:
    """Cycles on the CPU with colours as they are, and rays that pass through as many splats as a prop has in depth."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 4
    scene.cycles.transparent_max_bounces = 256  # the default of 8 leaves black fringes
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
