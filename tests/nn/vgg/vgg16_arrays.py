"""Drawn weights of VGG-16 in torchvision's layout, and images, the same wherever they are drawn."""

import numpy as np

CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256)
NUMBERS = (0, 2, 5, 7, 10, 12, 14)


def torchvision_arrays():
    """Returns the arrays of the first seven layers by torchvision's names."""
    random = np.random.RandomState(7)
    arrays = {}
    for number, inputs, outputs in zip(NUMBERS, CHANNELS[:-1], CHANNELS[1:], strict=True):
        kernel = random.normal(size=(outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
        arrays[f"features.{number}.weight"] = kernel.astype(np.float32)
        arrays[f"features.{number}.bias"] = random.normal(size=outputs).astype(np.float32) / 10
    return arrays


def keras_arrays(path_of="block{0}_conv{1}/block{0}_conv{1}/{2}:0", kinds=("kernel", "bias")):
    """Returns the same kernels, [3, 3, I, O] with B, G, R in the first, by Keras' names."""
    arrays, drawn = {}, torchvision_arrays()
    places = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]
    for number, place in zip(NUMBERS, places, strict=True):
        kernel = drawn[f"features.{number}.weight"].transpose(2, 3, 1, 0)
        if number == 0:
            kernel = kernel[:, :, ::-1]
        arrays[path_of.format(*place, kinds[0])] = kernel
        arrays[path_of.format(*place, kinds[1])] = drawn[f"features.{number}.bias"]
    return arrays


def images():
    """Returns uint8 [2, 24, 17, 3], an odd side among them."""
    return np.random.RandomState(8).randint(0, 256, (2, 24, 17, 3)).astype(np.uint8)


def as_inputs(pixels):
    return pixels.astype(np.float32) / np.float32(127.5) - 1
