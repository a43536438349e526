import bpy

settings = bpy.context.scene.lucid
settings.preset = "standard"
settings.objective = "VDM"
settings.set_iterations = settings.set_splats = False
settings.customise = False
