"""What is drawn; no verbs."""

from . import generate, history, menus, queue, splats, viewport

CLASSES = (
    generate.LUCID_PT_generate,
    viewport.LUCID_PT_viewport,
    queue.LUCID_UL_queue,
    queue.LUCID_PT_queue,
    history.LUCID_UL_history,
    history.LUCID_PT_history,
    generate.LUCID_PT_advanced,
    splats.LUCID_PT_splats,
    menus.LUCID_MT_object,
)
