"""`models`: what the built-in model knows, which others are on offer, what is in the cache; looking up, downloading."""

from __future__ import annotations

import argparse

from ..core.messages import FetchModel, ModelFound, Progress
from ..core.model_files import find_cached
from ..core.models import KNOWN, in_words
from ..core.wanted import Wanted
from .cli_progress import ProgressLines
from .grammar import vocabulary
from .hub import cache, handle


def list_models() -> int:
    print("The built-in model knows")
    print(f"  props:       {', '.join(vocabulary.CLASSES)}")
    print(f"  colours:     {', '.join(vocabulary.COLORS)}")
    print(f"  materials:   {', '.join(vocabulary.MATERIALS)}")
    print(f"  sizes:       {', '.join(vocabulary.SIZES)}")
    print(f"  settings:    {', '.join(vocabulary.SETTINGS)}")
    print(f"  backgrounds: {', '.join(vocabulary.BACKGROUNDS)}")
    print("and a second colour of one part, as in 'a blue mug with a yellow handle':")
    print(f"  parts:       {', '.join(f'{name}: {part}' for name, part in vocabulary.ACCENTS.items())}")
    print("Others, by --model ID (downloaded on first use, or with `models download ID`):")
    for model in KNOWN:
        there = find_cached(model.id, "", cache()) is not None
        state = "in the cache" if there else f"{in_words(model.size)} to download"
        print(f"  {model.id}: {model.name}, {state}, licence {model.license}")
        print(f"    {model.license_page}")
    print("and any Stable Diffusion 1.x or 2.x: a hub id, a folder in diffusers' layout, a .safetensors file.")
    print(f"The cache is {cache()}; HF_HUB_CACHE names another.")
    return 0


def fetch_model(options: argparse.Namespace) -> int:
    """`models show ID` and `models download ID`."""
    lines = ProgressLines()
    wanted = Wanted(source=options.id, revision=options.revision, part=options.part)
    for event in handle(FetchModel(wanted=wanted, download=options.action == "download")):
        match event:
            case ModelFound():
                _describe(event)
            case Progress():
                lines.show(event)
    if options.action == "download":
        print(f"\n{options.id} is in the cache, {cache()}")
    return 0


def _describe(found: ModelFound) -> None:
    print(f"{found.id} at {found.revision}")
    print(f"  licence: {found.license or 'not said'} {found.license_page}".rstrip())
    print(f"  size:    {in_words(found.size)}, {in_words(found.missing)} to download")
    if found.gated:
        print("  gated:   its owner wants an agreement and an access token (HF_TOKEN)")
