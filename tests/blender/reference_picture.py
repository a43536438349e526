"""The backend's picture of a cloud, for a test that has no torch: `python reference_picture.py IN.npz OUT.npy`.

OUT is [H, W, 4] float32, rows from the top: display colours on black, premultiplied, and alpha.
"""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lucid_blender.backend.rasterizers.torch_oracle import rasterize  # noqa: E402
from lucid_blender.backend.representations.spherical_harmonics import colors_from_sh  # noqa: E402
from lucid_blender.core.cameras import Camera  # noqa: E402


def main(given: Path, made: Path) -> None:
    values = np.load(given)
    means, quats, scales, opacities, sh = (
        torch.tensor(values[name]) for name in ("positions", "rotations", "scales", "opacities", "sh")
    )
    height, width = (int(side) for side in values["size"])
    camera = Camera(
        viewmat=values["viewmat"],
        fx=float(values["focal"]),
        fy=float(values["focal"]),
        cx=width / 2,
        cy=height / 2,
        width=width,
        height=height,
    )
    directions = means - torch.tensor(camera.position, dtype=torch.float32)
    colors = colors_from_sh(sh, directions[None], int(round(sh.shape[1] ** 0.5)) - 1)[0]
    seen = rasterize(means, quats, scales, opacities, colors, cameras=[camera], background=torch.zeros(3))
    np.save(made, torch.cat([seen.color[0], seen.alpha[0][..., None]], dim=-1).numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
