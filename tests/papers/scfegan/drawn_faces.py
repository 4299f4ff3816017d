"""Drawings that have hair, a face and eyes where aligned photographs have them."""

import numpy as np
from PIL import Image, ImageDraw

HAIR, SKIN, WALL = (60, 35, 20), (220, 170, 140), (90, 140, 190)


def face(size=64, shift=0, hair=HAIR):
    """A picture, uint8 [size, size, 3], and its label map, uint8 [size, size]."""
    picture, labels = Image.new("RGB", (256, 256), WALL), Image.new("L", (256, 256), 0)
    ellipses = [
        ((50 + shift, 5, 206 + shift, 230), hair, 17),
        ((70, 55, 186, 235), SKIN, 1),
        ((87, 112, 103, 127), (255, 255, 255), 4),
        ((152, 112, 168, 127), (255, 255, 255), 5),
        ((105, 182, 151, 196), (180, 60, 60), 12),
    ]
    for box, color, label in ellipses:
        ImageDraw.Draw(picture).ellipse(box, fill=color)
        ImageDraw.Draw(labels).ellipse(box, fill=label)
    return (
        np.asarray(picture.resize((size, size), Image.Resampling.BOX)),
        np.asarray(labels.resize((size, size), Image.Resampling.NEAREST)),
    )


def write_faces(folder, count, size=64):
    """Writes `count` different faces as PNG files 00.png, 01.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture, _ = face(size, shift=number, hair=(60 + number, 35, 20))
        Image.fromarray(picture).save(folder / f"{number:02d}.png")
    return folder
