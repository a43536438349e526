"""The words of LoRAs and textual inversions, without which they hardly show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.options import DiffusionModel, Generation
from .grammar.vocabulary import words_of
from .personalisation import read_inversion


def with_trigger_words(generation: Generation) -> Generation:
    """The prompt with the words of LoRAs and textual inversions that are to be added to it."""
    added, _ = missing_words(generation.prompt, generation.negative_prompt, generation.model)
    return replace(generation, prompt=with_words(generation.prompt, added)) if added else generation


def missing_words(prompt: str, negative_prompt: str, options: DiffusionModel) -> tuple[list[str], list[str]]:
    """The words that the prompt lacks: those to be added by request, and those that the user should know of.

    A token may also stand in the negative prompt: some are made for it. What has no effect needs no words.
    """
    words = [(lora.trigger.strip(), lora.add_trigger) for lora in options.loras if lora.trigger.strip() and lora.weight]
    added = [word for word, add in words if add and not _says(prompt, word)]
    unsaid = [word for word, add in words if not add and not _says(prompt, word)]
    for inversion in options.textual_inversions:
        token = read_inversion(inversion, options)[0]
        if inversion.add_token and not _says(prompt, token):
            added.append(token)
        elif not _says(f"{prompt}\n{negative_prompt}", token):
            unsaid.append(token)
    return added, unsaid


def taught_words(options: DiffusionModel) -> set[str]:
    """The words that LoRAs and textual inversions bring, in lower case."""
    said = [lora.trigger for lora in options.loras] + [
        read_inversion(i, options)[0] for i in options.textual_inversions
    ]
    return {word for text in said for word in words_of(text)}


def with_words(prompt: str, words: Sequence[str]) -> str:
    """The prompt with the words at its end."""
    return ", ".join([prompt.strip(), *words])


def _says(text: str, words: str) -> bool:
    return words.lower() in text.lower()
