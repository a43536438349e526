"""The words of the scene grammar: what it can draw, in which colours, and how captions are put together."""

import re
from dataclasses import dataclass

CLASSES: tuple[str, ...] = (
    "mushroom", "rocket", "car", "chair", "mug", "ice cream", "cone", "house", "tree", "table",
    "lamp", "ball", "cube", "robot", "sword", "teapot", "boat", "snowman", "duck", "cactus",
    "airplane", "train", "truck", "helicopter", "lighthouse", "castle", "windmill", "guitar", "hammer", "axe",
    "crown", "key", "lantern", "bottle", "bucket", "barrel", "chest", "bed", "sofa", "umbrella",
    "bell", "fish", "penguin", "rabbit", "snail", "turtle", "apple", "carrot", "cupcake", "flower",
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

ACCENTS: dict[str, str] = {  # the part of each class that a two-colour phrase names
    "mushroom": "stem", "rocket": "fins", "car": "roof", "chair": "legs", "mug": "handle", "ice cream": "cherry",
    "cone": "base", "house": "roof", "tree": "trunk", "table": "legs", "lamp": "base", "ball": "band",
    "cube": "spots", "robot": "arms", "sword": "hilt", "teapot": "lid", "boat": "sail", "snowman": "hat",
    "duck": "beak", "cactus": "pot", "airplane": "wings", "train": "cabin", "truck": "cab", "helicopter": "tail",
    "lighthouse": "bands", "castle": "roofs", "windmill": "blades", "guitar": "neck", "hammer": "handle",
    "axe": "handle", "crown": "gems", "key": "ribbon", "lantern": "light", "bottle": "label", "bucket": "rim",
    "barrel": "hoops", "chest": "lid", "bed": "blanket", "sofa": "cushions", "umbrella": "handle", "bell": "bow",
    "fish": "fins", "penguin": "scarf", "rabbit": "bow", "snail": "body", "turtle": "skin", "apple": "leaf",
    "carrot": "leaves", "cupcake": "cup", "flower": "pot",
}  # fmt: skip

PLURAL: tuple[str, ...] = tuple(word for word in ACCENTS.values() if word.endswith("s"))

MATERIALS: tuple[str, ...] = ("glossy", "metal", "wooden", "striped", "dotted")  # without one a prop is matte
SIZES: dict[str, tuple[float, float, float]] = {  # factors of a prop's lengths
    "tall": (0.70, 0.70, 1.0),
    "wide": (1.0, 1.0, 0.66),
    "small": (0.66, 0.66, 0.66),
}
SETTINGS: tuple[str, ...] = ("on a wooden table", "on a stone block", "on a green rug", "on a grass patch")

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

_FIRST_HELD_OUT: tuple[tuple[str, str], ...] = (
    ("mushroom", "purple"), ("rocket", "orange"), ("car", "pink"), ("chair", "purple"), ("mug", "brown"),
    ("ice cream", "blue"), ("cone", "green"), ("house", "pink"), ("tree", "purple"), ("table", "pink"),
    ("lamp", "black"), ("robot", "brown"), ("teapot", "orange"), ("boat", "purple"), ("snowman", "yellow"),
    ("duck", "red"), ("cactus", "white"), ("sword", "pink"),
)  # fmt: skip
HELD_OUT: tuple[tuple[str, str], ...] = (  # classes and colours never shown together in training: for evaluation only
    *_FIRST_HELD_OUT,
    *((name, tuple(COLORS)[(3 * i + 1) % len(COLORS)]) for i, name in enumerate(CLASSES) if i >= 20),
)
HELD_OUT_MATERIALS: tuple[tuple[str, str], ...] = tuple(  # nor these classes and materials
    (name, MATERIALS[(i // 2) % len(MATERIALS)]) for i, name in enumerate(CLASSES) if i % 2
)

RADIUS_RANGE = (3.4, 4.2)  # metres from the origin
ELEVATION_RANGE = (-15.0, 45.0)  # degrees
FOV_Y = 0.55  # radians
RESOLUTION = 128  # pixels a side

SYNONYMS = {
    "grey": "gray", "violet": "purple", "icecream": "ice cream", "ice-cream": "ice cream", "shiny": "glossy",
    "metallic": "metal", "wood": "wooden", "polka-dot": "dotted", "polka-dotted": "dotted", "spotted": "dotted",
    "stripy": "striped", "high": "tall", "broad": "wide", "little": "small",
}  # fmt: skip


@dataclass(frozen=True)
class Description:
    """What a caption says of a prop."""

    class_name: str
    color: str
    second_color: str | None = None  # of the accent part; None: its usual one
    material: str | None = None  # None: matte
    size: str | None = None
    setting: str | None = None  # what it stands on; None: nothing

    def __post_init__(self) -> None:
        for value, known in (
            (self.class_name, CLASSES),
            (self.color, tuple(COLORS)),
            (self.second_color, (None, *COLORS)),
            (self.material, (None, *MATERIALS)),
            (self.size, (None, *SIZES)),
            (self.setting, (None, *SETTINGS)),
        ):
            if value not in known:
                raise ValueError(f"no {value!r}; there are {', '.join(k for k in known if k)}")


@dataclass(frozen=True)
class Parsed:
    """What a prompt says in the grammar's words; None where it says nothing."""

    class_name: str | None
    color: str | None
    second_color: str | None = None
    material: str | None = None
    size: str | None = None
    setting: str | None = None
    unknown: tuple[str, ...] = ()  # words that the built-in model was never shown

    @property
    def description(self) -> Description | None:
        """The prop, or None where the prompt does not name class and colour."""
        if self.class_name is None or self.color is None:
            return None
        return Description(self.class_name, self.color, self.second_color, self.material, self.size, self.setting)


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


def caption(prop: Description, background: str | None = None, view: str | None = None) -> str:
    """``a tall striped red mug with a blue handle on a green rug, front view from above, on a white background``.

    Absent parts are left out.
    """
    text = " ".join(word for word in (prop.size, prop.material, prop.color, prop.class_name) if word)
    text = f"{article(text)} {text}"
    if prop.second_color is not None:
        accent = ACCENTS[prop.class_name]
        text += f" with {'' if accent in PLURAL else article(prop.second_color) + ' '}{prop.second_color} {accent}"
    if prop.setting is not None:
        text += f" {prop.setting}"
    if view is not None:
        text += f", {view}"
    if background is not None:
        text += f", on {article(background)} {background} background"
    return text


def words_of(text: str) -> list[str]:
    """The words of a prompt in lower case, punctuation dropped, synonyms replaced."""
    raw = re.findall(r"[^\s,.;:!?()\"]+", text.lower())
    return [part for word in raw for part in SYNONYMS.get(word, word).split()]


def parse_prompt(text: str) -> Parsed:
    """What a prompt says. Of each kind the first word counts, and a setting is only known as a whole phrase."""
    words = words_of(text)
    setting = _take_setting(words)
    _take_background(words)
    second = _take_accent(words)
    found: dict[str, str] = {}
    unknown: list[str] = []
    while words:
        name = next((name for name in CLASSES if words[: name.count(" ") + 1] == name.split()), None)
        taken, words = (words[: name.count(" ") + 1], words[name.count(" ") + 1 :]) if name else (words[:1], words[1:])
        kind = "class_name" if name else _kind(taken[0])
        if kind is not None:
            found.setdefault(kind, " ".join(taken))
        elif taken[0] not in OTHER_WORDS and taken[0] not in BACKGROUNDS and taken[0] not in unknown:
            unknown.append(taken[0])
    return Parsed(
        found.get("class_name"), found.get("color"), second, found.get("material"), found.get("size"), setting,
        tuple(unknown),
    )  # fmt: skip


def _kind(word: str) -> str | None:
    if word in COLORS:
        return "color"
    if word in MATERIALS:
        return "material"
    return "size" if word in SIZES else None


def _take_setting(words: list[str]) -> str | None:
    """Remove the first setting's words; "the" and no article at all are as good as "a"."""
    for setting in SETTINGS:
        on, _, *thing = setting.split()
        for article_used in (["a"], ["the"], []):
            phrase = [on, *article_used, *thing]
            for i in range(len(words) - len(phrase) + 1):
                if words[i : i + len(phrase)] == phrase:
                    del words[i : i + len(phrase)]
                    return setting
    return None


def _take_background(words: list[str]) -> None:
    """Remove a colour right before "background": it names the background, not the prop."""
    for i in range(len(words) - 1):
        if words[i] in BACKGROUNDS and words[i + 1] == "background":
            del words[i]
            return


def _take_accent(words: list[str]) -> str | None:
    """Remove the first "COLOUR PART" and return the colour, where PART is any class's accent."""
    for i in range(len(words) - 1):
        if words[i] in COLORS and words[i + 1] in ACCENTS.values() and not _begins_class(words[i + 1 :]):
            color = words[i]
            del words[i : i + 2]
            return color
    return None


def _begins_class(words: list[str]) -> bool:
    return any(words[: name.count(" ") + 1] == name.split() for name in CLASSES)


def known_words() -> list[str]:
    """Every word of the grammar, sorted: the vocabulary of the tokenizer."""
    phrases = (*CLASSES, *COLORS, *BACKGROUNDS, *ACCENTS.values(), *MATERIALS, *SIZES, *SETTINGS)
    return sorted({part for phrase in phrases for part in phrase.split()} | set(OTHER_WORDS))
