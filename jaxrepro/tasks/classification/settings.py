"""The sections of a config that classifies images."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import run_sections


def shared_sections(task: str, *, total_steps: int, every: int, batch_size: int = 128) -> Any:
    """Returns the config of a paper's Task for CIFAR-10, but for the network's name and sizes.

    task: the paper. every: updates between measurements, and between checkpoints. Trained by SGD
    at a constant rate; what is here is what `task.Classification.from_settings` reads.
    """
    config = ConfigDict()
    config.task = task
    config.seed = 0
    # Seeds seed, seed + 1, ... that are trained at once.
    config.num_seeds = 1
    config.data = ConfigDict(
        {
            "source": "tfds:cifar10",  # Or "folder:DIR", with DIR/train and DIR/test.
            "split": "train",
            "validation": "",  # Another set to measure on; "" for the source.
            "validation_split": "test",  # "rest": the training images that num_train leaves.
            "size": 32,
            # Each training image is moved by up to `pad` pixels and mirrored half the time.
            "pad": 4,
            "border": "reflect",
            "flip": True,
            "normalization": "cifar10",
        }
    )
    config.model = ConfigDict(
        {
            "init": "msra",
            "dtype": "float32",
            # Runs of consecutive images with batch statistics of their own; 1: the whole batch's.
            "bn_groups": 1,
        }
    )
    # The penalty is on all parameters, those of the norms too, as in the published codes.
    config.optim = ConfigDict(
        {
            "learning_rate": 0.1,
            "momentum": 0.9,
            "l2_penalty": 5e-4,
            "schedule": "constant",
            "warmup_steps": 0,
            "decay_factor": 1.0,
            "drop_steps": (),
        }
    )
    config.train = ConfigDict({"total_steps": total_steps, "batch_size": batch_size})
    config.eval = ConfigDict({"every": every, "batch_size": 200})
    config.update(run_sections(checkpoint_every=every, keep=2))
    return config
