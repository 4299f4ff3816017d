"""The settings of `configs/lgm.py`."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.errors import InputError
from jaxrepro.tasks.classification.settings import shared_sections

VARIANTS = ("paper", "small", "mnist", "demo", "test")


def published_cifar() -> Any:
    """Returns the settings of the authors' later code for CIFAR-10: ResNet-20, 300 passes."""
    epoch = 391
    config = shared_sections("lgm", total_steps=300 * epoch, every=5 * epoch)
    config.data.update(border="black", num_train=0)
    config.model.update({"name": "resnet", "depth": 20})
    config.optim.update(schedule="drops", decay_factor=0.1, drop_steps=(150 * epoch, 225 * epoch))
    config.optim.clip_norm = 0.0  # Of all gradients together; 0: none.
    # kind: of heads.KINDS. means_rate: times the learning rate; 2 in the authors' first code.
    config.head = ConfigDict({"kind": "both", "covariance": "identity", "means_rate": 1.0})
    # ramp_steps: updates until alpha and weight are all there; 0: from the first.
    config.loss = ConfigDict({"alpha": 0.3, "weight": 0.1, "likelihood": "class"})
    config.loss.ramp_steps = 30 * epoch
    config.eval.eps = 0.03  # Of the attack; of the whole range of pixels.
    return config


def change_to_small(config: Any) -> None:
    """Changes `config` to 20 passes of 25,000 images, an hour or two on CPU."""
    epoch = 195
    config.data.num_train = 25_000
    config.optim.drop_steps = (10 * epoch, 15 * epoch)
    _train(config, total_steps=20 * epoch, batch_size=128, every=5 * epoch)


def change_to_mnist(config: Any) -> None:
    """Changes `config` to that code's MNIST script: 50 passes of six convolutions, 2 features."""
    epoch = 938
    config.data.update(source="idx:mnist", size=28, pad=0, flip=False, normalization="mnist")
    _network(config, name="paired_convolutions", widths=(32, 64, 128), init="torch")
    config.loss.update(alpha=1.0, likelihood="all")
    config.optim.learning_rate = 0.01
    config.eval.eps = 0.1
    _train(config, total_steps=50 * epoch, batch_size=64, every=5 * epoch)


def change_to_demo(config: Any) -> None:
    """Changes `config` to 800 handwritten digits of 8 pixels, 120 passes of two dense layers."""
    config.data.update(source="digits", size=8, pad=0, flip=False, normalization="half")
    config.data.num_train = 800
    _network(config, name="dense", widths=(128, 128), init="msra")
    # L-GM of large alpha or rate ends in NaN without.
    config.optim.update(learning_rate=0.03, clip_norm=1.0)
    config.eval.update(eps=0.15, batch_size=120)
    _train(config, total_steps=1500, batch_size=64, every=500)


def change_to_test(config: Any) -> None:
    """Changes `config` to 2 updates of a tiny network: whether it runs, not what it learns."""
    change_to_demo(config)
    config.data.num_train = 40
    config.model.widths = (8,)
    _train(config, total_steps=2, batch_size=8, every=2)
    config.eval.batch_size = 360
    config.checkpoint.every = config.log.every = 1


def choose(config: Any, arg: Any) -> None:
    """Changes `config` as the settings of the command line say; -1 leaves a number as it is."""
    config.head.update(kind=arg.head, covariance=arg.covariance)
    config.loss.likelihood = arg.likelihood or config.loss.likelihood
    for name in ("alpha", "weight"):
        config.loss[name] = arg[name] if arg[name] >= 0 else config.loss[name]
    if arg.ramp >= 0:
        config.loss.ramp_steps = round(arg.ramp * config.train.total_steps)
    if arg.rate >= 0:
        config.optim.learning_rate = arg.rate
    if arg.dim >= 0 and "features" not in config.model:
        raise InputError(f"setting dim={arg.dim}: features of {config.model.name} are not chosen")
    if arg.dim >= 0:
        config.model.features = arg.dim


def _network(config: Any, **fields: Any) -> None:
    """Changes the network to one with 2 features, trained as in that code's MNIST script."""
    config.model = ConfigDict({"features": 2, "dtype": "float32", "bn_groups": 1, **fields})
    config.optim.update(schedule="staircase", decay_factor=0.7, l2_penalty=1e-3, drop_steps=())


def _train(config: Any, *, total_steps: int, batch_size: int, every: int) -> None:
    config.train.update(total_steps=total_steps, batch_size=batch_size)
    config.optim.decay_every = max(total_steps // 10, 1)
    config.loss.ramp_steps = total_steps // 10
    config.eval.every = config.checkpoint.every = every
