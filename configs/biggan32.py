"""BigGAN on CIFAR-10 at 32 pixels, as the author's CIFAR launch script sets it.

    python -m jaxrepro.train --config=configs/biggan32.py

Data: the 50,000 training images, prepared by TensorFlow Datasets as ArrayRecord; any other source
with --config.data.source. 500 epochs of 50,000 images at 4 x 50 images an update are 125,000
updates. The paper quotes FID 14.73 and IS 9.22 for CIFAR-10 (from memory, with its own settings).

Differences from the paper are those of the script: no shared embedding, no skip-z, no attention,
N(0, 0.02) initialisation, 4 discriminator steps, no orthogonal regularisation.

Variants, each with bs=N for another batch: paper (the default); demo (bundled photographs, small,
minutes on 2 CPU cores); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published(32)
    config.data.source = "tfds:cifar10"
    config.model.update(ch=64, dim_z=128, shared_dim=0, hierarchical=False)
    config.model.update(kernel_init="N02", bn_epsilon=1e-5, sn_epsilon=1e-8)
    config.optim.g.learning_rate = 2e-4
    config.optim.d.learning_rate = 2e-4
    config.optim.orthogonal = 0.0
    config.ema.start = 1000
    config.train.update(total_steps=125_000, batch_size=50, num_d_steps=4)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=16, total_steps=1500, batch_size=16)
    if arg.variant == "test":
        reduce_to_test(config, ch=2)
        config.model.resolution = 16
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
