"""What a user is told about a run before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.messages import Machinery, Notice
from ..core.options import BUILTIN, Csd, Gaussians, Generation, Nfsd
from .builtin_words import known_words, unknown_words
from .diffusion import Diffusion
from .rasterizers.selection import select
from .trigger_words import missing_words, taught_words


def notices(generation: Generation) -> Iterator[Notice]:
    """What the user should know before a run."""
    taught = taught_words(generation.model)
    unknown = [word for word in unknown_words(generation) if word not in taught]
    if unknown:
        yield Notice(message=f"The built-in model does not know {', '.join(unknown)}. {known_words()}")
    takes_away = isinstance(generation.objective, (Csd, Nfsd)) and generation.model.source != BUILTIN
    if takes_away and not generation.negative_prompt.strip():
        yield Notice(message="The objective leads away from the negative prompt, and there is none.")
    _, unsaid = missing_words(generation.prompt, generation.negative_prompt, generation.model)
    for words in unsaid:
        yield Notice(message=f"The prompt does not say {words!r}, without which what was trained on it hardly shows.")
    if generation.regularisers.flip and any(control.kind == "segmentation" for control in generation.controls):
        yield Notice(
            message="Pictures are mirrored on some iterations, but colours are not exchanged: if the control mesh's "
            "colours tell left from right, as DensePose's do, set regularisers.flip to 0."
        )


def machinery(generation: Generation, model: Diffusion) -> Machinery:
    """What the run computes with."""
    drawn = isinstance(generation.representation, Gaussians)
    return Machinery(
        network=f"{model.device.type}, {str(model.dtype).removeprefix('torch.')}",
        rasterizer=str(select(generation.rasterizer, model.device)) if drawn else "none: there are no splats to draw",
    )
