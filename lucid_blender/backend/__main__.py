"""The backend's command line: `python -m lucid_blender.backend`, or this folder's path given to any Python.

Installed in Blender, the extension's folder has another name. It is loaded as `lucid_blender` by its path, and nothing
joins sys.path: neither Blender's extensions nor this folder, whose modules would hide others of the same names.
"""

import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "lucid_blender"


def load_package(folder: Path) -> None:
    """Import ``folder`` as PACKAGE, whatever it is called."""
    here = os.path.realpath(folder / "backend")
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.realpath(entry) != here]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a Python package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


# Threads that sleep between kernels instead of spinning: small pictures are drawn five times faster. Before torch.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if PACKAGE not in sys.modules and not __package__:
    load_package(Path(__file__).resolve().parent.parent)

from lucid_blender.backend.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
