"""Makes a scene that renders in a fraction of a second: blender -b --factory-startup --python THIS -- OUT [KIND].

KIND: plain (default) · slow (many samples at a large size) · missing (a texture that is not there) · nodes (a
compositor with a File Output node).
"""
import sys

import bpy

out = sys.argv[sys.argv.index('--') + 1]
kind = (sys.argv[sys.argv.index('--') + 2:] or ['plain'])[0]
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.device = 'CPU'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 64, 48
cube = bpy.data.objects['Cube']
cube.rotation_euler = (0, 0, 0)
cube.keyframe_insert('rotation_euler', frame=1)
cube.rotation_euler = (0, 0, 3)
cube.keyframe_insert('rotation_euler', frame=100)
if kind == 'slow':
    scene.cycles.samples = 4096
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
if kind == 'missing':
    image = bpy.data.images.new('wall', 8, 8)
    image.source = 'FILE'
    image.filepath = '//textures/wall.png'
    material = cube.active_material
    node = material.node_tree.nodes.new('ShaderNodeTexImage')
    node.image = image
if kind == 'nodes':
    scene.use_nodes = True
    node = scene.node_tree.nodes.new('CompositorNodeOutputFile')
    node.base_path = '/tmp/cleave-must-not-be-written'
    scene.node_tree.links.new(scene.node_tree.nodes['Render Layers'].outputs[0], node.inputs[0])
bpy.ops.wm.save_as_mainfile(filepath=out, compress=False)
