r"""SRCNN: Dong et al., "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016
(arXiv 1501.00092).

    python -m jaxrepro.train --config=configs/srcnn.py:demo

Settings: arch=9-5-5 (sides of the kernels; any number of layers), widths=64-32 (filters of all
layers but the last; left out, those of the paper), scale=3, color=y, bs (patches of an update).

color: y (Cb and Cr are interpolated where a picture is made), ycbcr, y-first and cbcr-first (only
these planes count in the first half of the updates, `loss.first_steps`), rgb, or rgb-from-y, which
begins with a network of luma:

    python -m jaxrepro.train --config=configs/srcnn.py:demo,color=rgb-from-y \
        --config.start.weights=runs/srcnn_demo

Variants: paper (the default: SGD as in the authors' release, 15 million updates); demo (Adam,
minutes on 2 CPU cores); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.srcnn.settings import VARIANTS, published, reduce_to_test, train_for, use_adam


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, arch="9-1-5", widths="", scale=3, color="y", bs=0)
    config = published(arg.arch, arg.scale, arg.color, arg.widths)
    if arg.variant == "demo":
        use_adam(config)
        train_for(config, 12_000)
    if arg.variant == "test":
        reduce_to_test(config)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
