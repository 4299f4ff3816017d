r"""FSRCNN: Dong et al., "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016
(arXiv 1608.00367).

    python -m jaxrepro.train --config=configs/fsrcnn.py:demo

Settings: d=56, s=12, m=4 (d=32,s=5,m=1 is FSRCNN-s), scale=3, color=y, bs (patches of an update).
`data.patch` and `data.stride` are in low-resolution pixels.

Only the deconvolution differs between scales. With a network for x3 to begin with, it alone is
trained for x2:

    python -m jaxrepro.train --config=configs/fsrcnn.py:demo,scale=2 \
        --config.start.weights=runs/fsrcnn_demo \
        --config.optim.multipliers="('^deconvolution=1','.=0')"

Variants: paper (the default: SGD on the summed loss, rate 1e-3, for the deconvolution 1e-4;
pictures in five sizes, patches turned; batch and length are those of SRCNN); demo (Adam, minutes
on 2 CPU cores); test (2 updates).

Differences from the paper: training is by valid convolutions, so a patch is larger than the part
of it that is learnt from; no momentum, because with SRCNN's 0.9 these rates diverged within ten
updates; no second stage on General-100. Rates, sizes of pictures and patches are quoted from
memory.

The paper's PSNR for x3 on Set5, trained on T91: 33.06 dB, FSRCNN-s 32.55 dB.
"""

from ml_collections import ConfigDict

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.srcnn.settings import VARIANTS, published, reduce_to_test, train_for

# Side of what a patch is learnt from, in low-resolution pixels: the published patches.
LEARNT = {2: 10, 3: 7, 4: 6}


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, d=56, s=12, m=4, scale=3, color="y", bs=0)
    config = published(scale=arg.scale, color=arg.color)
    config.model = ConfigDict(
        {"name": "fsrcnn", "features": arg.d, "shrunk": arg.s, "mappings": arg.m, "init": "paper"}
    )
    learnt = LEARNT.get(arg.scale, 6)
    # What the convolutions and the deconvolution take from each side.
    margin = 2 + arg.m + (2 if arg.scale < 4 else 1)
    config.data.update(
        patch=learnt + 2 * margin,
        stride=learnt,
        rescale=(0.9, 0.8, 0.7, 0.6),
        augment="rotations",
    )
    config.optim.update(learning_rate=1e-3, b1=0.0, multipliers=("deconvolution=0.1",))
    config.eval.tile = 64
    if arg.variant == "demo":
        config.data.update(patch=32, stride=8, rescale=())
        config.loss.reduction = "mean"
        config.model.init = "he"
        config.optim.update(
            name="adam", learning_rate=3e-3, b1=0.9, schedule="cosine", multipliers=()
        )
        config.train.batch_size = 16
        train_for(config, 5_000)
    if arg.variant == "test":
        config.model.update(features=4, shrunk=2, mappings=1)
        config.data.rescale = ()
        reduce_to_test(config)
        config.data.stride = 60
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
