"""Splat clouds and meshes as Blender objects, and back."""
