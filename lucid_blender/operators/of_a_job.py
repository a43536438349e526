"""What the verbs of the history have in common."""

from pathlib import Path

import bpy
from bpy.props import StringProperty


class OfAJob:
    """An operator on the job in a folder."""

    folder: StringProperty(name="Job Folder", description="The folder of the job", subtype="DIR_PATH")

    @property
    def path(self) -> Path:
        return Path(bpy.path.abspath(self.folder))
