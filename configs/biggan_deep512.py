"""BigGAN-deep on ImageNet at 512 pixels (Brock et al., ICLR 2019, appendix B).

    python -m jaxrepro.train --config=configs/biggan_deep512.py

The paper quotes FID 7.5 and IS 152.8 without truncation (from memory). Two bottleneck blocks at
each resolution; all of z and the class vector enter every block.
Both learning rates are 2.5e-5, as the paper's readers quote.
Data: ImageNet prepared by TensorFlow Datasets as ArrayRecord; any other source with
--config.data.source.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
one block at each resolution, minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published_deep, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published_deep(512)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=60, batch_size=2)
        # Half the blocks, so that it starts within seconds; --config.model.depth=2 has all of them.
        config.model.depth = 1
    if arg.variant == "test":
        reduce_to_test(config, ch=4)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
