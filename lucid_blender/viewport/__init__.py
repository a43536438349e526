"""Splats in the 3D viewport, drawn as splat renderers do: sorted, blended in display space, behind what hides them."""
