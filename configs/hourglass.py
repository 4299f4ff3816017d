r"""Stacked hourglass: Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose
Estimation", ECCV 2016 (arXiv 1603.06937), the network that PyraNet changes.

    python -m jaxrepro.train --config=configs/hourglass.py:demo
    python -m jaxrepro.train --config=configs/hourglass.py --workdir=runs/hourglass \
        --config.data.source=mpii:train.h5 --config.data.split=all \
        --config.data.validation=mpii:valid.h5 --config.data.validation_split=all
    python -m jaxrepro.train --config=configs/hourglass.py:demo --workdir=runs/lspet \
        --config.data.source=lspet:DIR --config.data.split=1-1000 \
        --config.data.validation_split=1001-1250 --config.data.size=128 \
        --config.data.augmentation=pyranet --config.train.total_steps=8000

Settings: stacks=8, bs (people of an update, 6).

Variants: paper (the default: RMSProp, 800,000 updates, as in the authors' Torch code); demo
(articulated figures drawn over photographs unless a source is given: they are no people, and
accuracies on them compare with nothing published; the first command, seed 0, 1,000 updates, took 70
CPU-seconds on 2 cores of an AMD EPYC and gave PCKh 57.3 and PCK@0.2 52.2, the mean pose 23.7 and
20.2, the nearest neighbour 22.2 and 19.3); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.pyranet.settings import (
    VARIANTS,
    published_hourglass,
    reduce_to_demo,
    reduce_to_test,
)


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, stacks=8, bs=0)
    config = published_hourglass(arg.stacks)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
