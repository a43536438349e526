"""What is drawn; no verbs."""

from . import generate, splats

CLASSES = (
    generate.LUCID_PT_generate,
    generate.LUCID_PT_advanced,
    splats.LUCID_PT_splats,
)
