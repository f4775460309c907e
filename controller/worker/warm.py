"""The inside of a warm Blender: takes orders for single frames and keeps the scene loaded between them.

In: JSON lines {"scene", "sha256", "frame", "folder", "settings": {..., "outputs": [...]}} on the first descriptor
named after `--`. Out, on the second: {"hello", "version", "devices"} once; then for each order {"loaded": seconds}
when the scene was read, and {"done": seconds, ...} or {"failed": "why"}. Blender itself writes to stdout and stderr,
which is why neither is used here. Started by blender.c.
"""
import json
import os
import sys
import time

import bpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import opened
from outputs import Outputs, Refused, choose, quoted

DEVICES = ('OPTIX', 'CUDA', 'HIP', 'ONEAPI', 'METAL')


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
        choose(scene.cycles, 'denoiser', names[denoise], 'the denoiser')


def set_engine(render, engine):
    """Eevee has two names: Blender 4.2 to 4.5 call its successor so."""
    for name in (engine, engine + '_NEXT'):
        try:
            render.engine = name
            return
        except TypeError as e:
            problem = e
    raise Refused('this Blender has no engine %s: %s' % (engine, problem))


def find_scene(name):
    if not name:
        return bpy.context.scene
    if name not in bpy.data.scenes:
        raise Refused('the file has no scene "%s"; it has %s' % (name, quoted(s.name for s in bpy.data.scenes)), final=True)
    return bpy.data.scenes[name]


def set_camera(scene, name):
    cameras = [o for o in scene.objects if o.type == 'CAMERA']
    if name:
        scene.camera = next((o for o in cameras if o.name == name), None)
    if scene.camera is None or scene.camera.type != 'CAMERA':
        raise Refused('the scene has no camera%s; it has %s' %
                      (' "%s"' % name if name else ' to render with', quoted(o.name for o in cameras)), final=True)


def set_view_layers(scene, names):
    if not names:
        return
    for name in names:
        if name not in scene.view_layers:
            raise Refused('the scene has no view layer "%s"; it has %s' %
                          (name, quoted(v.name for v in scene.view_layers)), final=True)
    for layer in scene.view_layers:
        layer.use = layer.name in names


def set_samples(scene, samples):
    if scene.render.engine == 'CYCLES':
        scene.cycles.samples = samples
    elif hasattr(scene, 'eevee'):
        scene.eevee.taa_render_samples = samples


def set_scene(scene, settings):
    """Everything the order says; the scene was read for these settings, so what they leave out is its own."""
    render = scene.render
    set_engine(render, settings['engine'])
    device = set_device(scene, settings['device'])
    if settings.get('samples'):
        set_samples(scene, settings['samples'])
    if settings.get('width'):
        render.resolution_x, render.resolution_y = settings['width'], settings['height']
        render.resolution_percentage = 100
    if settings.get('threads'):
        render.threads_mode, render.threads = 'FIXED', settings['threads']
    set_camera(scene, settings.get('camera'))
    set_view_layers(scene, settings.get('viewLayers'))
    set_denoiser(scene, settings.get('denoise'))
    render.use_overwrite, render.use_placeholder = True, False
    render.use_file_extension = False
    if not render.use_stamp:
        # Equal pixels in equal bytes: no dates and durations in the metadata. The frame and the scene are in it, so that
        # an image can be told from another.
        for what in ('date', 'render_time', 'memory', 'hostname', 'frame', 'filename'):
            setattr(render, 'use_stamp_' + what, what in ('frame', 'filename'))
    render.metadata_input = 'SCENE'
    return device


def size_of(render):
    """Pixels of the image; 0 where a cropped border makes it something else."""
    if render.use_border and render.use_crop_to_border:
        return 0, 0
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


class Loaded:
    """A scene that was read for an order's settings; other settings need the file again, since what they leave out
    is the file's own."""

    def __init__(self, order):
        settings = order['settings']
        try:
            bpy.ops.wm.open_mainfile(filepath=order['scene'], load_ui=False, use_scripts=bool(settings.get('scripts')))
        except RuntimeError as e:
            raise Refused('Blender cannot read the scene: %s' % str(e).strip()) from e
        self.wanted = wanted_of(order)
        self.scene = find_scene(settings.get('scene'))
        self.scene.frame_set(order['frame'])
        self.device = set_scene(self.scene, settings)
        self.outputs = Outputs(self.scene, settings['outputs'], order['folder'])
        self.files = opened.files_of_scene()
        self.told = None

    def check_files(self, order):
        """Names of missing files, and the paths of the others where they are not what was told last."""
        of_frame = opened.files_of_frame(order['frame'])
        missing = sorted(self.files.missing | of_frame.missing)
        check = order['settings'].get('missing')
        if missing and check == 'reject':
            raise Refused('missing: %s' % ', '.join(missing[:5]) + (' and %d more' % (len(missing) - 5) if len(missing) > 5 else ''))
        paths = sorted(self.files.opened | of_frame.opened)
        answer = {'missing': missing} if missing and check != 'accept' else {}
        if paths != self.told:
            answer['opened'] = self.told = paths
        return answer

    def render(self, order):
        self.scene.frame_set(order['frame'])
        answer = self.check_files(order)
        self.outputs.prepare()
        started = time.monotonic()
        if bpy.ops.render.render(write_still=bool(self.outputs.plain), scene=self.scene.name) != {'FINISHED'}:
            raise Refused('Blender did not finish the frame')
        seconds = time.monotonic() - started
        self.outputs.collect()
        width, height = size_of(self.scene.render)
        samples = self.scene.cycles.samples if self.scene.render.engine == 'CYCLES' else 0
        answer.update({'done': seconds, 'frame': self.scene.frame_current, 'width': width, 'height': height, 'samples': samples, 'device': self.device,
                       'muted': self.outputs.muted})
        return answer


def wanted_of(order):
    return order['scene'], order['sha256'], order['settings'], order['folder']


def main():
    first = sys.argv.index('--') + 1
    orders = os.fdopen(int(sys.argv[first]), 'r', encoding='utf-8')
    answers = os.fdopen(int(sys.argv[first + 1]), 'w', encoding='utf-8', buffering=1)

    def answer(what):
        sys.stdout.flush()
        answers.write(json.dumps(what) + '\n')

    answer({'hello': 1, 'version': '%d.%d.%d' % bpy.app.version, 'devices': known_devices()})
    loaded = None
    for line in orders:
        order = json.loads(line)
        try:
            if loaded is None or loaded.wanted != wanted_of(order):
                loaded = None
                started = time.monotonic()
                loaded = Loaded(order)
                answer({'loaded': time.monotonic() - started})
            answer(loaded.render(order))
        except Exception as e:
            loaded = None
            answer({'failed': str(e).strip() or type(e).__name__, 'final': isinstance(e, Refused) and e.final})


main()
# Blender would open its window system's event loop or render what the command line says; there is nothing left.
sys.stdout.flush()
os._exit(0)
