"""Make the demo's scene:  blender -b --factory-startup --python-exit-code 3 --python scene.py -- OUTDIR

Out: OUTDIR/shot.blend, twenty frames that repeat without a seam: a monkey looks around on its stage, four balls circle
and bounce, a ring tumbles. Ten frames side by side are seen to move. Small on purpose: a frame of 160x90 with 4 samples
takes about a second in an emulated VM. Where BLENDER_USER_CONFIG is set, preferences without add-ons but Cycles go there:
loading the rest is half of Blender's start.
"""
import math
import os
import sys

import addon_utils
import bpy

FRAMES = 20
# A second bounce costs a tenth more time and is not seen at this size.
BOUNCES = 1
BALLS = ((0.95, 0.10, 0.08), (1.00, 0.62, 0.05), (0.10, 0.75, 0.25), (0.10, 0.35, 0.95))


def make_material(name, colour, roughness=0.5, metallic=0.0):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes['Principled BSDF']
    shader.inputs['Base Color'].default_value = (*colour, 1)
    shader.inputs['Roughness'].default_value = roughness
    shader.inputs['Metallic'].default_value = metallic
    return material


def finish_object(name, material):
    """Names the object just made, smooths it and gives it its material."""
    made = bpy.context.object
    made.name = name
    made.data.materials.append(material)
    for polygon in made.data.polygons:
        polygon.use_smooth = True
    return made


def animate(target, path, value_at):
    """Keys of a whole turn, one a frame; the frame after the last equals the first, so the shot can loop."""
    for frame in range(1, FRAMES + 2):
        setattr(target, path, value_at(2 * math.pi * (frame - 1) / FRAMES))
        target.keyframe_insert(path, frame=frame)


def add_stage():
    """A disc, and no floor beyond it: in emulation, light on a floor that fills the picture is two thirds of the time."""
    bpy.ops.mesh.primitive_cylinder_add(vertices=48, radius=2.1, depth=0.3, location=(0, 0, -0.15))
    stage = finish_object('Stage', make_material('Stage', (0.80, 0.82, 0.88)))
    for polygon in stage.data.polygons:
        polygon.use_smooth = False


def add_monkey():
    bpy.ops.mesh.primitive_monkey_add(size=2.3, location=(0, 0, 1.0))
    monkey = finish_object('Monkey', make_material('Monkey', (1.00, 0.32, 0.12), 0.3))
    animate(monkey, 'rotation_euler', lambda turn: (-0.3, 0, 0.9 * math.sin(turn)))


def add_balls():
    for number, colour in enumerate(BALLS):
        offset = 2 * math.pi * (number + 0.5) / len(BALLS)
        bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=12, radius=0.5)
        ball = finish_object(f'Ball {number}', make_material(f'Ball {number}', colour, 0.25))

        def place(turn, offset=offset):
            angle = offset - turn
            height = 0.2 + 1.6 * abs(math.sin(turn + offset / 2))
            return (3.1 * math.cos(angle), 3.1 * math.sin(angle), height)
        animate(ball, 'location', place)


def add_ring():
    bpy.ops.mesh.primitive_torus_add(major_radius=1.9, minor_radius=0.09, major_segments=48, minor_segments=8,
                                     location=(0, 0, 1.3))
    ring = finish_object('Ring', make_material('Ring', (1.0, 0.8, 0.25), 0.2, 1.0))
    animate(ring, 'rotation_euler', lambda turn: (turn, 0.5, 0))


def add_light_and_camera():
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new('Sky')
    scene.world.use_nodes = True
    scene.world.node_tree.nodes['Background'].inputs['Color'].default_value = (0.05, 0.09, 0.22, 1)
    scene.world.node_tree.nodes['Background'].inputs['Strength'].default_value = 1.0
    bpy.ops.object.light_add(type='SUN', rotation=(0.7, 0.25, 0.5))
    bpy.context.object.data.energy = 3.0
    # A wide sun: soft shadows, which also show at a glance how many samples a frame had.
    bpy.context.object.data.angle = 0.15
    bpy.ops.object.camera_add(location=(0, -11, 2.6), rotation=(math.radians(82), 0, 0))
    bpy.context.object.data.lens = 42
    scene.camera = bpy.context.object


def set_render():
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.engine = 'CYCLES'
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 160, 90, 100
    scene.render.image_settings.file_format = 'PNG'
    scene.render.image_settings.color_mode = 'RGB'
    scene.view_settings.view_transform = 'Standard'
    scene.cycles.device = 'CPU'
    scene.cycles.samples = 4
    # Debian's Blender has no denoiser and fails on being asked for it; adaptive sampling would leave
    # the number of samples, and so the time of a frame, to chance.
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = scene.cycles.glossy_bounces = BOUNCES
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.render.use_persistent_data = True


def save_preferences():
    for module in [addon.module for addon in bpy.context.preferences.addons]:
        if module != 'cycles':
            addon_utils.disable(module, default_set=True)
    bpy.ops.wm.save_userpref()


def main():
    out = sys.argv[sys.argv.index('--') + 1]
    # Objects only: read_factory_settings would reset the preferences as well.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    add_stage()
    add_monkey()
    add_balls()
    add_ring()
    add_light_and_camera()
    set_render()
    bpy.context.preferences.filepaths.save_version = 0    # no shot.blend1
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(out, 'shot.blend'))
    if os.environ.get('BLENDER_USER_CONFIG'):
        save_preferences()


main()
