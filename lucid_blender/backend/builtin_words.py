"""Which prompts the built-in model can follow. Without torch, so that a refusal comes at once."""

from __future__ import annotations

from ..core.errors import InvalidInput
from ..core.options import BUILTIN, BuiltinPoints, Generation
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


def check_words(generation: Generation) -> None:
    """Raises InvalidInput when the built-in model, or the built-in points, know no prop in the text that they get."""
    unknown_words(generation)
    if isinstance(generation.initialiser, BuiltinPoints):
        named_prop(generation.initialiser.prompt or generation.prompt)


def named_prop(prompt: str) -> str:
    """The prop of a prompt as captions put it, all else left out. Raises InvalidInput when there is none."""
    parsed = vocabulary.parse_prompt(prompt)
    if parsed.description is not None:
        return vocabulary.caption(parsed.description)
    if parsed.class_name is None:
        raise InvalidInput(
            f"the built-in points know no prop in {prompt!r}",
            advice=f"Give the initialiser a simpler prompt, or start from a sphere. {known_words()}",
        )
    return f"{vocabulary.article(parsed.class_name)} {parsed.class_name}"


def known_words() -> str:
    """What the built-in model knows, in a sentence."""
    kinds = (vocabulary.CLASSES, vocabulary.COLORS, vocabulary.MATERIALS, vocabulary.SIZES, vocabulary.SETTINGS)
    return f"It knows {'; '.join(', '.join(words) for words in kinds)}."
