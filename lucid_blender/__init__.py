"""Lucid Dreamer: from a text prompt to a 3D prop inside Blender."""


def register() -> None:
    from .registration import register

    register()


def unregister() -> None:
    from .registration import unregister

    unregister()
