"""The settings that the configs of this paper share."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.tasks.pose.settings import hourglass_sizes, pose_sections, train_for, use_adam

VARIANTS = ("paper", "demo", "test")

# People of MPII that its usual split gives to training.
MPII_TRAIN = 22_246


def published_hourglass(stacks: int = 8) -> Any:
    """Returns the settings of the hourglass's Torch code, for people of the user's."""
    config = pose_sections("pyranet", total_steps=100 * 8000)
    config.model = ConfigDict({"name": "hourglass", **hourglass_sizes(stacks), "init": "torch"})
    return config


def published_pyranet(stacks: int = 8, block: str = "B") -> Any:
    """Returns the settings of PyraNet's code for 8 stacks, for people of the user's.

    block: "A" to "D", or "res" for plain residuals.
    """
    updates = MPII_TRAIN // 16
    config = pose_sections("pyranet", total_steps=200 * updates)
    config.data.update(augmentation="pyranet", mean="mpii")
    config.model = ConfigDict(
        {
            "name": "pyranet",
            **hourglass_sizes(stacks),
            "init": "branch_paper",
            "block": block,
            "base_width": 9,
            "cardinality": 4,
            "pooling": "fractional",
            "normalize_levels": False,
            "fix_variance": True,
        }
    )
    config.train.batch_size = 16
    config.optim.update(
        learning_rate=6.7e-4,
        schedule="drops",
        decay_factor=0.1,
        drop_steps=(150 * updates, 170 * updates),
    )
    return config


def reduce_to_demo(config: Any) -> None:
    """Changes `config` to a network that learns drawn figures in minutes on 2 CPU cores.

    Figures stand upright and there are many: in so few updates augmentation only slows them down.
    All start as in Torch: PyraNet's 1,000 updates gave a PCKh of 51.5 so, of 13.9 from the larger
    weights of "branch_paper", and of 42.9 from those with score_init="torch" (one seed each): most
    of the difference is made by the layers of the maps, which no norm follows.
    """
    config.data.update(size=64, augmentation="none")
    config.model.update(num_stacks=1, features=32, depth=3, init="torch")
    if "base_width" in config.model:
        config.model.base_width = 4
    config.train.batch_size = 16
    use_adam(config, 2e-3)
    config.optim.schedule = "cosine"
    train_for(config, 1000)
    config.eval.update(every=500, batch_size=32)
    config.checkpoint.every = 500


def reduce_to_test(config: Any) -> None:
    """Changes `config` to 2 updates of a tiny network: whether it runs, not what it learns."""
    config.data.size = 32
    config.model.update(num_stacks=1, features=8, depth=1)
    if "base_width" in config.model:
        config.model.update(base_width=2, cardinality=2)
    if config.optim.schedule == "drops":
        config.optim.drop_steps = (1,)
    config.train.batch_size = 8
    train_for(config, 2)
    config.eval.update(every=2, batch_size=64, worst_people=4)
    config.checkpoint.every = 1
    config.log.every = 1
