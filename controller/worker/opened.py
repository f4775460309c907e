"""The files that a scene uses: those that are there, by their paths, and those that are not, as the scene names them.

Blender renders without a texture, in pink or not, and says nothing; without a library it warns. What is packed into
the .blend is no file. Imported by warm.py; called when a scene was read, and for each frame of what changes with it.
"""
import glob
import os

import bpy


class Files:
    def __init__(self):
        self.opened, self.missing = set(), set()

    def add(self, kind, shown, path):
        """`path` may stand for several files: tiles of an image."""
        pattern = glob.escape(path).replace('<UDIM>', '[0-9][0-9][0-9][0-9]').replace('<UVTILE>', 'u*_v*')
        found = [path] if pattern == glob.escape(path) and os.path.isfile(path) else glob.glob(pattern)
        if found:
            self.opened.update(os.path.normpath(f) for f in found if os.path.isfile(f))
        else:
            self.missing.add('%s %s' % (kind, shown) if kind != 'image' else shown)


def absolute(block):
    return bpy.path.abspath(block.filepath, library=block.library)


def is_packed(block):
    return getattr(block, 'packed_file', None) is not None or len(getattr(block, 'packed_files', ())) > 0


def node_trees():
    for blocks in (bpy.data.materials, bpy.data.lights, bpy.data.worlds):
        for block in blocks:
            if block.users and block.node_tree is not None:
                yield block.node_tree, block
    for group in bpy.data.node_groups:
        if group.users:
            yield group, group


def nodes_of_types(*types):
    for tree, owner in node_trees():
        for node in tree.nodes:
            if node.type in types:
                yield node, owner


def add_nodes(files):
    for node, owner in nodes_of_types('TEX_IES', 'SCRIPT'):
        if node.mode == 'EXTERNAL' and node.filepath:
            kind = 'IES file' if node.type == 'TEX_IES' else 'shader script'
            files.add(kind, node.filepath, bpy.path.abspath(node.filepath, library=owner.library))


def add_blocks(files):
    kinds = (('sound', bpy.data.sounds), ('font', bpy.data.fonts), ('movie clip', bpy.data.movieclips))
    for kind, blocks in kinds:
        for block in blocks:
            if block.users and block.filepath and block.filepath != '<builtin>' and not is_packed(block):
                files.add(kind, block.filepath, absolute(block))
    for library in bpy.data.libraries:
        if library.packed_file is None:
            files.add('library', library.filepath, bpy.path.abspath(library.filepath))
    for image in bpy.data.images:
        if image.source in ('FILE', 'MOVIE', 'TILED') and image.filepath and image.users and not is_packed(image):
            files.add('image', image.filepath, absolute(image))


def add_listed(files):
    """What Blender knows besides; without judging, since it also names files that it may write."""
    for path in bpy.utils.blend_paths(absolute=True, packed=False, local=False):
        if os.path.isfile(path):
            files.opened.add(os.path.normpath(path))


def add_sequences(files):
    """An image sequence that nobody asks for its frame is taken as a folder, which may begin at any number."""
    asked = {}
    for node, _ in nodes_of_types('TEX_IMAGE', 'TEX_ENVIRONMENT'):
        if node.image is not None and node.image.source == 'SEQUENCE':
            asked.setdefault(node.image.name_full, []).append(node.image_user)
    for image in bpy.data.images:
        if image.source != 'SEQUENCE' or not image.filepath or not image.users or is_packed(image):
            continue
        for user in asked.get(image.name_full, [None]):
            if user is not None and hasattr(image, 'filepath_from_user'):
                path = image.filepath_from_user(image_user=user)
                files.add('image', os.path.join(os.path.dirname(image.filepath), os.path.basename(path)), path)
            elif not os.path.isdir(os.path.dirname(absolute(image))):
                files.missing.add(image.filepath)


def add_caches(files, frame):
    for cache in bpy.data.cache_files:
        if not cache.users or not cache.filepath:
            continue
        path = absolute(cache)
        if cache.is_sequence:
            stem = os.path.splitext(path)[0].rstrip('0123456789')
            found = glob.glob('%s*%d%s' % (glob.escape(stem), frame, os.path.splitext(path)[1]))
            path = found[0] if found else path
        files.add('cache', cache.filepath, path)
    for volume in getattr(bpy.data, 'volumes', ()):
        if volume.users and volume.filepath and not is_packed(volume):
            volume.grids.load()
            path = volume.grids.frame_filepath or absolute(volume)
            files.add('volume', volume.filepath, bpy.path.abspath(path, library=volume.library))


def files_of_scene():
    files = Files()
    for step in (add_blocks, add_nodes, add_listed):
        step(files)
    return files


def files_of_frame(frame):
    files = Files()
    add_sequences(files)
    add_caches(files, frame)
    return files
