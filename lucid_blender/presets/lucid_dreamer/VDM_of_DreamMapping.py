import bpy

settings = bpy.context.scene.lucid
settings.preset = "standard"
settings.objective = "VDM"
settings.set_guidance = settings.set_iterations = settings.set_splats = False
settings.options.model.loras.clear()
settings.customise = False
