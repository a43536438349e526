"""The command line's `bench`. The benches themselves, and torch, are imported when they are run."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.errors import InvalidInput
from ..core.option_names import with_settings
from ..core.options import BUILTIN, DiffusionModel, Generation
from ..core.presets import OBJECTIVES, PRESETS, REPRESENTATIONS, initialiser, objective, preset, with_representation

PROMPTS = ("a red mushroom", "a blue car", "a yellow chair", "an orange duck")  # round, and with two sides or four
# What a setting may choose besides single options: sets of them.
WORDS = ("preset", "objective", "representation", "initialiser")


def add_benches(parser: argparse.ArgumentParser) -> None:
    benches = parser.add_subparsers(dest="bench", required=True)
    _add_objectives(benches.add_parser("objectives", help="objectives on the built-in model, against known scenes"))
    _add_quality(
        benches.add_parser(
            "quality", help="the yardstick: prompts, seeds and settings, against known scenes; CLIP score and 3D-FID"
        )
    )


def _add_objectives(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_objectives)
    parser.add_argument(
        "--objectives", nargs="+", choices=OBJECTIVES, default=["sds", "ism", "vdm"], help="the others with the first"
    )
    _add_known(parser, preset="standard", seeds=[0])


def _add_known(parser: argparse.ArgumentParser, *, preset: str, seeds: list[int]) -> None:
    """What both benches ask for."""
    parser.add_argument(
        "--prompts", metavar="FILE", type=Path, help=f"one on each line (default: {', '.join(PROMPTS)})"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=seeds)
    parser.add_argument("--preset", choices=PRESETS, default=preset)
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="in all settings")
    parser.add_argument("--output", metavar="FOLDER", type=Path, help="keep everything here, and go on from it")


def _add_quality(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_quality)
    _add_known(parser, preset="draft", seeds=[0, 1, 2])
    parser.add_argument(
        "--setting",
        metavar="NAME: CHANGE ...",
        action="append",
        default=[],
        help="settings to compare, the others with the first: 'long: iterations=600 objective=sds initialiser=sphere'",
    )
    parser.add_argument("--clip", metavar="MODEL", action="append", default=[], help="id or folder; may be repeated")
    parser.add_argument(
        "--features",
        choices=["inception", "clip", "classifier", "none"],
        help="what distances to sampled pictures are measured in (default: inception with its weights, else clip, "
        "else none)",
    )
    parser.add_argument("--inception-weights", metavar="FILE", type=Path, help="pt_inception-2015-12-05-6726825d.pth")
    parser.add_argument("--views", type=int, default=50, help="random views of each prop, for CLIP and 3D-FID")
    parser.add_argument("--references", type=int, default=50, help="sampled pictures for each prompt")
    parser.add_argument("--model", default=BUILTIN, help="the distilled model: 'builtin', a hub id, or a folder")
    parser.add_argument("--offline", action="store_true", help="never download; use what is in the cache")
    parser.add_argument("--objective", choices=OBJECTIVES)
    parser.add_argument("--representation", choices=REPRESENTATIONS, help="what is optimised (default: gaussians)")


def _objectives(options: argparse.Namespace) -> int:
    from .bench_quality import Plan, Setting, quality, read_prompts

    builtin = DiffusionModel()
    settings = [
        Setting(name=name, generation_for=generations(options, builtin, [*options.set, f"objective={name}"]))
        for name in options.objectives
    ]
    prompts = read_prompts(options.prompts) if options.prompts else PROMPTS
    return quality(Plan(prompts=prompts, settings=tuple(settings), seeds=tuple(options.seeds), output=options.output))


def _quality(options: argparse.Namespace) -> int:
    from .bench_quality import Plan, Setting, quality, read_prompts

    model = DiffusionModel(source=options.model, allow_download=not options.offline)
    words = [f"{word}={value}" for word in ("objective", "representation") if (value := getattr(options, word))]
    named = [named_changes(text) for text in options.setting] or [(options.preset, [])]
    settings = [
        Setting(name=name, generation_for=generations(options, model, [*words, *options.set, *changes]))
        for name, changes in named
    ]
    features = "inception" if options.inception_weights else "clip" if options.clip else "none"
    return quality(
        Plan(
            prompts=read_prompts(options.prompts) if options.prompts else PROMPTS,
            settings=tuple(settings),
            seeds=tuple(options.seeds),
            clips=tuple(options.clip),
            features=options.features or features,
            inception_weights=options.inception_weights,
            views=options.views,
            references=options.references,
            offline=options.offline,
            output=options.output,
        )
    )


def generations(
    options: argparse.Namespace, model: DiffusionModel, changes: Sequence[str]
) -> Callable[[str, int], Generation]:
    """What a prompt and a seed are made with: the preset, then sets of options (WORDS), then single ones."""
    words = {key: value for key, _, value in (one.partition("=") for one in changes) if key in WORDS}
    single = [one for one in changes if one.partition("=")[0] not in WORDS]

    def generation_for(prompt: str, seed: int) -> Generation:
        generation = replace(preset(words.get("preset", options.preset), prompt, model=model), seed=seed)
        if chosen := words.get("representation"):
            generation = with_representation(generation, chosen)
        if chosen := words.get("objective"):
            generation = replace(generation, objective=objective(chosen, model))
        if chosen := words.get("initialiser"):
            generation = replace(generation, initialiser=initialiser(chosen, generation))
        return with_settings(generation, single)

    return generation_for


def named_changes(text: str) -> tuple[str, list[str]]:
    """ "NAME: CHANGE ...", the changes parted by spaces. Raises InvalidInput when there is no name."""
    name, colon, changes = text.partition(":")
    if not colon or not name.strip():
        raise InvalidInput(f"the setting {text!r} has no name", advice="Write 'NAME: option=value option=value'.")
    return name.strip(), shlex.split(changes)
