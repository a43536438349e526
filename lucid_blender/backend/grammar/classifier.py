"""A small network that names what a picture shows: class, colours, material and side. Trained on grammar pictures.

It judges pictures that resemble the grammar's. A blob in the right colour can fool it: never accept on it alone.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .vocabulary import AZIMUTH_PHRASES, CLASSES, COLORS, MATERIALS, RESOLUTION

FOLDER = Path(__file__).resolve().parents[1] / "models" / "classifier"
WEIGHTS = "classifier.safetensors"
WIDTHS = (24, 48, 96, 128, 128)  # a strided convolution each: 128 pixels to 4
FIRST_REFINED = 1  # a residual block follows each convolution from this one on; finer ones cost too much
ATTRIBUTES = {  # what each head tells apart
    "class": CLASSES,
    "color": tuple(COLORS),
    "second_color": (None, *COLORS),  # None: the accent part has its usual colour
    "material": (None, *MATERIALS),  # None: matte
    "azimuth": AZIMUTH_PHRASES,
}


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.GroupNorm(4, width), nn.SiLU())

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.body(x)
        return x + added


class Classifier(nn.Module):
    """Strided convolutions, residual blocks, a linear head an attribute; reads sRGB pictures [B, 3, 128, 128], 0..1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3
        for number, width in enumerate(WIDTHS):
            layers += [nn.Conv2d(previous, width, 3, 2, 1), nn.GroupNorm(4, width), nn.SiLU()]
            layers += [Residual(width)] if number >= FIRST_REFINED else []
            previous = width
        self.features = nn.Sequential(*layers)
        size = previous * (RESOLUTION // 2 ** len(WIDTHS)) ** 2
        self.heads = nn.ModuleDict({name: nn.Linear(size, len(values)) for name, values in ATTRIBUTES.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Logits [B, number of values] of each attribute."""
        features = self.features(2 * pictures - 1).flatten(1)
        return {name: head(features) for name, head in self.heads.items()}


@dataclass(frozen=True)
class Verdict:
    """What the classifier takes a picture for, and how sure it is (0..1)."""

    class_name: str
    color: str
    second_color: str | None
    material: str | None
    azimuth_bin: int  # index into AZIMUTH_PHRASES
    class_probability: float
    color_probability: float


def load_classifier(folder: Path = FOLDER) -> Classifier:
    """The shipped classifier, ready to judge."""
    classifier = Classifier()
    classifier.load_state_dict({name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    return classifier.eval()


@torch.no_grad()
def classify(
    classifier: Classifier,
    pictures: Tensor,  # [B, 3, H, W] 0..1 sRGB, square
) -> list[Verdict]:
    """One verdict a picture; other sizes than the grammar's are resampled."""
    if pictures.shape[-2:] != (RESOLUTION, RESOLUTION):
        pictures = nn.functional.interpolate(
            pictures, size=(RESOLUTION, RESOLUTION), mode="bilinear", antialias=True, align_corners=False
        )
    shares = {name: logits.softmax(1) for name, logits in classifier(pictures.clamp(0, 1)).items()}
    found = {name: [ATTRIBUTES[name][int(i)] for i in share.argmax(1)] for name, share in shares.items()}
    return [
        Verdict(
            class_name=found["class"][i] or "",
            color=found["color"][i] or "",
            second_color=found["second_color"][i],
            material=found["material"][i],
            azimuth_bin=int(shares["azimuth"][i].argmax()),
            class_probability=float(shares["class"][i].max()),
            color_probability=float(shares["color"][i].max()),
        )
        for i in range(len(pictures))
    ]
