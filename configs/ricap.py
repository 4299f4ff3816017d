r"""RICAP: R. Takahashi, T. Matsubara, K. Uehara, "RICAP: Random Image Cropping and Patching Data
Augmentation for Deep CNNs", ACML 2018; arXiv 1811.09030.

    python -m jaxrepro.train --config=configs/ricap.py:demo --config.num_seeds=5
    python -m jaxrepro.train --config=configs/ricap.py:demo,augment=none --config.num_seeds=5
    python -m jaxrepro.train --config=configs/ricap.py:small,augment=mixup \
        --config.data.source=folder:cifar10
    python -m jaxrepro.train --config=configs/ricap.py

Settings: augment=ricap (none, mixup, cutout, erasing), beta=, n= (training images, as many of each
class; 0 for all), bs= (images of an update), steps=, net=wrn (resnext, convolutions). Of RICAP the
ablations scope=example, labels=largest, crop=none, patch=no.

Variants: paper (the default: WRN-28-10 with dropout on CIFAR-10 for 200 epochs, as in the authors'
code); small (WRN-16-1 on 4,000 training images for 5,000 updates of 64, with a cosine); demo (200
handwritten digits that come with scikit-learn, three convolutions, 480 updates of 25); test.
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.ricap.settings import (
    VARIANTS,
    published,
    reduce_to_demo,
    reduce_to_small,
    reduce_to_test,
)


def get_config(arg=None):
    defaults = {"scope": "batch", "labels": "mixed", "crop": "random", "patch": "yes"}
    arg = parse_variant(
        arg, VARIANTS, augment="ricap", beta=0.3, net="wrn", n=-1, bs=0, steps=0, **defaults
    )
    config = published(arg.net)
    if arg.variant == "small":
        reduce_to_small(config)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    if arg.patch not in ("yes", "no"):
        raise InputError(f"setting patch={arg.patch}; allowed: yes, no")
    config.augment.update(
        name=arg.augment, beta=arg.beta, scope=arg.scope, labels=arg.labels, crop=arg.crop
    )
    config.augment.patch = arg.patch == "yes"
    if arg.n >= 0:
        config.data.num_train = arg.n
    if arg.bs:
        config.train.batch_size = arg.bs
    if arg.steps:
        config.train.total_steps = arg.steps
        config.eval.every = config.checkpoint.every = arg.steps
    return config
