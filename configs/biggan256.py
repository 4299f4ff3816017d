"""BigGAN on ImageNet at 256 pixels (Brock et al., ICLR 2019, Table 2).

    python -m jaxrepro.train --config=configs/biggan256.py

The paper quotes FID 8.7 and IS 142.3 without truncation (from memory), on 256 TPU v3 cores
(from memory). Attention is at 128 x 128 in the generator and at 64 x 64 in the
discriminator. Data: ImageNet prepared by
TensorFlow Datasets as ArrayRecord; any other source with --config.data.source.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published(256)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=60, batch_size=4)
    if arg.variant == "test":
        reduce_to_test(config, ch=4)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
