"""A small network that names what a picture shows: class, colour and side. Trained on grammar pictures by `prior/`.

It judges pictures that resemble the grammar's. A blob in the right colour can fool it: never accept on it alone.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from .vocabulary import AZIMUTH_PHRASES, CLASSES, COLORS, RESOLUTION

FOLDER = Path(__file__).resolve().parents[1] / "models" / "classifier"
WEIGHTS = "classifier.safetensors"
WIDTHS = (24, 48, 96, 128)


class Classifier(nn.Module):
    """Four strided convolutions and three linear heads; reads pictures [B, 3, 64, 64] with values 0..1, sRGB."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3
        for width in WIDTHS:
            layers += [nn.Conv2d(previous, width, 3, 2, 1), nn.GroupNorm(4, width), nn.SiLU()]
            previous = width
        self.features = nn.Sequential(*layers)
        size = previous * 16
        self.class_head = nn.Linear(size, len(CLASSES))
        self.color_head = nn.Linear(size, len(COLORS))
        self.azimuth_head = nn.Linear(size, len(AZIMUTH_PHRASES))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of class [B, 20], colour [B, 10] and azimuth bin [B, 8]."""
        features = self.features(2 * pictures - 1).flatten(1)
        return self.class_head(features), self.color_head(features), self.azimuth_head(features)


@dataclass(frozen=True)
class Verdict:
    """What the classifier takes a picture for, and how sure it is (0..1)."""

    class_name: str
    color: str
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
    """One verdict a picture; other sizes than 64 x 64 are resampled."""
    if pictures.shape[-2:] != (RESOLUTION, RESOLUTION):
        pictures = nn.functional.interpolate(
            pictures, size=(RESOLUTION, RESOLUTION), mode="bilinear", antialias=True, align_corners=False
        )
    kind, color, azimuth = (logits.softmax(1) for logits in classifier(pictures.clamp(0, 1)))
    return [
        Verdict(
            CLASSES[int(k.argmax())], list(COLORS)[int(c.argmax())], int(a.argmax()), float(k.max()), float(c.max())
        )
        for k, c, a in zip(kind, color, azimuth, strict=True)
    ]
