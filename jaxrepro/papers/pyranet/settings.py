"""The settings that the configs of this paper share."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import run_sections

VARIANTS = ("paper", "demo", "test")

# People of MPII that its usual split gives to training.
MPII_TRAIN = 22_246


def published_hourglass(stacks: int = 8) -> Any:
    """Returns the settings of the hourglass's Torch code, for people of the user's."""
    config = _shared()
    config.model = ConfigDict({"name": "hourglass", **_sizes(stacks), "init": "torch"})
    train_for(config, 100 * 8000)
    return config


def published_pyranet(stacks: int = 8, block: str = "B") -> Any:
    """Returns the settings of PyraNet's code for 8 stacks, for people of the user's.

    block: "A" to "D", or "res" for plain residuals.
    """
    config = _shared()
    config.data.update(augmentation="pyranet", mean="mpii")
    config.model = ConfigDict(
        {
            "name": "pyranet",
            **_sizes(stacks),
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
    updates = MPII_TRAIN // 16
    config.optim.update(
        learning_rate=6.7e-4,
        schedule="drops",
        decay_factor=0.1,
        drop_steps=(150 * updates, 170 * updates),
    )
    train_for(config, 200 * updates)
    return config


def _shared() -> Any:
    config = ConfigDict()
    config.task = "pyranet"
    config.seed = 0
    # Seeds seed, seed + 1, ... that are trained at once.
    config.num_seeds = 1
    config.data = ConfigDict(
        {
            # "mpii:train.h5", "lsp:DIR", "lspet:DIR", "coco:FILE"; figures are drawings.
            "source": "figures",
            "split": "train",
            "images": "",  # The folder of the pictures; "" for the one beside the annotations.
            "validation": "",  # Another set to measure on; "" for the source.
            "validation_split": "test",
            "validation_images": "",
            "validation_list": "",  # For the .mat of MPII: who is not for training.
            "size": 256,  # Side of a crop in pixels; maps are a quarter of it.
            "padding": "by_set",  # mpii, lsp, joint_box; by_set: what belongs to the source.
            "augmentation": "hourglass",
            "mean": "none",  # Of the colours, which is subtracted: mpii, lsp or none.
        }
    )
    # heat_maps: a key of HEAT_MAP_STYLES; weights: of MAP_WEIGHTS, which maps count how much.
    config.loss = ConfigDict({"heat_maps": "torch", "weights": "torch"})
    config.optim = ConfigDict(
        {
            "name": "rmsprop",
            "learning_rate": 2.5e-4,
            "b1": 0.9,
            "b2": 0.99,
            "epsilon": 1e-8,
            "schedule": "constant",
            "warmup_steps": 0,
            "decay_factor": 1.0,
            "decay_every": 0,
            "drop_steps": (),
            "clip_norm": 0.0,
        }
    )
    # decay: of the moving average that is measured and exported, 0 for none.
    config.ema = ConfigDict({"decay": 0.0, "start": 0})
    config.train = ConfigDict({"batch_size": 6})
    # decode: a key of DECODE_STYLES; hrnet goes with heat_maps=hrnet, the others with each other.
    # flip: average with the mirrored picture; shift: that one's maps by a cell first, as in HRNet.
    # truncate: to whole pixels, as the Torch code does. windows, num_draws: of fractional pooling,
    # see `pooling_windows.predict_scores`.
    # baselines: measure the mean pose and the nearest neighbour too, at the end.
    # worst_people: how many of the worst found are drawn at each evaluation, beside the errors of
    # each joint; 0 for no pictures.
    config.eval = ConfigDict(
        {
            "every": 8000,
            "batch_size": 8,
            "flip": True,
            "shift": False,
            "decode": "torch",
            "truncate": False,
            "windows": "seeded",
            "num_draws": 1,
            "baselines": True,
            "worst_people": 12,
        }
    )
    config.update(run_sections(checkpoint_every=2000))
    return config


def _sizes(stacks: int) -> dict[str, Any]:
    return {
        "num_stacks": stacks,
        "features": 256,
        "num_blocks": 1,
        "depth": 4,
        "dtype": "float32",
        "score_init": "same",  # Of the layers that make the maps; same: as all others.
        # Runs of consecutive people with batch statistics of their own; 1: the whole batch's.
        "bn_groups": 1,
    }


def train_for(config: Any, total_steps: int) -> None:
    """Changes `config` to so many updates."""
    config.train.total_steps = total_steps


def use_adam(config: Any, learning_rate: float) -> None:
    """Changes `config` to Adam at a constant rate."""
    config.optim.update(
        name="adam",
        learning_rate=learning_rate,
        b2=0.999,
        schedule="constant",
        decay_factor=1.0,
        drop_steps=(),
    )


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
