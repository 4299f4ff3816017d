"""BigGAN-deep on ImageNet at 128 pixels (Brock et al., ICLR 2019, appendix B).

    python -m jaxrepro.train --config=configs/biggan_deep128.py

The paper quotes FID 5.7 and IS 124.5 without truncation (from memory). Two bottleneck blocks at
each resolution; all of z and the class vector enter every block.
Learning rates are those of BigGAN, as far as the paper's readers quote them.
Data: ImageNet prepared by TensorFlow Datasets as ArrayRecord; any other source with
--config.data.source.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
one block at each resolution, minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published_deep, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published_deep(128)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=60, batch_size=4)
        # Half the blocks, so that it starts within seconds; --config.model.depth=2 has all of them.
        config.model.depth = 1
    if arg.variant == "test":
        reduce_to_test(config, ch=4)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
