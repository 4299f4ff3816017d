"""ESPCN: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
Sub-Pixel Convolutional Neural Network", CVPR 2016 (arXiv 1609.05158).

    python -m jaxrepro.train --config=configs/espcn.py:demo

Settings: arch=5-3-3, widths=64-32, scale=3, color=y, bs (patches of an update). `data.patch` and
`data.stride` are in low-resolution pixels.

Variants: paper (the default); demo (Adam, minutes on 2 CPU cores); test (2 updates).

The paper's rate, quoted from memory, falls from 0.01 to 0.0001 whenever the loss stops falling;
here it falls from 0.01 to zero as a cosine. Patches give 17 x 17 squares of `scale` pixels, every
pixel once; batch, momentum and length are those of SRCNN.
"""

from ml_collections import ConfigDict

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.srcnn.settings import (
    VARIANTS,
    kernels_and_widths,
    published,
    reduce_to_test,
    train_for,
)


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, arch="5-3-3", widths="64-32", scale=3, color="y", bs=0)
    config = published(scale=arg.scale, color=arg.color)
    kernels, widths = kernels_and_widths(arg.arch, arg.widths)
    config.model = ConfigDict({"name": "espcn", "kernels": kernels, "widths": widths})
    config.data.update(patch=17 + sum(kernels) - len(kernels), stride=17)
    config.loss.reduction = "mean"
    config.optim.update(learning_rate=0.01, schedule="cosine", multipliers=())
    config.eval.tile = 64
    if arg.variant == "demo":
        config.data.stride = 8
        config.optim.update(name="adam", learning_rate=3e-3)
        config.train.batch_size = 16
        train_for(config, 6_000)
    if arg.variant == "test":
        reduce_to_test(config)
        config.data.stride = 60
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
