"""What is drawn; no verbs."""

from . import generate, history, loras, menus, presets, queue, sections, splats, trash, viewport

CLASSES = (
    presets.LUCID_PT_presets,
    generate.LUCID_PT_generate,
    loras.LUCID_UL_loras,
    *sections.CLASSES,
    viewport.LUCID_PT_viewport,
    queue.LUCID_UL_queue,
    queue.LUCID_PT_queue,
    history.LUCID_UL_history,
    history.LUCID_PT_history,
    trash.LUCID_UL_trash,
    trash.LUCID_PT_trash,
    splats.LUCID_PT_splats,
    menus.LUCID_MT_object,
)
