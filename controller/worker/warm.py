"""The inside of a warm Blender: takes orders for single frames and keeps the scene loaded between them.

In: JSON lines {"scene", "sha256", "frame", "output", "settings": {...}} on the first descriptor named after
`--`. Out, on the second: {"hello", "version", "devices"} once; then for each order {"loaded": seconds} when the
scene was read, and {"done": seconds, ...} or {"failed": "why"}. Blender itself writes to stdout and stderr,
which is why neither is used here. Started by blender.c.
"""
import glob
import json
import os
import sys
import time

import bpy

DEVICES = ('OPTIX', 'CUDA', 'HIP', 'ONEAPI', 'METAL')


class Refused(Exception):
    """The frame cannot be rendered as ordered; the sentence says why."""


def cycles_preferences():
    addon = bpy.context.preferences.addons.get('cycles')
    if addon is None:
        raise Refused('this Blender has no Cycles')
    return addon.preferences


def devices_of(kind):
    """Devices of one kind that exist on this machine; asking for a kind that was not built in is an error."""
    preferences = cycles_preferences()
    preferences.compute_device_type = kind
    if hasattr(preferences, 'refresh_devices'):
        preferences.refresh_devices()
    preferences.get_devices()
    return [d for d in preferences.devices if d.type == kind]


def known_devices():
    found = ['CPU']
    for kind in DEVICES:
        try:
            if devices_of(kind):
                found.append(kind)
        except (TypeError, Refused):
            pass
    return found


def set_device(scene, device):
    """Exactly this kind of device, or an error: Cycles would take the CPU without a word. Returns names."""
    if scene.render.engine != 'CYCLES':
        return scene.render.engine
    if device == 'CPU':
        scene.cycles.device = 'CPU'
        return 'CPU'
    try:
        mine = devices_of(device)
    except TypeError:
        mine = []
    if not mine:
        raise Refused('this machine has no %s device for Cycles' % device)
    for d in cycles_preferences().devices:
        d.use = d in mine
    scene.cycles.device = 'GPU'
    return '%s: %s' % (device, ', '.join(d.name for d in mine))


def set_denoiser(scene, denoise):
    names = {'none': None, 'optix': 'OPTIX', 'oidn': 'OPENIMAGEDENOISE'}
    if not denoise or scene.render.engine != 'CYCLES':
        return
    if denoise not in names:
        raise Refused('there is no denoiser %s' % denoise)
    scene.cycles.use_denoising = names[denoise] is not None
    if names[denoise]:
        scene.cycles.denoiser = names[denoise]


def missing_files():
    """Names of libraries and images that are used and not there. Blender renders without them, in pink or not."""
    for library in bpy.data.libraries:
        if library.packed_file is None and not os.path.exists(bpy.path.abspath(library.filepath)):
            yield library.filepath
    for image in bpy.data.images:
        if image.source not in ('FILE', 'SEQUENCE', 'MOVIE', 'TILED') or not image.filepath or image.users == 0:
            continue
        if image.packed_file is not None or len(image.packed_files) > 0:
            continue
        path = bpy.path.abspath(image.filepath, library=image.library)
        if image.source == 'SEQUENCE':
            path = os.path.dirname(path)  # it may begin at any frame
        pattern = glob.escape(path).replace('<UDIM>', '*').replace('<UVTILE>', '*')
        if not glob.glob(pattern):
            yield image.filepath


def mute_file_outputs(scene):
    """File Output nodes write where they like, outside of staging. Returns the names of those muted."""
    trees = [t for t in bpy.data.node_groups if t.bl_idname == 'CompositorNodeTree']
    if scene.node_tree is not None:
        trees.append(scene.node_tree)
    muted = [n for tree in trees for n in tree.nodes if n.type == 'OUTPUT_FILE' and not n.mute]
    for node in muted:
        node.mute = True
    return [n.name for n in muted]


def set_image(render, settings):
    image = render.image_settings
    image.file_format = settings['format']
    for key, member in (('colorMode', 'color_mode'), ('colorDepth', 'color_depth')):
        if settings.get(key):
            setattr(image, member, settings[key])
    if settings.get('codec'):
        setattr(image, 'tiff_codec' if settings['format'] == 'TIFF' else 'exr_codec', settings['codec'])
    if not render.use_stamp:
        # Equal pixels in equal bytes: no dates and durations in the metadata.
        for what in ('date', 'render_time', 'memory', 'hostname'):
            setattr(render, 'use_stamp_' + what, False)


def set_scene(scene, settings):
    """Everything the order says; the scene was read for these settings, so what they leave out is its own."""
    render = scene.render
    render.engine = settings['engine']
    device = set_device(scene, settings['device'])
    if settings.get('samples'):
        if render.engine == 'CYCLES':
            scene.cycles.samples = settings['samples']
        elif hasattr(scene, 'eevee'):
            scene.eevee.taa_render_samples = settings['samples']
    if settings.get('width'):
        render.resolution_x, render.resolution_y = settings['width'], settings['height']
        render.resolution_percentage = 100
    if settings.get('threads'):
        render.threads_mode, render.threads = 'FIXED', settings['threads']
    if settings.get('camera'):
        scene.camera = bpy.data.objects.get(settings['camera'])
    if scene.camera is None or scene.camera.type != 'CAMERA':
        raise Refused('the scene has no camera %s' % settings.get('camera', ''))
    if settings.get('viewLayer'):
        if settings['viewLayer'] not in scene.view_layers:
            raise Refused('the scene has no view layer %s' % settings['viewLayer'])
        for layer in scene.view_layers:
            layer.use = layer.name == settings['viewLayer']
    set_denoiser(scene, settings.get('denoise'))
    set_image(render, settings)
    render.use_overwrite, render.use_placeholder = True, False
    render.use_file_extension = False
    return device


def load(order):
    try:
        bpy.ops.wm.open_mainfile(filepath=order['scene'], load_ui=False, use_scripts=False)
    except RuntimeError as e:
        raise Refused('Blender cannot read the scene: %s' % str(e).strip())
    missing = sorted(set(missing_files()))
    if missing:
        raise Refused('missing: %s' % ', '.join(missing[:5]))


def size_of(render):
    """Pixels of the image; 0 where a cropped border makes it something else."""
    if render.use_border and render.use_crop_to_border:
        return 0, 0
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def render_frame(order):
    scene = bpy.context.scene
    scene.frame_set(order['frame'])
    device = set_scene(scene, order['settings'])
    muted = mute_file_outputs(scene)
    scene.render.filepath = order['output']
    started = time.monotonic()
    if bpy.ops.render.render(write_still=True) != {'FINISHED'}:
        raise Refused('Blender did not finish the frame')
    seconds = time.monotonic() - started
    if not os.path.exists(order['output']):
        raise Refused('Blender wrote no file')
    width, height = size_of(scene.render)
    samples = scene.cycles.samples if scene.render.engine == 'CYCLES' else 0
    return {'done': seconds, 'width': width, 'height': height, 'samples': samples, 'device': device, 'muted': muted}


def main():
    first = sys.argv.index('--') + 1
    orders = os.fdopen(int(sys.argv[first]), 'r', encoding='utf-8')
    answers = os.fdopen(int(sys.argv[first + 1]), 'w', encoding='utf-8', buffering=1)

    def answer(what):
        answers.write(json.dumps(what) + '\n')

    answer({'hello': 1, 'version': '%d.%d.%d' % bpy.app.version, 'devices': known_devices()})
    loaded = None
    for line in orders:
        order = json.loads(line)
        # Settings that an order leaves out are the file's, so other settings need the file again.
        wanted = (order['scene'], order['sha256'], order['settings'])
        try:
            if loaded != wanted:
                loaded = None
                started = time.monotonic()
                load(order)
                loaded = wanted
                answer({'loaded': time.monotonic() - started})
            answer(render_frame(order))
        except Exception as e:
            loaded = None
            answer({'failed': str(e).strip() or type(e).__name__})


main()
# Blender would open its window system's event loop or render what the command line says; there is nothing left.
sys.stdout.flush()
os._exit(0)
