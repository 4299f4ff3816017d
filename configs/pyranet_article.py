r"""PyraNet as a later article trains it: 2 stacks, Adam, pyramids of bilinear resizing.

    python -m jaxrepro.train --config=configs/pyranet_article.py --workdir=runs/article \
        --config.data.source=mpii:train.h5 --config.data.split=all \
        --config.data.validation=mpii:valid.h5 --config.data.validation_split=all
    python -m jaxrepro.train --config=configs/pyranet_article.py:block=res ...

The article reports that PRM-B did not beat plain residuals (`block=res`): it overfitted, and its
training was stopped after 110 of 150 epochs. Its numbers are in pictures only.

Settings: block=B (A, B, C, D or res), stacks=2, bs (people of an update, 8).

Adam at 2.5e-4, times 0.9 every 10 epochs of about 20,000 people of MPII. Batch norm and ReLU stand
inside each level, and the initialisation is the article's.

Variants: paper (the default); demo (minutes on 2 CPU cores; articulated figures drawn over
photographs unless a source is given, see hourglass.py); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.pyranet.settings import (
    VARIANTS,
    published_pyranet,
    reduce_to_demo,
    reduce_to_test,
)
from jaxrepro.tasks.pose.settings import train_for, use_adam

PEOPLE = 20_000


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, block="B", stacks=2, bs=0)
    config = published_pyranet(arg.stacks, arg.block)
    config.model.update(init="branch_article", pooling="bilinear", normalize_levels=True)
    config.train.batch_size = arg.bs or 8
    updates = PEOPLE // config.train.batch_size
    use_adam(config, 2.5e-4)
    config.optim.update(schedule="staircase", decay_factor=0.9, decay_every=10 * updates)
    train_for(config, 150 * updates)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
