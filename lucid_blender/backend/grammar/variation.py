"""What a recipe draws from: sizes that vary with the seed, and colours that go with the main one."""

from dataclasses import dataclass

import numpy as np

from .parts import ACCENT, MAIN, Paint, Rgb
from .vocabulary import COLORS

CREAM: Rgb = (0.93, 0.86, 0.70)
WOOD: Rgb = (0.50, 0.31, 0.15)
DARK: Rgb = (0.16, 0.16, 0.18)
STEEL: Rgb = (0.72, 0.75, 0.80)
GLASS: Rgb = (0.60, 0.82, 0.95)
SNOW: Rgb = (0.95, 0.95, 0.95)
GOLD: Rgb = (0.90, 0.70, 0.20)
WAFFLE: Rgb = (0.84, 0.62, 0.33)
CLAY: Rgb = (0.72, 0.38, 0.22)
LEAF: Rgb = (0.22, 0.56, 0.18)
SKIN: Rgb = (0.45, 0.66, 0.30)
STONE: Rgb = (0.62, 0.61, 0.58)
GLOW: Rgb = (1.0, 0.90, 0.50)


@dataclass(frozen=True)
class Variation:
    """The colours of a prop and its random shape; without a generator every range gives its middle."""

    color: str
    generator: np.random.Generator | None
    second_color: str | None = None

    @property
    def main(self) -> Paint:
        """The main colour; every reading draws a new shade, so a recipe reads it once."""
        return Paint(self._shade_of(self.color), MAIN)

    def accent(self, usual: Rgb | Paint) -> Paint:
        """The colour of the part that a two-colour phrase names; `usual` where none was named. Read once, too."""
        if self.second_color is not None:
            return Paint(self._shade_of(self.second_color), ACCENT)
        return Paint(usual.rgb if isinstance(usual, Paint) else usual, ACCENT)

    def _shade_of(self, color: str) -> Rgb:
        tint = 1.0 if self.generator is None else float(self.generator.uniform(0.95, 1.04))
        r, g, b = (min(c * tint, 1.0) for c in COLORS[color])
        return r, g, b

    def between(self, low: float, high: float) -> float:
        return 0.5 * (low + high) if self.generator is None else float(self.generator.uniform(low, high))

    def unless(self, wanted: Rgb, clashing: tuple[str, ...], otherwise: Rgb) -> Rgb:
        """`wanted`, or `otherwise` where the main colour is one of the clashing ones."""
        return otherwise if self.color in clashing else wanted

    @property
    def light(self) -> Rgb:
        """White details; red ones on a white prop."""
        return self.unless(SNOW, ("white",), COLORS["red"])
