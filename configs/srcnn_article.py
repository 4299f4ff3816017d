r"""SRCNN as a later article trains it with Adam: 9-1-5, "9-3-1", and colour from luma.

    python -m jaxrepro.train --config=configs/srcnn_article.py --workdir=runs/article \
        --config.data.source=folder:T91 --config.data.validation="('folder:Set5',)"
    python -m jaxrepro.train --config=configs/srcnn_article.py:arch=9-3-1 ...
    python -m jaxrepro.train --config=configs/srcnn_article.py:color=rgb-from-y ... \
        --config.start.weights=runs/article

The article reports 35.25, 35.82 and 35.92 dB on Set5 x3 in a protocol of its own, whose pictures
are degraded in another way: no figure to place beside the paper's 32.39 dB. It says that equal
rates in all layers often let the network collapse, hence `rates=equal`.

Settings: arch=9-1-5; color=y, rgb-from-y or as in srcnn.py; rates=smaller (in the last layer) or
equal; degradation; scale=3; bs (patches of an
update, 128).

The article does not say, and this config assumes: rates of 1e-4 and, in the last layer, 1e-5, as
in the paper; 128 patches an update; He initialisation, the usual default of its framework, but for
the last layer; how the weights of one channel become those of three (see `start.mix`). 150 epochs,
200 in colour, are counted in the 21,884 patches that T91 has at x3.

Variants: paper (the default); demo (minutes on 2 CPU cores); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.settings import VARIANTS, published, reduce_to_test, train_for, use_adam

PATCHES = 21_884
RATES = {"smaller": ("reconstruction=0.1",), "equal": ()}


def get_config(arg=None):
    arg = parse_variant(
        arg,
        VARIANTS,
        arch="9-1-5",
        scale=3,
        color="y",
        degradation="article-intended",
        rates="smaller",
        bs=0,
    )
    if arg.rates not in RATES:
        raise InputError(f"rates={arg.rates} given; allowed: {', '.join(RATES)}")
    config = published(arg.arch, arg.scale, arg.color)
    config.data.degradation = arg.degradation
    use_adam(config)
    config.optim.update(learning_rate=1e-4, schedule="constant", multipliers=RATES[arg.rates])
    epochs = 150 if arg.color == "y" else 200
    config.train.batch_size = arg.bs or 128
    train_for(config, epochs * -(-PATCHES // config.train.batch_size))
    if arg.variant == "demo":
        config.train.batch_size = arg.bs or 32
        train_for(config, 3000)
    if arg.variant == "test":
        reduce_to_test(config)
        config.train.batch_size = arg.bs or config.train.batch_size
    return config
