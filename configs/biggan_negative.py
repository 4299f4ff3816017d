"""BigGAN at 128 pixels with one change that its appendix on negative results names (Brock et al.,
arXiv 1809.11096). The paper reports that these changes did not help (from memory).

    python -m jaxrepro.train --config=configs/biggan_negative.py:row=bilinear

All else is row 8 of Table 1, as in biggan128.py. What each change means in detail, which the paper
does not say, is in jaxrepro/papers/biggan/network/variations.py.

Rows:
  depth (the default): a further residual block after each one that doubles or halves the map.
  bilinear: bilinear instead of nearest-neighbour upsampling in G.
  weight_norm: weight normalisation instead of batch norm in G.
  d_batch_norm, d_conditional_batch_norm: batch norm in D, plain or class-conditional.
  kernel_5, kernel_7: kernels of that side instead of 3, in both networks.
  g_dilation, d_dilation: rate 2 in the 3x3 convolutions of G, or of D.

Variants, each with row=NAME, and with bs=N for another batch: paper (the default); demo (bundled
photographs, small, minutes on 2 CPU cores); test (2 steps on digits at 16 pixels).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.settings import published, reduce_to_demo, reduce_to_test

ROWS = {
    "depth": {"depth": 2},
    "bilinear": {"upsampling": "bilinear"},
    "weight_norm": {"g_norm": "weight"},
    "d_batch_norm": {"d_norm": "batch"},
    "d_conditional_batch_norm": {"d_norm": "conditional_batch"},
    "kernel_5": {"kernel_size": 5},
    "kernel_7": {"kernel_size": 7},
    "g_dilation": {"g_dilation": 2},
    "d_dilation": {"d_dilation": 2},
}


def get_config(arg=None):
    arg = parse_variant(arg, ("paper", "demo", "test"), row="depth", bs=0)
    if arg.row not in ROWS:
        raise InputError(f"row={arg.row}: choose one of {', '.join(ROWS)}")
    config = published(128)
    config.model.update(ROWS[arg.row])
    if arg.variant == "demo":
        reduce_to_demo(config, ch=8, total_steps=300, batch_size=8)
    if arg.variant == "test":
        reduce_to_test(config, ch=2)
        config.data.update(source="digits", channels=1, crop="center")
        config.model.update(resolution=16, dim_z=12, shared_dim=8, g_attention=(), d_attention=())
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
