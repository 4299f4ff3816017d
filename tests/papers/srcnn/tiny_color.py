"""Small coloured pictures, and configs that train on them within seconds."""

import numpy as np
from PIL import Image

from jaxrepro.papers.srcnn import settings as srcnn_settings


def write_pictures(folder, *, colored=2, grey=0, side=26):
    """Writes smooth pictures with different content in every channel."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[:side, :side] / side
    for number in range(colored + grey):
        waves = [
            np.sin((5 + number + channel) * rows + (3 + 2 * channel) * columns**2)
            for channel in range(3)
        ]
        pixels = (127.5 + 90 * np.stack(waves, axis=-1)).astype(np.uint8)
        pixels = pixels if number < colored else pixels[..., 0]
        Image.fromarray(pixels).save(folder / f"picture{number}.png")
    return f"folder:{folder}"


def tiny_config(pictures, color, **changes):
    """Returns the config of a 3-1-3 network of 4 filters, SGD on the mean loss, x2."""
    config = srcnn_settings.published("3-1-3", 2, color)
    srcnn_settings.reduce_to_test(config)
    config.data.update(source=pictures, validation=(pictures,), patch=13, stride=6)
    config.model.init = "he"
    config.loss.reduction = "mean"
    config.optim.update(learning_rate=0.1, multipliers=())
    config.train.batch_size = 4
    config.eval.update(tile=16, batch_size=8)
    config.update_from_flattened_dict(changes)
    return config
