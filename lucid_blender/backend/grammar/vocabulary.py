"""The words of the scene grammar: what it can draw, in which colours, and how captions are put together."""

import re

CLASSES: tuple[str, ...] = (
    "mushroom", "rocket", "car", "chair", "mug", "ice cream", "cone", "house", "tree", "table",
    "lamp", "ball", "cube", "robot", "sword", "teapot", "boat", "snowman", "duck", "cactus",
)  # fmt: skip

COLORS: dict[str, tuple[float, float, float]] = {  # sRGB display values
    "red": (0.85, 0.10, 0.10),
    "orange": (0.97, 0.50, 0.06),
    "yellow": (0.97, 0.85, 0.12),
    "green": (0.15, 0.62, 0.18),
    "blue": (0.12, 0.30, 0.88),
    "purple": (0.50, 0.16, 0.68),
    "pink": (0.98, 0.52, 0.72),
    "white": (0.94, 0.94, 0.94),
    "black": (0.13, 0.13, 0.14),
    "brown": (0.45, 0.26, 0.12),
}

BACKGROUNDS: dict[str, tuple[float, float, float]] = {  # sRGB display values
    "white": (1.0, 1.0, 1.0),
    "gray": (0.50, 0.50, 0.50),
    "black": (0.03, 0.03, 0.03),
    "cream": (0.95, 0.88, 0.74),
    "sky": (0.62, 0.80, 0.95),
    "mint": (0.66, 0.88, 0.76),
    "lavender": (0.76, 0.70, 0.92),
    "sand": (0.76, 0.66, 0.50),
}

AZIMUTH_PHRASES: tuple[str, ...] = (  # bins of 45 degrees, the first one centred on 0
    "front view", "front right view", "right side view", "back right view",
    "back view", "back left view", "left side view", "front left view",
)  # fmt: skip

ELEVATION_PHRASES: tuple[tuple[float, str], ...] = (  # upper end of the bin in degrees, phrase
    (0.0, "from below"),
    (20.0, "at eye level"),
    (90.0, "from above"),
)

PLAIN_VIEWS: tuple[str, ...] = ("front view", "side view", "back view", "overhead view")

OTHER_WORDS: tuple[str, ...] = (
    "a", "an", "the", "of", "on", "in", "with", "at", "and", "view", "views", "front", "back", "left", "right",
    "side", "from", "above", "below", "eye", "level", "overhead", "background", "plain", "simple", "3d", "render",
    "picture", "model", "object", "prop", "toy", "photo", "image",
)  # fmt: skip

HELD_OUT: tuple[tuple[str, str], ...] = (  # never shown in training: for evaluation only
    ("mushroom", "purple"), ("rocket", "orange"), ("car", "pink"), ("chair", "purple"), ("mug", "brown"),
    ("ice cream", "blue"), ("cone", "green"), ("house", "pink"), ("tree", "purple"), ("table", "pink"),
    ("lamp", "black"), ("robot", "brown"), ("teapot", "orange"), ("boat", "purple"), ("snowman", "yellow"),
    ("duck", "red"), ("cactus", "white"), ("sword", "pink"),
)  # fmt: skip

RADIUS_RANGE = (3.4, 4.2)  # metres from the origin
ELEVATION_RANGE = (-15.0, 45.0)  # degrees
FOV_Y = 0.55  # radians
RESOLUTION = 64  # pixels a side

_SYNONYMS = {"grey": "gray", "violet": "purple", "icecream": "ice cream", "ice-cream": "ice cream"}


def azimuth_bin(azimuth_deg: float) -> int:
    """Index into AZIMUTH_PHRASES; azimuth 0 looks at the front, +90 stands at +X."""
    return int(((azimuth_deg + 22.5) % 360.0) // 45.0) % 8


def elevation_bin(elevation_deg: float) -> int:
    """Index into ELEVATION_PHRASES."""
    for index, (upper, _) in enumerate(ELEVATION_PHRASES):
        if elevation_deg < upper:
            return index
    return len(ELEVATION_PHRASES) - 1


def view_phrase(azimuth_deg: float, elevation_deg: float) -> str:
    """The words for a camera direction, such as ``front left view from above``."""
    return f"{AZIMUTH_PHRASES[azimuth_bin(azimuth_deg)]} {ELEVATION_PHRASES[elevation_bin(elevation_deg)][1]}"


def plain_view_phrase(azimuth_deg: float, elevation_deg: float) -> str:
    """The coarse words of common view-dependent prompting: front, side, back, overhead."""
    if elevation_deg > 35.0:
        return PLAIN_VIEWS[3]
    angle = abs((azimuth_deg + 180.0) % 360.0 - 180.0)
    if angle <= 45.0:
        return PLAIN_VIEWS[0]
    return PLAIN_VIEWS[1] if angle < 135.0 else PLAIN_VIEWS[2]


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def caption(class_name: str, color: str, background: str | None = None, view: str | None = None) -> str:
    """``a red mushroom, front view from above, on a white background``; absent parts are left out."""
    text = f"{article(color)} {color} {class_name}"
    if view is not None:
        text += f", {view}"
    if background is not None:
        text += f", on {article(background)} {background} background"
    return text


def words_of(text: str) -> list[str]:
    """The words of a prompt in lower case, punctuation dropped, synonyms replaced."""
    raw = re.findall(r"[^\s,.;:!?()\"]+", text.lower())
    return [part for word in raw for part in _SYNONYMS.get(word, word).split()]


def parse_prompt(text: str) -> tuple[str | None, str | None, list[str]]:
    """The class and the colour that a prompt names, and the words that the built-in model was never shown.

    A colour right before "background" names the background. The first class and the first colour count.
    """
    words = words_of(text)
    class_name, color = None, None
    unknown: list[str] = []
    position = 0
    while position < len(words):
        length, found = _class_at(words, position)
        word = words[position]
        if found is not None:
            class_name = class_name or found
        elif words[position + 1 : position + 2] == ["background"] and word in BACKGROUNDS:
            pass
        elif word in COLORS:
            color = color or word
        elif word not in OTHER_WORDS and word not in BACKGROUNDS and word not in unknown:
            unknown.append(word)
        position += length
    return class_name, color, unknown


def _class_at(words: list[str], position: int) -> tuple[int, str | None]:
    for name in CLASSES:
        parts = name.split()
        if words[position : position + len(parts)] == parts:
            return len(parts), name
    return 1, None


def known_words() -> list[str]:
    """Every word of the grammar, sorted: the vocabulary of the tokenizer."""
    words = {part for name in (*CLASSES, *COLORS, *BACKGROUNDS) for part in name.split()}
    return sorted(words | set(OTHER_WORDS))
