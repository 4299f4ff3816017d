"""The configs of the pose paper, small."""

import importlib.util
import pathlib

from jaxrepro.core.config import Settings
from jaxrepro.papers import make_task

CONFIGS = pathlib.Path(__file__).resolve().parents[3] / "configs"


def pose_config(name: str, variant: str = "test", **changes):
    """Returns configs/NAME.py with values by dotted key."""
    spec = importlib.util.spec_from_file_location(name, CONFIGS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config(variant)
    config.update_from_flattened_dict(changes)
    return config


def pose_task(name: str = "hourglass", variant: str = "test", **changes):
    """Returns the Task of `pose_config`."""
    return make_task(Settings(pose_config(name, variant, **changes)))
