"""BigGAN at 16 pixels on scikit-learn's 1,797 real handwritten digits: the first run to try.

    python -m jaxrepro.train --config=configs/biggan_digits.py

Not a setting of the paper: its architecture, loss and regularisation at a size that learns in
minutes on two CPU cores, with one discriminator step, higher learning rates and a shorter moving
average. README.md shows what it reaches.

Variants, each with bs=N for another batch: paper (the default); demo (the same, a quarter as
long); test (2 steps).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.biggan.settings import published, reduce_to_test


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), bs=0)
    config = published(32)
    config.model.update(resolution=16, ch=16, dim_z=60, shared_dim=32)
    config.model.update(g_attention=(), d_attention=(), bn_epsilon=1e-5, sn_epsilon=1e-6)
    config.optim.g.learning_rate = 2e-4
    config.optim.d.learning_rate = 4e-4
    config.ema.update(decay=0.999, start=500)
    config.train.update(total_steps=4000, batch_size=64, num_d_steps=1)
    # Real digits have a judge of their own, jaxrepro.metrics.samples.digits.
    config.eval.update(every=1000, batch_size=100, num_samples=0, discriminator_samples=0)
    config.checkpoint.update(every=500, keep_period=0)
    if arg.variant == "demo":
        config.train.total_steps = 1000
    if arg.variant == "test":
        reduce_to_test(config, ch=4)
    config.data.update(source="digits", channels=1, crop="center")
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
