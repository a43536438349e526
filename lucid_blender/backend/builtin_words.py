"""Which prompts the built-in model can follow. Without torch, so that a refusal comes at once."""

from __future__ import annotations

from ..core.errors import InvalidInput
from ..core.options import BUILTIN, Generation
from .grammar import vocabulary


def unknown_words(generation: Generation) -> list[str]:
    """The words of the prompt that the built-in model was never shown; none when another model is chosen.

    Raises InvalidInput when the prompt names no prop that it knows: the result would mean nothing.
    """
    if generation.model.source != BUILTIN:
        return []
    prompt = vocabulary.parse_prompt(generation.prompt)
    if prompt.class_name is None:
        raise InvalidInput(
            f"the built-in model knows no prop in {generation.prompt!r}",
            advice=f"{known_words()} For anything else, choose a Stable Diffusion model.",
        )
    return list(prompt.unknown)


def known_words() -> str:
    """What the built-in model knows, in a sentence."""
    kinds = (vocabulary.CLASSES, vocabulary.COLORS, vocabulary.MATERIALS, vocabulary.SIZES, vocabulary.SETTINGS)
    return f"It knows {'; '.join(', '.join(words) for words in kinds)}."
