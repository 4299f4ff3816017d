"""The sections of a config that finds people's joints."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import run_sections


def pose_sections(task: str, *, total_steps: int) -> Any:
    """Returns the config of a paper's Task for people of the user's, but for its section `model`.

    task: the paper. Trained as in the hourglass's Torch code; what is here and in
    `hourglass_sizes` is what `task.PoseEstimation.from_settings` reads.
    """
    config = ConfigDict()
    config.task = task
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
            # Joints that a mirror swaps, ("left_toe:right_toe", ...); () for those that their names
            # tell, ("none",) for none.
            "flip_pairs": (),
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
    config.train = ConfigDict({"batch_size": 6, "total_steps": total_steps})
    # decode: a key of DECODE_STYLES; hrnet goes with heat_maps=hrnet, the others with each other.
    # flip: average with the mirrored picture; shift: that one's maps by a cell first, as in HRNet.
    # truncate: to whole pixels, as the Torch code does. windows, num_draws: of fractional pooling,
    # see `pooling_windows.predict_scores`.
    # baselines: measure the mean pose and the nearest neighbour too, at the end.
    # worst_people: how many of the worst found are drawn at each evaluation, beside 4 typical ones,
    # the 4 found best and the errors of each joint; 0 for no pictures.
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


def hourglass_sizes(stacks: int) -> dict[str, Any]:
    """Returns the section `model` of the published sizes, but for the name and the start."""
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
