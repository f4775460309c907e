"""Makes tiny scenes, one a trap of Blender's:  blender -b --factory-startup --python THIS -- FOLDER KIND...

KIND: untidy (settings that make Blender keep old files, drop ".png", write placeholders and elsewhere) · nocamera ·
library (its cube is linked from a library that is gone) · denoised (asks for a denoiser) · raises (its script ends with an
error) · handler (a handler raises at each frame) · turner (a handler goes to another frame) · loud (prints without end) ·
red, blue (the world's colour) · slow (as slow as its samples) ·
any other name: a plain one. FOLDER/KIND.blend is the scene.
"""
import os
import sys

import bpy

folder, *kinds = sys.argv[sys.argv.index('--') + 1:]

HANDLER = '''
import bpy
def on_frame(scene, *_):
    %s
bpy.app.handlers.%s.append(on_frame)
'''
SCRIPTS = {
    'raises': 'raise ValueError("the rig is broken")',
    'handler': HANDLER % ('raise ValueError("the rig is broken")', 'frame_change_pre'),
    'turner': HANDLER % ('scene.frame_current = 7', 'render_pre'),
    'loud': HANDLER % ('while True: print("la" * 1000)', 'render_pre'),
}


def set_up():
    scene = bpy.context.scene
    scene.render.engine = 'CYCLES'
    scene.cycles.device = 'CPU'
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 32, 32
    cube = bpy.data.objects['Cube']
    cube.rotation_euler = (0, 0, 0)
    cube.keyframe_insert('rotation_euler', frame=1)
    cube.rotation_euler = (0, 0, 3)
    cube.keyframe_insert('rotation_euler', frame=100)
    return scene


def make(scene, kind):
    render = scene.render
    if kind == 'untidy':
        render.use_overwrite, render.use_placeholder, render.use_file_extension = False, True, False
        render.filepath = '/tmp/cleave-must-not-be-written'
        render.image_settings.file_format = 'FFMPEG'
    elif kind == 'nocamera':
        bpy.data.objects.remove(bpy.data.objects['Camera'])
    elif kind in ('red', 'blue'):
        colour = (1, 0, 0, 1) if kind == 'red' else (0, 0, 1, 1)
        scene.world.node_tree.nodes['Background'].inputs[0].default_value = colour
    elif kind == 'slow':
        scene.cycles.use_adaptive_sampling = False
    elif kind == 'denoised':
        scene.cycles.use_denoising = True
    elif kind == 'library':
        path = os.path.join(folder, 'gone.blend')
        bpy.data.libraries.write(path, {bpy.data.objects['Cube']})
        bpy.data.objects.remove(bpy.data.objects['Cube'])
        with bpy.data.libraries.load(path, link=True) as (_, into):
            into.objects = ['Cube']
        scene.collection.objects.link(into.objects[0])
    elif kind in SCRIPTS:
        block = bpy.data.texts.new('run.py')
        block.write(SCRIPTS[kind])
        block.use_module = True


for name in kinds:
    bpy.ops.wm.read_factory_settings()
    made = set_up()
    make(made, name)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, name + '.blend'), compress=False)
if 'library' in kinds:
    os.remove(os.path.join(folder, 'gone.blend'))
