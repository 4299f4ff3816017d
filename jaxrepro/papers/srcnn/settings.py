"""The settings that the configs of this paper share."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import run_sections
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.pairs.color_strategy import STRATEGIES

VARIANTS = ("paper", "demo", "test")

# Numbers of filters of the paper's networks by the sides of their kernels; other networks of
# three layers have 64 and 32 as well.
_WIDTHS = {
    **{(9, between, 1, 5): (64, 32, 16) for between in (1, 3, 5)},
    (9, 1, 1, 1, 5): (64, 32, 32, 16),
    **{(9, 3, 3, last): (64, 32, 32) for last in (3, 5)},
}


def published(arch: str = "9-1-5", scale: int = 3, color: str = "y", widths: str = "") -> Any:
    """Returns the settings of the authors' release, for pictures of the user's.

    arch: sides of the kernels, such as "9-1-5"; scale: 2, 3 or 4; color: a key of
    `color_strategy.STRATEGIES`; widths: numbers of filters, such as "64-32", "" for the paper's.
    SGD on the summed loss: 1e-4 for weights, a tenth of it for the last layer and for every bias.

    Raises InputError for an arch or widths of another form, or that do not go together.
    """
    kernels, numbers = kernels_and_widths(arch, widths)
    config = ConfigDict()
    config.task = "srcnn"
    config.seed = 0
    # Seeds seed, seed + 1, ... that are trained at once.
    config.num_seeds = 1
    config.data = ConfigDict(
        {
            # "folder:T91" for the 91 images of the paper.
            "source": "photos:train",
            # Sets to measure on, such as ("folder:Set5", "folder:Set14").
            "validation": ("photos:test",),
            "degradation": "matlab-bicubic",
            "scale": scale,
            "color": color,
            "patch": 33,  # Side of a training patch in pixels of the network's input.
            "stride": 14,
            "rescale": (),  # Factors below 1: pictures to train on in these sizes too.
            "augment": "none",  # Of patches at every visit: "rotations" or "symmetries".
        }
    )
    config.model = ConfigDict(
        {
            "name": "srcnn",
            "kernels": kernels,
            "widths": numbers,
            "init": "paper",
        }
    )
    # weights: of what training begins with: a run, an export or a .mat file; "" for random ones.
    # mix: how those of luma become those of R, G, B: luma, mean or block, see `start.py`.
    config.start = ConfigDict({"weights": "", "mix": "luma"})
    # first_steps: updates with only the first planes in the loss, for y-first and cbcr-first.
    config.loss = ConfigDict({"reduction": "sum", "first_steps": 0})
    config.optim = ConfigDict(
        {
            "name": "sgd",
            "learning_rate": 1e-4,
            "b1": 0.9,
            "schedule": "constant",
            "warmup_steps": 0,
            "multipliers": ("bias$=0.1", "reconstruction/kernel=0.1"),
        }
    )
    config.train = ConfigDict({"batch_size": 128})
    train_for(config, 15_000_000)
    # pictures_every: of the first layer's filters, and of squares before and after.
    config.eval = ConfigDict(
        {"every": 500, "pictures_every": 1_000_000, "batch_size": 8, "tile": 128}
    )
    config.update(run_sections(checkpoint_every=1000))
    return config


def kernels_and_widths(arch: str, widths: str = "") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns "9-1-5" and "64-32" as ((9, 1, 5), (64, 32)); widths "" are those of the paper.

    Raises InputError for other forms, for a number of widths that is not one less than that of
    the kernels, and for "" where the paper has no such network.
    """
    kernels = _numbers("arch", arch, "the sides of the kernels, such as 9-1-5")
    if widths:
        numbers = _numbers("widths", widths, "the numbers of filters, such as 64-32")
    elif len(kernels) == 3 or kernels in _WIDTHS:
        numbers = _WIDTHS.get(kernels, (64, 32))
    else:
        raise InputError(
            f"the paper has no arch={arch}; say its numbers of filters too, such as "
            f"arch={arch},widths={'-'.join(['64', *['32'] * (len(kernels) - 2)])}"
        )
    if len(numbers) != len(kernels) - 1:
        raise InputError(
            f"widths={widths} are {len(numbers)}, but arch={arch} needs {len(kernels) - 1}: one "
            "for every kernel but the last"
        )
    return kernels, numbers


def _numbers(name: str, text: str, wanted: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split("-"))
    except ValueError as error:
        raise InputError(f"{name}={text!r} given; write {wanted}") from error


def train_for(config: Any, total_steps: int) -> None:
    """Changes `config` to so many updates.

    Where a strategy of colour has first planes, they alone count in half of them; the paper does
    not say in how many.
    """
    config.train.total_steps = total_steps
    if config.data.color in STRATEGIES and STRATEGIES[config.data.color].first:
        config.loss.first_steps = total_steps // 2


def use_adam(config: Any) -> None:
    """Changes `config` to Adam on the mean loss with He initialisation, which learns in minutes.

    A tenth of the rate for the last layer, as in the paper; the rate falls as a cosine. For the
    same number of patches 16 an update gave more than 32 or 128.
    """
    config.model.init = "he"
    config.loss.reduction = "mean"
    config.optim.update(name="adam", learning_rate=2e-3, schedule="cosine")
    config.train.batch_size = 16
    config.eval.every = config.checkpoint.every = 2000
    config.log.every = 500
    config.optim.multipliers = ("reconstruction=0.1",)
    config.eval.pictures_every = 1000


def reduce_to_test(config: Any) -> None:
    """Changes `config` to 2 updates of a tiny network: whether it runs, not what it learns."""
    if "widths" in config.model:
        config.model.widths = tuple(4 for _ in config.model.widths)
    config.data.update(source="photos:test", validation=("photos:test",), stride=200)
    config.train.batch_size = 8
    train_for(config, 2)
    config.eval.update(every=2, pictures_every=2, tile=256)
    config.checkpoint.every = 1
    config.log.every = 1
