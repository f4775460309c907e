import bpy
print("ready")
