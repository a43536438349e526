"""The tokenizer made from the grammar's vocabulary, and the captions that training pictures get."""

import json
from pathlib import Path

import numpy as np
from transformers import CLIPTokenizer

from lucid_blender.backend.grammar import (
    AZIMUTH_PHRASES,
    BACKGROUNDS,
    CLASSES,
    COLORS,
    ELEVATION_PHRASES,
    MATERIALS,
    SETTINGS,
    SIZES,
    Description,
    caption,
    known_words,
    view_phrase,
)
from lucid_blender.backend.grammar.vocabulary import plain_view_phrase

MAX_TOKENS = 40
START, END = "<|startoftext|>", "<|endoftext|>"
PREFIXES = ("a 3d render of", "a photo of", "a picture of", "a 3d model of", "an image of")

NO_CAPTION = 0.12
FINE_VIEW, PLAIN_VIEW = 0.75, 0.13  # the rest names no view
NAMED_BACKGROUND = 0.75
PREFIXED, BARE = 0.08, 0.10
BACKGROUND_FIRST = 0.15


def byte_symbols() -> list[str]:
    """The printable stand-ins of the 256 bytes, in the order of byte-level BPE."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def _merge(pieces: list[str], merges: list[tuple[str, str]]) -> list[str]:
    """Byte-pair encoding of one word: always the earliest merge that applies."""
    rank = {pair: i for i, pair in enumerate(merges)}
    while True:
        pairs = [(rank[pair], i) for i, pair in enumerate(zip(pieces, pieces[1:], strict=False)) if pair in rank]
        if not pairs:
            return pieces
        _, i = min(pairs)
        pieces = [*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :]]


def merges_for(words: list[str]) -> list[tuple[str, str]]:
    """Merges that make every word one token.

    What the merges so far leave of a word is joined from the left by new ones at the end of the list. They come after
    every merge that earlier words need, so those stay whole.
    """
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = _merge([*word[:-1], word[-1] + "</w>"], merges)
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = _merge(pieces, merges)
    return merges


def write_tokenizer(folder: Path) -> None:
    """vocab.json, merges.txt and what transformers itself saves."""
    letters = [word for word in known_words() if word.isalpha()]
    symbols = byte_symbols()
    merges = merges_for(letters)
    tokens = [*symbols, *(s + "</w>" for s in symbols), *dict.fromkeys(a + b for a, b in merges), START, END]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")


def random_caption(
    prop: Description,
    azimuth: float,
    elevation: float,
    background: int,
    generator: np.random.Generator,
) -> str:
    """One of the many ways to say what a picture shows; sometimes nothing, for classifier-free guidance."""
    if generator.random() < NO_CAPTION:
        return ""
    choice = generator.random()
    view = None
    if choice < FINE_VIEW:
        view = view_phrase(azimuth, elevation)
    elif choice < FINE_VIEW + PLAIN_VIEW:
        view = plain_view_phrase(azimuth, elevation)
    named = list(BACKGROUNDS)[background] if generator.random() < NAMED_BACKGROUND else None
    text = caption(prop, named, view)
    if named and view and generator.random() < BACKGROUND_FIRST:
        text = f"{caption(prop, named)}, {view}"
    form = generator.random()
    if form < PREFIXED:
        return f"{PREFIXES[int(generator.integers(len(PREFIXES)))]} {text}"
    if form < PREFIXED + BARE:
        return text.split(" ", 1)[1]
    return text


UNSAID = -100  # what torch's losses leave out
ATTRIBUTES: tuple[tuple[str | None, ...], ...] = (  # that a caption says, and their values
    CLASSES,
    tuple(COLORS),
    (None, *COLORS),  # second colour
    (None, *MATERIALS),
    (None, *SIZES),
    (None, *SETTINGS),
    AZIMUTH_PHRASES,
    tuple(phrase for _, phrase in ELEVATION_PHRASES),
    tuple(BACKGROUNDS),
)


def attributes_of(prop: Description, text: str) -> list[int]:
    """The number of each attribute's value in a prop's caption; UNSAID for what it leaves out."""
    if not text:
        return [UNSAID] * len(ATTRIBUTES)
    said = (prop.class_name, prop.color, prop.second_color, prop.material, prop.size, prop.setting)
    numbers = [values.index(value) for values, value in zip(ATTRIBUTES, said, strict=False)]
    azimuth = elevation = background = UNSAID
    for j, (_, height) in enumerate(ELEVATION_PHRASES):
        for i, side in enumerate(AZIMUTH_PHRASES):
            if f", {side} {height}" in text:
                azimuth, elevation = i, j
    for i, ground in enumerate(BACKGROUNDS):
        if f"{ground} background" in text:
            background = i
    return [*numbers, azimuth, elevation, background]
