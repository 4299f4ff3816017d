r"""PyraNet: Yang, Li, Ouyang, Li and Wang, "Learning Feature Pyramids for Human Pose Estimation",
ICCV 2017 (arXiv 1708.01101).

    python -m jaxrepro.train --config=configs/pyranet.py:demo
    python -m jaxrepro.train --config=configs/pyranet.py --workdir=runs/pyranet \
        --config.data.source=mpii:train.h5 --config.data.split=all \
        --config.data.validation=mpii:valid.h5 --config.data.validation_split=all

Settings: block=B (A, B, C, D, or res for plain residuals), stacks=8, bs (people of an update, 16).

The published model has levels of 1/9 of the width and 4 of them, not the defaults of the released
options, 1/6 and 30. Released code and README differ in details; this config takes the rate 6.7e-4,
16 people an update and 200 epochs from the README's command for 8 stacks, and drops to a tenth
after 150 and 170. The paper's initialisation is not in the released code; here it is that of its
equation 15. Augmentation moves joints and crop together, where the released code warps drawn maps.

Variants: paper (the default); demo (minutes on 2 CPU cores; articulated figures drawn over
photographs unless a source is given, see hourglass.py); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.pyranet.settings import (
    VARIANTS,
    published_pyranet,
    reduce_to_demo,
    reduce_to_test,
)


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, block="B", stacks=8, bs=0)
    config = published_pyranet(arg.stacks, arg.block)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
