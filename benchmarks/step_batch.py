"""The batch with which a training step is timed."""

from collections.abc import Mapping
from typing import Any

DESCRIBED = "described:"


def step_batch(task: Any, source: Any) -> tuple[dict[str, Any], str]:
    """Returns one batch of `task` as numpy arrays, and a line that says where it comes from.

    It is the first of the task's own training data, so that masks, joints and labels are those of
    real examples. A source `described:N` has no images, only N classes: then every array is drawn
    from its specification, see `drawn_batch`.
    """
    if isinstance(source, str) and source.startswith(DESCRIBED):
        num_classes = int(source.removeprefix(DESCRIBED))
        return drawn_batch(task.batch_spec, num_classes), (
            f"drawn: uint8 uniform in [0, 255], int32 uniform in [0, {num_classes - 1}], floats "
            "uniform in [-1, 1), booleans true in half of the cases"
        )
    batches = task.train_data(0, 0, 1)
    try:
        return dict(next(batches)), "the first batch of the training data"
    finally:
        if hasattr(batches, "close"):
            batches.close()


def drawn_batch(specs: Mapping[str, Any], num_classes: int) -> dict[str, Any]:
    """Returns a batch of random numbers in the ranges that `step_batch` names, the same each time.

    specs: shapes and types by name; num_classes: above the greatest int32.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = {}
    for name, spec in specs.items():
        kind = np.dtype(spec.dtype)
        if kind == np.uint8:
            drawn[name] = rng.integers(0, 256, spec.shape, np.uint8)
        elif kind == np.bool_:
            drawn[name] = rng.random(spec.shape) < 0.5
        elif kind == np.int32:
            drawn[name] = rng.integers(0, num_classes, spec.shape, np.int32)
        elif kind == np.float32:
            drawn[name] = rng.uniform(-1, 1, spec.shape).astype(np.float32)
        else:
            raise TypeError(f"nothing says how to draw {name} of type {kind}")
    return drawn
