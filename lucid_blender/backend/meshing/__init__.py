"""From splats to a triangle mesh: ``surface.extract``."""
