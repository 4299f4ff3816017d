"""The paper's table of colour: networks of luma, of Y Cb Cr and of R G B side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.pictures.decibels import mean_measures
from jaxrepro.papers.srcnn.measures.color_quality import color_measures, true_pictures
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.degraded import DegradedPicture, degraded_pictures
from jaxrepro.papers.srcnn.pairs.planes import has_color
from jaxrepro.papers.srcnn.trained import Trained

# From a degraded picture to its three planes.
Method = Callable[[DegradedPicture], np.ndarray]
# What every figure of the table depends on beside the data, the scale and the degradation.
PROTOCOL = {
    "range": "Y, Cb, Cr in studio range, R, G, B in full range; peak 255",
    "rounding": "planes to 8 bits, then converted and rounded again",
    "shave": "the scale, from every side",
    "mean": "of the PSNRs of the pictures",
    "pooled": "squared error over Y, Cb and Cr together",
}


def color_table(
    networks: Mapping[str, Trained], data: str, degradation: str, scale: int
) -> dict[str, Any]:
    """Returns the table as JSON.

    networks: by the name of their row. data: see `data.pictures.open_pictures`. "rows" holds, for
    bicubic interpolation and every network, the mean of each of `color_quality.MEASURES`, see
    `mean_measures`, and, as "pictures", those of every picture; "left_out" the names of
    grey pictures.

    Raises InputError if no picture has colour.
    """
    prepared = {
        color: degraded_pictures(data, degradation, scale, color) for color in ("ycbcr", "rgb")
    }
    truths = true_pictures(data, scale)
    colored = [number for number, truth in enumerate(truths) if has_color(truth)]
    if not colored:
        raise InputError(f"{data} holds grey pictures only; give pictures of colour")
    methods: dict[str, tuple[str, Method]] = {
        "interpolated Y Cb Cr": ("ycbcr", lambda picture: picture.enlarged),
        "interpolated R G B": ("rgb", lambda picture: picture.enlarged),
    }
    for name, trained in networks.items():
        methods[name] = ("rgb" if trained.color == "rgb" else "ycbcr", _network(trained))
    rows = []
    for name, (color, method) in methods.items():
        pictures = [
            color_measures(method(one), truths[number], color, scale, one.name)
            for number in colored
            for one in [prepared[color][number]]
        ]
        names = [prepared[color][number].name for number in colored]
        rows.append(
            {
                "name": name,
                **mean_measures(pictures),
                "pictures": [{"name": n, **one} for n, one in zip(names, pictures)],
            }
        )
    return {
        "data": data,
        "scale": scale,
        "degradation": degradation,
        "protocol": PROTOCOL,
        "left_out": [prepared["rgb"][n].name for n in range(len(truths)) if n not in colored],
        "rows": rows,
    }


def _network(trained: Trained) -> Method:
    network = TiledNetwork(trained.module, trained.variables)
    factor = trained.module.factor

    def method(picture: DegradedPicture) -> np.ndarray:
        planes = picture.input(factor)
        if trained.color == "y":
            return np.concatenate([network(planes[..., :1]), picture.enlarged[..., 1:]], axis=-1)
        return network(planes)

    return method
