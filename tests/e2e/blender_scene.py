"""Makes tiny scenes that show one thing each:  blender -b --factory-startup --python THIS -- FOLDER KIND[=TEXT]...

KIND: nodes (File Output nodes: Depth, an EXR of its own; Layers, a multilayer EXR; Two, with two inputs; Stray, which
nobody declared) · missing (a texture that is not there) · texture (one that is) · chance (a driver that asks for a random
number) · plain · any other name: TEXT is a script that runs when the scene is opened. FOLDER/KIND.blend is the scene.
"""
import os
import sys

import bpy

folder, *kinds = sys.argv[sys.argv.index('--') + 1:]


def file_output(name, kind, *inputs):
    node = scene.node_tree.nodes.new('CompositorNodeOutputFile')
    node.name = name
    node.base_path = '/tmp/cleave-must-not-be-written'
    node.format.file_format = kind
    for extra in inputs[1:]:
        node.file_slots.new(extra)
    layers = scene.node_tree.nodes['Render Layers']
    for number, socket in enumerate(inputs):
        scene.node_tree.links.new(layers.outputs[socket], node.inputs[number])


def texture(path):
    image = bpy.data.images.new('wall', 8, 8)
    image.source = 'FILE'
    image.filepath = path
    node = cube.active_material.node_tree.nodes.new('ShaderNodeTexImage')
    node.image = image
    tree = cube.active_material.node_tree
    tree.links.new(node.outputs['Color'], tree.nodes['Principled BSDF'].inputs['Base Color'])


def set_up():
    scene = bpy.context.scene
    scene.render.engine = 'CYCLES'
    scene.cycles.device = 'CPU'
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 32, 32
    return scene, bpy.data.objects['Cube']


def make(kind, text):
    if kind == 'nodes':
        scene.use_nodes = True
        scene.view_layers[0].use_pass_z = True
        file_output('Depth', 'PNG', 'Depth')
        file_output('Layers', 'OPEN_EXR_MULTILAYER', 'Image', 'Depth')
        file_output('Two', 'PNG', 'Image', 'Depth')
        file_output('Stray', 'PNG', 'Image')
    elif kind == 'missing':
        texture('//textures/wall.png')
    elif kind == 'texture':
        # Made beside the scene.
        image = bpy.data.images.new('made', 8, 8)
        image.filepath_raw, image.file_format = os.path.join(folder, 'wall.png'), 'PNG'
        image.save()
        bpy.data.images.remove(image)
        texture('//wall.png')
    elif kind == 'chance':
        curve = cube.driver_add('location', 2)
        curve.driver.type = 'SCRIPTED'
        # Not what Blender calls a simple expression, so that it runs as a script.
        curve.driver.expression = 'noise.random() * 3 + 0 * len(str(frame))'
    elif kind != 'plain':
        block = bpy.data.texts.new('run.py')
        block.write(text)
        block.use_module = True


for word in kinds:
    kind, _, text = word.partition('=')
    bpy.ops.wm.read_factory_settings()
    scene, cube = set_up()
    make(kind, text)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, kind + '.blend'), compress=False)
