"""The files of a frame: the render itself, and what File Output nodes write, each under the name that was ordered.

In: a scene and the order's outputs [{"file", "node"?, "format", "colorMode"?, "colorDepth"?, "codec"?}]. Out: those files
in the order's folder, or Refused. Before Blender 5 a node has base_path and file_slots, since then directory and
file_output_items. Imported by warm.py.
"""
import os
import shutil

import bpy

MULTILAYER = 'OPEN_EXR_MULTILAYER'


class Refused(Exception):
    """The frame cannot be rendered as ordered; the sentence says why. Final: and no other worker can."""

    def __init__(self, text, final=False):
        super().__init__(text)
        self.final = final


def quoted(names):
    return ', '.join('"%s"' % n for n in names) or 'none'


def choose(owner, member, value, what):
    """Sets an enumeration; what it does not offer is an error that names what it does."""
    try:
        setattr(owner, member, value)
    except TypeError as e:
        offered = str(e)[str(e).find('('):] if '(' in str(e) else ''
        raise Refused('%s cannot be %s; Blender offers %s' % (what, value, offered or e), final=True) from e


def set_format(image, output):
    """Of the render, of a node, or of one of its slots."""
    kind = output['format']
    if hasattr(image, 'media_type'):
        image.media_type = 'MULTI_LAYER_IMAGE' if kind == MULTILAYER else 'IMAGE'
    choose(image, 'file_format', kind, 'the format')
    if output.get('colorMode'):
        choose(image, 'color_mode', output['colorMode'], 'the colours of %s' % kind)
    if output.get('colorDepth'):
        choose(image, 'color_depth', output['colorDepth'], 'the depth of %s' % kind)
    if output.get('codec'):
        member = 'tiff_codec' if kind == 'TIFF' else 'exr_codec'
        choose(image, member, output['codec'], 'the codec of %s' % kind)


# -- File Output nodes --------------------------------------------------------------------------------

def trees_of(scene):
    """The scene's own compositor first, then groups that it may use."""
    own = getattr(scene, 'compositing_node_group', None)
    if own is None and getattr(scene, 'use_nodes', False):
        own = getattr(scene, 'node_tree', None)
    groups = [t for t in bpy.data.node_groups if t.bl_idname == 'CompositorNodeTree' and t != own]
    return ([own] if own is not None else []) + groups


def file_nodes(scene):
    return [n for tree in trees_of(scene) for n in tree.nodes if n.type == 'OUTPUT_FILE']


def slots_of(node):
    """(name, slot) of each input."""
    if hasattr(node, 'file_output_items'):
        return [(item.name, item) for item in node.file_output_items]
    return [(slot.path, slot) for slot in node.file_slots]


def find_node(scene, wanted):
    """(node, slot's name or None) of "NODE" or "NODE:SLOT"."""
    nodes = file_nodes(scene)
    for name, slot in ((wanted, None), wanted.rpartition(':')[::2]):
        for node in nodes:
            if name and node.name == name:
                return node, slot
    raise Refused('the scene has no File Output node "%s"; it has %s' % (wanted, quoted(n.name for n in nodes)), final=True)


class FileOutput:
    """One ordered output of a node. Where it writes is set once, when the scene was read."""

    def __init__(self, scene, output, folder):
        self.output = output
        self.folder = folder
        self.node, name = find_node(scene, output['node'])
        self.node.mute = False
        slots = slots_of(self.node)
        self.prefix = ''
        if name is None:
            set_format(self.node.format, output)
            for _, slot in slots:
                self.share_format(slot, True)
        else:
            slot = self.find_slot(slots, name)
            self.share_format(slot, False)
            set_format(slot.format, output)
        self.redirect(slots)

    def find_slot(self, slots, name):
        for number, (slot_name, slot) in enumerate(slots):
            if slot_name == name:
                self.prefix = 's%d-' % number
                return slot
        raise Refused('the node "%s" has no input "%s"; it has %s' %
                      (self.node.name, name, quoted(n for n, _ in slots)), final=True)

    @staticmethod
    def share_format(slot, shared):
        if hasattr(slot, 'use_node_format'):
            slot.use_node_format = shared
        elif hasattr(slot, 'override_node_format'):
            slot.override_node_format = not shared

    def redirect(self, slots):
        is_multilayer = self.node.format.file_format == MULTILAYER
        if hasattr(self.node, 'directory'):
            self.node.directory = self.folder
            self.node.file_name = 'f' if is_multilayer else ''
        else:
            self.node.base_path = os.path.join(self.folder, 'f') if is_multilayer else self.folder
        if is_multilayer:
            return  # the names of its inputs are those of the layers
        for number, (_, slot) in enumerate(slots):
            if hasattr(slot, 'path'):
                slot.path = 's%d-' % number
            else:
                slot.name = 's%d-' % number

    def collect(self, path):
        names = sorted(n for n in os.listdir(self.folder) if n.startswith(self.prefix))
        if not names:
            raise Refused('the File Output node "%s" wrote no file; is it connected, and compositing on?' % self.output['node'],
                          final=True)
        if len(names) > 1:
            raise Refused('the File Output node "%s" writes %d files; say which as "%s:INPUT"' %
                          (self.output['node'], len(names), self.output['node']), final=True)
        os.replace(os.path.join(self.folder, names[0]), path)


class Outputs:
    """All of an order. Made once a scene was read and set up; used for each of its frames."""

    def __init__(self, scene, outputs, folder):
        self.scene, self.outputs, self.folder = scene, outputs, folder
        self.plain = [o for o in outputs if not o.get('node')]
        declared = [o for o in outputs if o.get('node')]
        if declared and not scene.render.use_compositing:
            raise Refused('the scene has compositing switched off, so that its File Output nodes write nothing', final=True)
        slot_names = {}  # redirecting renames them, and several outputs may be of one node
        self.nodes = []
        for output in declared:
            node, _ = find_node(scene, output['node'])
            place = slot_names.setdefault(node.name, (len(slot_names), [n for n, _ in slots_of(node)]))
            self.restore(node, place[1])
            self.nodes.append(FileOutput(scene, output, os.path.join(folder, 'n%d' % place[0], '')))
        self.muted = self.mute_others()

    @staticmethod
    def restore(node, names):
        for name, (_, slot) in zip(names, slots_of(node)):
            if hasattr(slot, 'path'):
                slot.path = name
            else:
                slot.name = name

    def mute_others(self):
        """They write where they like, outside of what is verified. Returns their names."""
        declared = [f.node for f in self.nodes]
        others = [n for n in file_nodes(self.scene) if n not in declared and not n.mute]
        for node in others:
            node.mute = True
        return [n.name for n in others]

    def path(self, output):
        return os.path.join(self.folder, output['file'])

    def prepare(self):
        """Before each frame."""
        render = self.scene.render
        for folder in {f.folder for f in self.nodes}:
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
        if self.plain:
            set_format(render.image_settings, self.plain[0])
            render.filepath = self.path(self.plain[0])

    def collect(self):
        """After it: the render in further formats, and the nodes' files."""
        for output in self.plain[1:]:
            set_format(self.scene.render.image_settings, output)
            bpy.data.images['Render Result'].save_render(self.path(output), scene=self.scene)
        for node in self.nodes:
            node.collect(self.path(node.output))
        for output in self.outputs:
            if not os.path.exists(self.path(output)):
                raise Refused('Blender wrote no file')
