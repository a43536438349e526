"""Who may import whom: the table of docs/architecture.md, read from the source of every module."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lucid_blender"
ADD_ON = frozenset({"core", "client", "scene", "viewport", "operators", "panels"})
FRONT = frozenset(
    {
        "api",
        "command",
        "generations",
        "installation_view",
        "named_changes",
        "option_properties",
        "preferences",
        "preparing",
        "properties",
        "registration",
        "runs",
        "settings_check",
        "translations",
    }
)  # modules at the package's top
BLENDER = frozenset(
    {
        "bl_operators",
        "bl_ui",
        "bpy",
        "bmesh",
        "gpu",
        "mathutils",
        "bpy_extras",
        "bl_ext",
        "blf",
        "gpu_extras",
        "addon_utils",
    }
)
ANYTHING = frozenset({"*"})


@dataclass(frozen=True)
class Room:
    ours: frozenset[str]
    third_party: frozenset[str]


def room(ours: str, third_party: str) -> Room:
    return Room(frozenset(ours.split()), frozenset(third_party.split()))


ROOMS = {
    "core": room("", "numpy plyfile"),
    "client": room("core", "websockets"),
    "backend": room("core", "*"),
    "scene": room("core", "bpy mathutils numpy"),
    "viewport": room("core scene", "blf bpy gpu mathutils numpy"),
    # The front's modules hold the user's choices, which buttons and verbs are about.
    "panels": room(
        "core client generations installation_view option_properties properties preferences settings_check", "bl_ui bpy"
    ),
    "operators": room(
        "core client generations scene viewport option_properties properties preferences settings_check",
        "bl_operators bpy mathutils numpy",
    ),
    "presets": room("", "bpy"),  # Blender runs them
    **{name: Room(ADD_ON | FRONT, frozenset({"bpy"})) for name in FRONT},
}

# Inside the backend: each may import those further down. The groups on one line do not know one another.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("cli_bench",),
    ("bench_quality", "doctor"),
    ("bench_pictures",),
    ("server",),
    ("run",),
    ("notices", "recorder"),
    ("job", "choices", "prompts", "scores"),
    ("control", "quality", "objectives", "representations", "initialisers", "rasterizers", "meshing"),
)
GROUPS = frozenset({"quality", "objectives", "representations", "initialisers", "rasterizers"})

# Lazy imports: registration, optional packages, the command line, which answers --help without torch, and the doctor,
# which looks for torch before it asks it for devices.
LAZY_FUNCTIONS = frozenset({"register", "unregister"})
LAZY_MODULES = frozenset(
    {"backend/choices.py", "backend/__main__.py", "backend/cli.py", "backend/cli_bench.py", "backend/doctor.py"}
)


@dataclass(frozen=True)
class Import:
    source: str  # path below the package, "backend/run.py"
    target: str  # dotted, absolute; ours begin with "lucid_blender."
    line: int
    function: str  # the innermost one around it; "" at module level

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def parts_of(path: str) -> tuple[str, ...]:
    """("backend", "run") for "backend/run.py"; a package's own file has the package's name."""
    parts = Path(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts


class Reader(ast.NodeVisitor):
    """Collects imports; those under `if TYPE_CHECKING:` count too, because they tie rooms just the same."""

    def __init__(self, source: str) -> None:
        self.source, self.function, self.found = source, "", list[Import]()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, self.function = self.function, node.name
        self.generic_visit(node)
        self.function = outer

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import) -> None:
        for name in node.names:
            self.add(name.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if not node.level:
            base = [node.module or ""]
        else:
            here = ["lucid_blender", *Path(self.source).parent.parts]
            base = here[: len(here) - (node.level - 1)] + ([node.module] if node.module else [])
        for name in node.names:
            self.add(".".join(resolve(base, name.name)), node.lineno)

    def add(self, target: str, line: int) -> None:
        self.found.append(Import(self.source, target, line, self.function))


def resolve(base: list[str], name: str) -> list[str]:
    """`from .core import splats` ties to the module, `from .core.splats import SplatCloud` to the one it is in."""
    dotted = [part for piece in base for part in piece.split(".")]
    if dotted[0] != "lucid_blender":
        return dotted
    inside = PACKAGE.joinpath(*dotted[1:], name)
    return [*dotted, name] if inside.is_dir() or inside.with_suffix(".py").exists() else dotted


def imports_of(source: str, text: str) -> list[Import]:
    reader = Reader(source)
    reader.visit(ast.parse(text))
    return reader.found


@cache
def all_imports() -> tuple[Import, ...]:
    files = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
    found = [imports_of(path.relative_to(PACKAGE).as_posix(), path.read_text("utf-8")) for path in files]
    return tuple(entry for entries in found for entry in entries)


def offence(entry: Import) -> str:
    """What the table says against an import; empty for nothing."""
    here = parts_of(entry.source)[0]
    if here == "__init__":
        return "" if entry.function in LAZY_FUNCTIONS else "the package shared with the backend imports nothing"
    rules = ROOMS.get(here)
    if rules is None:
        return f"there is no room {here}"
    target = entry.target.split(".")
    if target[0] == "lucid_blender":
        there = target[1] if len(target) > 1 else here
        return "" if there == here or there in rules.ours else f"{here} may not import {there}"
    if target[0] in sys.stdlib_module_names:
        return ""
    if rules.third_party == ANYTHING:
        return f"{target[0]} never in {here}" if target[0] in BLENDER else ""
    return "" if target[0] in rules.third_party else f"{target[0]} never in {here}"


def test_every_import_is_in_the_table() -> None:
    wrong = [f"{entry}: {offence(entry)}" for entry in all_imports() if offence(entry)]
    assert not wrong, "\n".join(wrong)


def test_imports_inside_functions_stand_only_where_they_must() -> None:
    def may_be_lazy(entry: Import) -> bool:
        return not entry.function or entry.function in LAZY_FUNCTIONS or entry.source in LAZY_MODULES

    wrong = [str(entry) for entry in all_imports() if not may_be_lazy(entry)]
    assert not wrong, "\n".join(wrong)


def layer_of(name: str) -> int:
    return next((level for level, names in enumerate(LAYERS) if name in names), len(LAYERS))


def test_inside_the_backend_imports_go_down_only() -> None:
    wrong = []
    for entry in all_imports():
        source, target = parts_of(entry.source), entry.target.split(".")[1:]
        if source[0] != "backend" or target[:1] != ["backend"] or len(source) < 2 or len(target) < 2:
            continue
        here, there = source[1], target[1]
        among_groups = here in GROUPS and there in GROUPS and here != there and target[2:] != ["contract"]
        if layer_of(here) > layer_of(there) or among_groups:
            wrong.append(str(entry))
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph: dict[str, set[str]] = {}
    for entry in all_imports():
        if entry.target.startswith("lucid_blender.") and not entry.function:
            graph.setdefault(".".join(parts_of(entry.source)), set()).add(entry.target.removeprefix("lucid_blender."))
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "a cycle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, set()) - {name}):
                visit(other, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("core/splats.py", "import bpy", "bpy never in core"),
        ("core/splats.py", "from ..backend import run", "core may not import backend"),
        ("core/formats/ply.py", "from ..errors import FormatError", ""),
        ("core/formats/ply.py", "from ...client import session", "core may not import client"),
        ("backend/run.py", "import bpy.types", "bpy never in backend"),
        ("scene/meshes.py", "import torch", "torch never in scene"),
        ("panels/generate.py", "from .. import backend", "panels may not import backend"),
        ("__init__.py", "from . import registration", "the package shared with the backend imports nothing"),
        ("__init__.py", "def register():\n    from . import registration", ""),
    ],
)
def test_the_table_catches(source: str, text: str, said: str) -> None:
    (entry,) = imports_of(source, text)
    assert offence(entry) == said
