"""One tile for each frame record:  blender -b --factory-startup --python-exit-code 3 --python contact_sheet.py -- DEMO

In: DEMO/records.jsonl and the frames. Out: DEMO/contact-sheet.png. A tile's border is green where its picture is the
frame that is delivered now, grey where the store keeps it, red where the picture is gone (it was damaged). The number
is the frame's.
"""
import hashlib
import json
import os
import sys

import bpy
import numpy

W, H, BORDER, COLUMNS = 160, 90, 3, 5
GLYPHS = {
    '0': (7, 5, 5, 5, 7), '1': (2, 6, 2, 2, 7), '2': (7, 1, 7, 4, 7), '3': (7, 1, 7, 1, 7), '4': (5, 5, 7, 1, 1),
    '5': (7, 4, 7, 1, 7), '6': (7, 4, 7, 5, 7), '7': (7, 1, 1, 1, 1), '8': (7, 5, 7, 5, 7), '9': (7, 5, 7, 1, 7),
}
demo = sys.argv[sys.argv.index('--') + 1]
root = os.path.join(demo, 'frames')


def digest_of(path):
    return hashlib.sha256(open(path, 'rb').read()).hexdigest() if os.path.exists(path) else None


def picture_of(record):
    """The file with this record's content and its border, or None."""
    visible = os.path.join(root, record['file'])
    if digest_of(visible) == record['sha256']:
        return visible, (0.2, 0.8, 0.3)
    stored = os.path.join(root, '.cleave', 'store', record['sha256'] + '.png')
    if os.path.exists(stored):
        return stored, (0.5, 0.5, 0.5)
    return None, (0.9, 0.1, 0.1)


def draw_number(tile, text):
    """Digits of 3 by 5 cells of 2 pixels, white on the picture's lower left corner (row 0 is the lowest)."""
    for place, digit in enumerate(text):
        for row, bits in enumerate(GLYPHS[digit]):
            for column in range(3):
                if bits >> (2 - column) & 1:
                    x, y = BORDER + 4 + place * 8 + column * 2, BORDER + 4 + (4 - row) * 2
                    tile[y:y + 2, x:x + 2, :3] = 1


def make_tile(record):
    path, border = picture_of(record)
    tile = numpy.ones((H + 2 * BORDER, W + 2 * BORDER, 4), dtype=numpy.float32)
    tile[:, :, :3] = border
    tile[BORDER:-BORDER, BORDER:-BORDER, :3] = 0.05
    if path:
        image = bpy.data.images.load(path, check_existing=False)
        pixels = numpy.empty(len(image.pixels), dtype=numpy.float32)
        image.pixels.foreach_get(pixels)
        tile[BORDER:-BORDER, BORDER:-BORDER] = pixels.reshape(H, W, 4)
    draw_number(tile, str(record['frame']))
    return tile


def main():
    with open(os.path.join(demo, 'records.jsonl'), encoding='utf-8') as lines:
        records = [json.loads(line) for line in lines]
    records.sort(key=lambda r: r['time'])
    rows = -(-len(records) // COLUMNS)
    height, width = H + 2 * BORDER, W + 2 * BORDER
    sheet = numpy.zeros((rows * height, COLUMNS * width, 4), dtype=numpy.float32)
    sheet[:, :, 3] = 1
    for n, record in enumerate(records):
        y, x = (rows - 1 - n // COLUMNS) * height, n % COLUMNS * width
        sheet[y:y + height, x:x + width] = make_tile(record)
    image = bpy.data.images.new('sheet', COLUMNS * width, rows * height, alpha=True)
    image.pixels.foreach_set(sheet.ravel())
    image.filepath_raw = os.path.join(demo, 'contact-sheet.png')
    image.file_format = 'PNG'
    image.save()


main()
