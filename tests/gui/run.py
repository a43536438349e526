"""Test the extension in a window: `python3 build.py test --gui COMMAND` calls this.

COMMAND starts a windowed Blender with the arguments that follow it, for example "blender". It must see this folder and
the backend's interpreter. Pictures and what was measured, as JSON, are left in the output folder.
"""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / ".environments" / "backend" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SECONDS = 1500
TESTS = {  # the script, and what it leaves
    "artist": ("artist_in_window.py", ("artist.json",)),
    "dialogs": ("dialogs_in_window.py", ("recolor-redo.png", "joined.png", "preferences-2.png", "dialogs.json")),
    "generate": ("generate_in_window.py", ("start.png", "early.png", "middle.png", "end.png", "result.json")),
    "history": ("history_in_window.py", ("history.png", "history-2.png", "history.json")),
    "install": ("install_in_window.py", ("preferences.png", "install.json")),
    "panel": ("panel_in_window.py", ("panel-1.png", "panel-2.png", "panel-sections.png", "panel.json")),
    "render": ("render_in_window.py", ("cycles.png", "eevee.png", "render.json")),
    "viewport": ("viewport_in_window.py", ("viewport.json",)),
}
ON_DEMAND = ("install", "render")  # downloads gigabytes; needs a splat file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blender", required=True, help="the command that starts a windowed Blender")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "gui")
    parser.add_argument("--zip", type=Path, help="the extension; made by `build.py zip` when not given")
    parser.add_argument("--backend", default=os.environ.get("LUCID_DREAMER_PYTHON") or str(BACKEND))
    parser.add_argument("--only", choices=TESTS, help="one of the tests")
    options, rest = parser.parse_known_args()
    extension = options.zip or build()
    options.output.mkdir(parents=True, exist_ok=True)
    names = [options.only] if options.only else [name for name in TESTS if name not in ON_DEMAND]
    return max(run(name, options, extension, rest) for name in names)


def run(name: str, options: argparse.Namespace, extension: Path, rest: list[str]) -> int:
    """One test's exit code; 1 when it did not leave what it should."""
    script, leaves = TESTS[name]
    for old in leaves:
        (options.output / old).unlink(missing_ok=True)
    command = [*shlex.split(options.blender), "--gpu-backend", "opengl"]
    command += ["--python", str(ROOT / "tests" / "gui" / script), "--", str(options.output)]
    command += ["--zip", str(extension), "--backend", options.backend, *rest]
    code = subprocess.run(command, cwd=ROOT, timeout=SECONDS).returncode
    missing = [left for left in leaves if not (options.output / left).exists()]
    print(f"{name}: code {code}, left in {options.output}" + (f"; missing: {', '.join(missing)}" if missing else ""))
    return code or bool(missing)


def build() -> Path:
    subprocess.run([sys.executable, str(ROOT / "build.py"), "zip"], cwd=ROOT, check=True)
    return max((ROOT / "dist").glob("lucid_dreamer-*.zip"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
