"""BigGAN on ImageNet at 512 pixels (Brock et al., ICLR 2019, Table 2).

    python -m jaxrepro.train --config=configs/biggan512.py

The paper quotes FID 8.1 and IS 144.2 without truncation (from memory), on 512 TPU v3 cores
(from memory). z has 128 numbers, 16 for each of 8 places. Data: ImageNet prepared by
TensorFlow Datasets as ArrayRecord; any other source with --config.data.source.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published(512)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=60, batch_size=4)
    if arg.variant == "test":
        reduce_to_test(config, ch=4)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
