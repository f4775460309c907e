"""One tile for each frame record:  blender -b --factory-startup --python-exit-code 3 --python contact_sheet.py -- DEMO

In: DEMO/records.jsonl and the frames. Out: DEMO/contact-sheet.png. A tile's border is green where its picture is the
frame that is delivered now, grey where the store keeps it, red where the picture is gone (it was damaged). The number
is the frame's.
"""
import array
import hashlib
import json
import os
import sys

import bpy

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


class Sheet:
    """Floating point RGBA, row 0 is the lowest, as Blender keeps pixels."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.pixels = array.array('f', (0, 0, 0, 1)) * (width * height)

    def fill(self, x, y, width, height, colour):
        row = array.array('f', (*colour, 1)) * width
        for line in range(y, y + height):
            self.put_row(x, line, row)

    def put_row(self, x, y, row):
        at = (y * self.width + x) * 4
        self.pixels[at:at + len(row)] = row


def draw_number(sheet, x, y, text):
    """Digits of 3 by 5 cells of 2 pixels, white."""
    for place, digit in enumerate(text):
        for row, bits in enumerate(GLYPHS[digit]):
            for column in range(3):
                if bits >> (2 - column) & 1:
                    sheet.fill(x + place * 8 + column * 2, y + (4 - row) * 2, 2, 2, (1, 1, 1))


def draw_tile(sheet, x, y, record):
    path, border = picture_of(record)
    sheet.fill(x, y, W + 2 * BORDER, H + 2 * BORDER, border)
    sheet.fill(x + BORDER, y + BORDER, W, H, (0.05, 0.05, 0.05))
    if path:
        image = bpy.data.images.load(path, check_existing=False)
        pixels = array.array('f', image.pixels[:])
        for line in range(H):
            sheet.put_row(x + BORDER, y + BORDER + line, pixels[line * W * 4:(line + 1) * W * 4])
    draw_number(sheet, x + BORDER + 4, y + BORDER + 4, str(record['frame']))


def main():
    with open(os.path.join(demo, 'records.jsonl'), encoding='utf-8') as lines:
        records = [json.loads(line) for line in lines]
    records.sort(key=lambda r: r['time'])
    rows = -(-len(records) // COLUMNS)
    height, width = H + 2 * BORDER, W + 2 * BORDER
    sheet = Sheet(COLUMNS * width, rows * height)
    for n, record in enumerate(records):
        draw_tile(sheet, n % COLUMNS * width, (rows - 1 - n // COLUMNS) * height, record)
    image = bpy.data.images.new('sheet', sheet.width, sheet.height, alpha=True)
    image.pixels.foreach_set(sheet.pixels)
    image.filepath_raw = os.path.join(demo, 'contact-sheet.png')
    image.file_format = 'PNG'
    image.save()


main()
