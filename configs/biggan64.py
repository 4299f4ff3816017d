"""BigGAN on ImageNet at 64 pixels: the network of the author's code, the training of the paper.

    python -m jaxrepro.train --config=configs/biggan64.py

The paper has no results at 64 pixels. Channels (ch 64) and attention (at 32 x 32) are those
usual for this size. Data: ImageNet prepared by TensorFlow Datasets as ArrayRecord; any other
source with --config.data.source.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published(64)
    config.model.ch = 64
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=600, batch_size=16)
    if arg.variant == "test":
        reduce_to_test(config, ch=8)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
