"""Lucid Dreamer: from a text prompt to a 3D prop inside Blender."""
