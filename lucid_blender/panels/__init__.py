"""What is drawn; no verbs."""

from . import generate, splats, viewport

CLASSES = (
    generate.LUCID_PT_generate,
    viewport.LUCID_PT_viewport,
    generate.LUCID_PT_advanced,
    splats.LUCID_PT_splats,
)
