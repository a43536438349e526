"""The stopwatch for import: a PLY of a million splats of SH degree 3, from the file into the viewport's object.

    .environments/blender/bin/python -m benchmarks.importing --counts 100000 1000000

Runs in Blender's Python: the bpy wheel, or `blender --background --python`. Each figure is the least of some
repetitions of the operator that File > Import calls, with the file in the system's cache: its wall time, and the
processor's time, which other programs on the machine lengthen less. Writes JSON and a table into
``benchmarks/results/``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lucid_blender.core.formats.ply import write_ply  # noqa: E402
from lucid_blender.core.splats import FloatArray, SplatCloud  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
COUNTS = (100_000, 1_000_000)
TARGET = 1.0  # seconds, for a million
# The main peer add-on on files of the same kind, measured in November 2026 with Blender 4.5 on two cores.
PEER = {100_000: 0.56, 1_000_000: 5.14}


@dataclass(frozen=True)
class Measured:
    count: int
    seconds: float  # wall time
    processor_seconds: float
    peer_seconds: float | None


def scene(count: int) -> SplatCloud:
    """Random splats of SH degree 3; what they look like does not matter to reading them."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> FloatArray:
        return rng.standard_normal((count, *shape), dtype=np.float32)

    return SplatCloud(
        positions=normal(3),
        scales=np.exp(normal(3) / 2 - 5),
        rotations=normal(4),
        opacities=rng.random(count, dtype=np.float32),
        sh=normal(16, 3),
    )


def measure(path: Path, count: int, repetitions: int) -> Measured:
    """The operator on one file; the object is removed again each time."""
    import bpy

    walls, processor = [], []
    for _ in range(repetitions):
        wall, used = time.perf_counter(), time.process_time()
        bpy.ops.lucid.import_splats(filepath=str(path))
        bpy.context.view_layer.update()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
        made = bpy.context.active_object
        assert len(made.data.points) == count
        bpy.data.pointclouds.remove(made.data)
    return Measured(count, min(walls), min(processor), PEER.get(count))


def table(found: list[Measured], version: str) -> str:
    """Markdown."""
    lines = [
        "# Importing splats",
        "",
        f"PLY files of SH degree 3 by *File > Import*, Blender {version}, {platform.machine()}, {os.cpu_count()} cores",
        f"with a load of {os.getloadavg()[0]:.1f} by other programs. Target for 1 000 000: {TARGET:.1f} s. The peer's",
        "figures were measured apart, on a machine of the same kind.",
        "",
        "| splats | wall time | processor time | main peer add-on |",
        "|---|---|---|---|",
    ]
    for row in found:
        peer = f"{row.peer_seconds:.2f} s" if row.peer_seconds is not None else ""
        count = f"{row.count:,}".replace(",", " ")
        lines.append(f"| {count} | {row.seconds:.2f} s | {row.processor_seconds:.2f} s | {peer} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    import bpy

    import lucid_blender

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    options = parser.parse_args(own)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    lucid_blender.register()
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = []
            for count in options.counts:
                path = Path(folder, f"{count}.ply")
                write_ply(path, scene(count))
                found.append(measure(path, count, options.repetitions))
                path.unlink()
    finally:
        lucid_blender.unregister()
    options.output.mkdir(parents=True, exist_ok=True)
    record = {"blender": bpy.app.version_string, "measured": [asdict(row) for row in found]}
    (options.output / "importing.json").write_text(json.dumps(record, indent=1) + "\n")
    text = table(found, bpy.app.version_string)
    (options.output / "importing.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
