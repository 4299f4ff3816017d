r"""L-GM: W. Wan, Y. Zhong, T. Li, J. Chen, "Rethinking Feature Distribution for Loss Functions in
Image Classification", CVPR 2018 (arXiv 1803.02988), by the same group's later code, GM-Loss.

    python -m jaxrepro.train --config=configs/lgm.py:demo --config.num_seeds=5
    python -m jaxrepro.train --config=configs/lgm.py:demo,head=softmax,dim=16 --config.num_seeds=5
    python -m jaxrepro.train --config=configs/lgm.py:mnist --config.data.source=idx:mnist
    python -m jaxrepro.train --config=configs/lgm.py --config.data.source=folder:cifar10

Settings: head=both (distance, margin, likelihood; softmax, center), dim= (features; of mnist 2 or
100), alpha=, weight=, likelihood=class (half, all, backward), covariance=identity (isotropic,
diagonal), ramp= (the share of the training in which alpha and weight rise, 0.1), rate= (of
learning), bs= (images of an update).

Variants: paper (the default: ResNet-20 on CIFAR-10 for 300 epochs); small (20 passes of 25,000 of
its images); mnist (six convolutions and 50 epochs, alpha 1, likelihood=all as in that script; with
dim=100 take rate=0.02); demo (800 handwritten digits that come with scikit-learn, two dense
layers, 2 features, 120 passes); test (2 updates).
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.lgm.settings import VARIANTS, settings_of


def get_config(arg=None):
    numbers = dict.fromkeys(("alpha", "weight", "ramp", "rate"), -1.0)
    arg = parse_variant(
        arg, VARIANTS, head="both", dim=-1, likelihood="", covariance="identity", bs=0, **numbers
    )
    config = settings_of(arg.variant)
    config.head.update(kind=arg.head, covariance=arg.covariance)
    config.loss.likelihood = arg.likelihood or config.loss.likelihood
    for name in ("alpha", "weight"):
        config.loss[name] = arg[name] if arg[name] >= 0 else config.loss[name]
    if arg.ramp >= 0:
        config.loss.ramp_steps = round(arg.ramp * config.train.total_steps)
    if arg.rate >= 0:
        config.optim.learning_rate = arg.rate
    if arg.bs:
        config.train.batch_size = arg.bs
    if arg.dim >= 0 and "features" not in config.model:
        raise InputError(f"setting dim={arg.dim}: features of {config.model.name} are not chosen")
    if arg.dim >= 0:
        config.model.features = arg.dim
    return config
