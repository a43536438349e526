"""Where a run starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .checks import require

MAX_POINTS = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Sphere:
    """Splats at random in a ball, mid-grey; with an inner radius, in a shell (the release's "scene")."""

    count: int = 100_000
    radius: float = 0.5  # metres
    inner_radius: float = 0.0  # metres; nothing is nearer to the origin
    spread: Literal["uniform", "polar"] = (
        "uniform"  # polar, as released: radius and angles uniform, dense in the middle
    )
    opacity: float = 0.1

    def __post_init__(self) -> None:
        _check_points(self.count, self.opacity)
        require(self.radius > 0, f"radius is {self.radius}; wanted > 0")
        require(0 <= self.inner_radius < self.radius, f"inner_radius is {self.inner_radius}; wanted 0 to the radius")


@dataclass(frozen=True, kw_only=True)
class Box:
    """Splats at random in a box about the origin, mid-grey."""

    count: int = 100_000
    size: tuple[float, float, float] = (1.0, 1.0, 1.0)  # metres; released too: (0.6, 1.2, 0.5) and (0.8, 0.6, 1.2)
    opacity: float = 0.1

    def __post_init__(self) -> None:
        _check_points(self.count, self.opacity)
        require(min(self.size) > 0, f"size is {self.size}; wanted three numbers > 0")


@dataclass(frozen=True, kw_only=True)
class MeshSurface:
    """Splats on the surface of a mesh, with its colours. The mesh travels beside the options."""

    count: int = 50_000
    jitter: float = 0.01  # metres, standard deviation of the offset from the surface
    opacity: float = 0.1
    use_colors: bool = True  # False: mid-grey

    def __post_init__(self) -> None:
        _check_points(self.count, self.opacity)
        require(self.jitter >= 0, f"jitter is {self.jitter}; wanted >= 0")


@dataclass(frozen=True, kw_only=True)
class PointE:
    """4096 points that Point-E makes from a text, each in several jittered copies (LucidDreamer's release)."""

    prompt: str = ""  # a simpler text for the shape, for example "a man head."; "": the run's own
    copies: int = 20  # of the whole cloud; the release takes init_num_pts / 5000
    copy_radius: float = 0.05  # metres: copies are moved within a ball of this size
    lift: float = 0.15  # metres: the whole cloud is moved up
    opacity: float = 0.1
    use_colors: bool = False  # False: mid-grey
    guidance_scale: float = 3.0  # of Point-E's base model
    steps: int = 64  # of each of Point-E's two models
    folder: str = ""  # where base_40m_textvec.pt and upsample_40m.pt are or go; "": torch's cache
    sha256: tuple[str, str] = ("", "")  # of the two files, to be held against; "": not checked, but logged

    def __post_init__(self) -> None:
        require(1 <= self.copies <= 1000, f"copies is {self.copies}; wanted 1 to 1000")
        _check_points(4096 * self.copies, self.opacity)
        require(self.copy_radius >= 0, f"copy_radius is {self.copy_radius}; wanted >= 0")
        require(self.steps >= 2, f"steps is {self.steps}; wanted >= 2")
        for text in self.sha256:
            require(
                not text or (len(text) == 64 and set(text) <= set("0123456789abcdef")),
                f"sha256 has {text!r}; wanted 64 digits 0-9a-f, or nothing",
            )


@dataclass(frozen=True, kw_only=True)
class ShapE:
    """Points on the surface that Shap-E makes from a text (DreamMapping, section 5.2: nearly 50 000 of them)."""

    prompt: str = ""  # a simpler text for the shape; "": the run's own
    source: str = "openai/shap-e"  # a hub id, or a folder in diffusers' layout
    revision: str = ""  # branch, tag or commit of a hub id; "" is the default branch
    count: int = 50_000
    radius: float = 0.6  # metres: the bounding sphere of the shape
    jitter: float = 0.01  # metres, standard deviation of the offset from the surface
    opacity: float = 0.1
    use_colors: bool = False  # False: mid-grey
    guidance_scale: float = 15.0  # as in Shap-E's own examples
    steps: int = 64
    grid: int = 128  # samples of the distance field along each side, from which the surface is drawn

    def __post_init__(self) -> None:
        _check_points(self.count, self.opacity)
        require(bool(self.source.strip()), "Shap-E's source is empty; give a hub id or a local folder")
        require(self.radius > 0, f"radius is {self.radius}; wanted > 0")
        require(self.jitter >= 0, f"jitter is {self.jitter}; wanted >= 0")
        require(self.steps >= 1, f"steps is {self.steps}; wanted >= 1")
        require(8 <= self.grid <= 512, f"grid is {self.grid}; wanted 8 to 512")


@dataclass(frozen=True, kw_only=True)
class BuiltinPoints:
    """Points on the surface of a prop that the built-in model knows, by a small network from the same scenes."""

    prompt: str = ""  # a simpler text for the shape, for example "a red car"; "": the run's own
    count: int = 2_000  # splats; those beyond the network's 1024 points share them
    jitter: float = 0.02  # metres, standard deviation of the offset from the points
    scale: float = 1.0  # of the built-in model's size, where props reach 0.95 metres from the origin
    opacity: float = 0.1
    use_colors: bool = True  # False: mid-grey

    def __post_init__(self) -> None:
        _check_points(self.count, self.opacity)
        require(self.jitter >= 0, f"jitter is {self.jitter}; wanted >= 0")
        require(self.scale > 0, f"scale is {self.scale}; wanted > 0")


@dataclass(frozen=True, kw_only=True)
class FromSplats:
    """The splats of an object or a file with all their values: 3D editing. They travel beside the options."""

    # (x0, y0, z0, x1, y1, z1) in the splats' own coordinates: only what is inside may change; None: all may
    edit_box: tuple[float, float, float, float, float, float] | None = None

    def __post_init__(self) -> None:
        box = self.edit_box
        require(
            box is None or all(low < high for low, high in zip(box[:3], box[3:], strict=True)),
            f"edit_box is {box}; wanted x0 y0 z0 x1 y1 z1 with x0 < x1, y0 < y1 and z0 < z1",
        )


Initialiser = Sphere | Box | MeshSurface | BuiltinPoints | PointE | ShapE | FromSplats


def _check_points(count: int, opacity: float) -> None:
    require(1 <= count <= MAX_POINTS, f"count is {count}; wanted 1 to 5 000 000")
    require(0 < opacity < 1, f"opacity is {opacity}; wanted between 0 and 1")
