import bpy

settings = bpy.context.scene.lucid
settings.preset = "draft"
settings.objective = "PRESET"
settings.set_guidance = settings.set_iterations = settings.set_splats = False
settings.options.model.loras.clear()
settings.make_mesh = True
settings.customise = False
