"""Published checkpoints of hourglasses: of pytorch-pose and of Fast Human Pose Estimation."""

import pathlib

from jaxrepro.core.arrays.array_files import ENDINGS, read_arrays
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.trained import Published
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.nn.blocks.hourglass_weights import hourglass_from_pytorch
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose

# By the number of joints, which joints they are and, as there, of which set the mean colour is
# subtracted.
_PUBLISHED_JOINTS = {16: (MPII, "mpii"), 14: (LSP, "lsp")}
_PUBLISHED_SIZE = 256


def _is_file_of_arrays(path: pathlib.Path) -> bool:
    return path.suffix in ENDINGS and path.is_file()


def _from_file(path: pathlib.Path) -> TrainedPose:
    arrays = read_arrays(path)
    try:
        module, variables = hourglass_from_pytorch(arrays)
    except InputError as error:
        raise InputError(f"{path} is no stacked hourglass: {error}") from error
    if module.num_joints not in _PUBLISHED_JOINTS:
        raise InputError(
            f"{path} has maps for {module.num_joints} joints; known are 16, MPII's, and 14, LSP's"
        )
    joint_set, mean = _PUBLISHED_JOINTS[module.num_joints]
    return TrainedPose(
        module,
        variables,
        joint_set,
        _PUBLISHED_SIZE,
        mean,
        None,
        "pytorch_pose",
        str(path),
        targets_known=False,
    )


# As `core.arrays.array_files.read_arrays` takes them: reading runs no code.
PYTORCH_HOURGLASS = Published("a checkpoint of pytorch-pose", _is_file_of_arrays, _from_file)
