"""BigGAN on ImageNet at 128 pixels: Table 1 of Brock et al., "Large Scale GAN Training for High
Fidelity Natural Image Synthesis", ICLR 2019 (arXiv 1809.11096).

    python -m jaxrepro.train --config=configs/biggan128.py

The default is row 8: batch 2048, ch 96, shared embedding, skip-z, orthogonal regularisation. The
paper quotes FID 8.51 and IS 99.31 after 165,000 updates for it, on 128 to 512 TPU v3 cores in 24
to 48 hours (figures from memory). Data: ImageNet (ILSVRC 2012) prepared by TensorFlow Datasets as
ArrayRecord; any other source with --config.data.source.

Variants, each with bs=N for another batch:
  paper (the default), with row=1 to row=9 for the other rows of Table 1. Row 1 is the SA-GAN
      baseline with the settings of the author's SA-GAN launch script.
  torch: the author's PyTorch setting for 8 GPUs of 16 GB: batch 256 passed 8 times, one
      discriminator step, statistics over each GPU's 32 images, no orthogonal regularisation.
  demo: bundled photographs, small, minutes on 2 CPU cores.
  test: 2 steps.
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test

# Table 1: batch, ch, shared embedding, skip-z, orthogonal regularisation, thousands of updates.
# The dim_z of rows without skip-z is 128: it gives the paper's parameter counts.
ROWS = {
    1: (256, 64, False, False, False, 1000),
    2: (512, 64, False, False, False, 1000),
    3: (1024, 64, False, False, False, 1000),
    4: (2048, 64, False, False, False, 732),
    5: (2048, 96, False, False, False, 295),
    6: (2048, 96, True, False, False, 185),
    7: (2048, 96, True, True, False, 152),
    8: (2048, 96, True, True, True, 165),
    9: (2048, 64, True, True, True, 371),
}


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "torch", "demo", "test"), row=8, bs=0)
    if arg.row not in ROWS:
        raise InputError(f"row={arg.row}: Table 1 has rows 1 to 9")
    batch_size, ch, shared, skip_z, orthogonal, thousands = ROWS[arg.row]
    config = published(128)
    config.model.update(ch=ch, hierarchical=skip_z, dim_z=120 if skip_z else 128)
    config.model.shared_dim = 128 if shared else 0
    config.optim.orthogonal = 1e-4 if orthogonal else 0.0
    config.train.update(total_steps=1000 * thousands, batch_size=batch_size)
    if arg.row == 1:
        config.model.update(kernel_init="xavier", bn_epsilon=1e-5, sn_epsilon=1e-8)
        config.optim.g.learning_rate = 1e-4
        config.optim.d.learning_rate = 4e-4
        config.ema.start = 2000
        config.train.num_d_steps = 1
    if arg.variant == "torch":
        config.model.update(bn_epsilon=1e-5, sn_epsilon=1e-6, bn_groups=8)
        config.optim.update(epsilon=1e-6, orthogonal=0.0)
        config.optim.g.learning_rate = 1e-4
        config.optim.d.learning_rate = 4e-4
        config.ema.start = 20_000
        config.train.update(total_steps=150_000, num_d_steps=1, microbatches=8)
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=300, batch_size=8)
    if arg.variant == "test":
        reduce_to_test(config, ch=8)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
