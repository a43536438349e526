"""What crosses the socket. To the backend: requests. From it: events; the last of a run is Finished or Failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .errors import InvalidInput
from .inputs import Inputs
from .meshes import TriangleMesh
from .options import Generation, Meshing
from .pictures import Picture
from .splats import SplatCloud
from .wanted import Wanted

# ---------------------------------------------------------------- to the backend


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Start a run, or continue the one in ``job_folder`` when ``resume`` is set: the backend then takes the options and
    the inputs from there."""

    generation: Generation
    job_folder: str
    inputs: Inputs = field(default_factory=Inputs)
    resume: bool = False


@dataclass(frozen=True, kw_only=True)
class ExtractMesh:
    """Draw a mesh around these splats."""

    splats: SplatCloud
    meshing: Meshing = field(default_factory=Meshing)


@dataclass(frozen=True, kw_only=True)
class FetchModel:
    """Look a model of the hub up, or what goes with one, and download it too when ``download`` is set."""

    wanted: Wanted
    download: bool = True


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Stop the run at the next step; its job can be resumed."""


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Hold the run before its next step."""


@dataclass(frozen=True, kw_only=True)
class Unpause:
    """Let a paused run go on."""


@dataclass(frozen=True, kw_only=True)
class StopAndKeep:
    """End the run at the next step and deliver what is there; its job can be resumed all the same."""


@dataclass(frozen=True, kw_only=True)
class Acknowledge:
    """The last snapshot has been shown; the next may be sent."""


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """Stop any run and end the process."""


Request = Generate | ExtractMesh | FetchModel | Cancel | Pause | Unpause | StopAndKeep | Acknowledge | Shutdown

# ---------------------------------------------------------------- from the backend


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where the run is. ``seconds_left`` is negative while it is not known."""

    stage: str  # "Loading the model", "Distilling", "Meshing", ...
    step: int = 0
    steps: int = 0
    unit: Literal["steps", "bytes"] = "steps"  # of the two above
    seconds_left: float = -1.0
    splats: int = 0
    gradient_norm: float = -1.0  # of the objective's gradient at the latents; negative where there is none


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the user should know that does not stop the run."""

    message: str


@dataclass(frozen=True, kw_only=True)
class ModelFound:
    """What the hub says about a model."""

    source: str  # as it was asked for
    id: str  # the one that has it: a mirror's, where the first was withdrawn
    revision: str  # commit
    size: int  # bytes of all that is needed
    missing: int  # bytes of it that are to be downloaded
    license: str = ""  # as the hub writes it: "openrail++"; empty where nothing is said
    license_page: str = ""
    gated: bool = False  # its owner wants an agreement before it can be downloaded


@dataclass(frozen=True, kw_only=True)
class Machinery:
    """What a run computes with, as the user reads it."""

    network: str  # "cpu, float32"
    rasterizer: str  # its name, and why it is the one


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The prop as it is now, or the picture that is made instead. Raises InvalidInput unless it is one of them."""

    step: int
    splats: SplatCloud | None = None
    picture: Picture | None = None
    seen: Picture | None = None  # what the network saw last, through the first camera of the step

    def __post_init__(self) -> None:
        if (self.splats is None) == (self.picture is None):
            raise InvalidInput("a snapshot has splats or a picture, and not both")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The end of a request that worked."""

    splats: SplatCloud | None = None
    mesh: TriangleMesh | None = None
    job_folder: str = ""
    artefacts: tuple[str, ...] = ()  # file names in the job folder
    seconds: float = 0.0
    network_evaluations: int = 0
    control_evaluations: int = 0  # of ControlNets, beside those of the network


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The end of a request that did not. ``kind`` is the error's class, "Cancelled" among them."""

    kind: str
    message: str
    advice: str = ""
    job_folder: str = ""  # set where `resume` can continue


Event = Progress | Notice | ModelFound | Machinery | Snapshot | Finished | Failed
