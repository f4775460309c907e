"""Saves one small render in every format, depth, colour mode and codec: blender -b --factory-startup -P THIS -- DIR.

Names are FORMAT~MODE~DEPTH~CODEC.SUFFIX.
"""
import os
import sys

import bpy

out = sys.argv[sys.argv.index('--') + 1]
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.device = 'CPU'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 48, 32, 100
layer = scene.view_layers[0]
layer.use_pass_z = layer.use_pass_normal = layer.use_pass_cryptomatte_object = True
bpy.ops.render.render()
result = bpy.data.images['Render Result']
image = scene.render.image_settings
EXR = ('NONE', 'ZIP', 'ZIPS', 'PIZ', 'RLE', 'PXR24', 'DWAA', 'DWAB')
FORMATS = (
    ('PNG', 'png', ('BW', 'RGB', 'RGBA'), ('8', '16'), ('',)),
    ('OPEN_EXR', 'exr', ('BW', 'RGB', 'RGBA'), ('16', '32'), EXR),
    ('OPEN_EXR_MULTILAYER', 'exr', ('',), ('16', '32'), EXR),
    ('JPEG', 'jpg', ('BW', 'RGB'), ('8',), ('',)),
    ('TIFF', 'tif', ('BW', 'RGB', 'RGBA'), ('8', '16'), ('NONE', 'DEFLATE', 'LZW', 'PACKBITS')),
)
for name, suffix, modes, depths, codecs in FORMATS:
    image.file_format = name
    for mode in modes:
        if mode:
            image.color_mode = mode
        for depth in depths:
            if name != 'JPEG':
                image.color_depth = depth
            for codec in codecs:
                if codec:
                    setattr(image, 'tiff_codec' if name == 'TIFF' else 'exr_codec', codec)
                result.save_render(os.path.join(out, '%s~%s~%s~%s.%s' % (name, mode, depth, codec, suffix)))
