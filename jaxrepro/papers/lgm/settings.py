"""The settings of `configs/lgm.py`."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.tasks.classification.settings import shared_sections

VARIANTS = ("paper", "small", "mnist", "demo", "test")


def settings_of(variant: str) -> Any:
    """Returns the config of one of VARIANTS; "paper" and "mnist" are the later code's, GM-Loss."""
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
    if variant == "small":
        epoch = 195
        config.data.num_train = 25_000
        config.optim.drop_steps = (10 * epoch, 15 * epoch)
        _train(config, total_steps=20 * epoch, batch_size=128, every=5 * epoch)
    if variant == "mnist":
        epoch = 938
        config.data.update(source="idx:mnist", size=28, pad=0, flip=False, normalization="mnist")
        _network(config, name="paired_convolutions", widths=(32, 64, 128), init="torch")
        config.loss.update(alpha=1.0, likelihood="all")
        config.optim.learning_rate = 0.01
        config.eval.eps = 0.1
        _train(config, total_steps=50 * epoch, batch_size=64, every=5 * epoch)
    if variant in ("demo", "test"):
        config.data.update(source="digits", size=8, pad=0, flip=False, normalization="half")
        config.data.num_train = 800
        _network(config, name="dense", widths=(128, 128), init="msra")
        # Alpha 1 ends in NaN without.
        config.optim.update(learning_rate=0.03, clip_norm=1.0)
        config.eval.update(eps=0.15, batch_size=120)
        _train(config, total_steps=1500, batch_size=64, every=500)
    if variant == "test":
        config.data.num_train = 40
        config.model.widths = (8,)
        _train(config, total_steps=2, batch_size=8, every=2)
        config.eval.batch_size = 360
        config.checkpoint.every = config.log.every = 1
    return config


def _network(config: Any, **fields: Any) -> None:
    config.model = ConfigDict({"features": 2, "dtype": "float32", "bn_groups": 1, **fields})
    config.optim.update(schedule="staircase", decay_factor=0.7, l2_penalty=1e-3, drop_steps=())


def _train(config: Any, *, total_steps: int, batch_size: int, every: int) -> None:
    config.train.update(total_steps=total_steps, batch_size=batch_size)
    config.optim.decay_every = max(total_steps // 10, 1)
    config.loss.ramp_steps = total_steps // 10
    config.eval.every = config.checkpoint.every = every
