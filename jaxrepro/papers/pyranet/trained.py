"""A trained pose network, ready to use: from a run, an export or a published checkpoint."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp

from jaxrepro.core.arrays.array_files import read_arrays
from jaxrepro.core.checkpoints.export import is_export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place
from jaxrepro.core.run.workdir import read_model_card
from jaxrepro.core.state import Variables
from jaxrepro.data.pose.joint_sets import LSP, MPII
from jaxrepro.papers.pyranet.network.networks import NETWORKS
from jaxrepro.papers.pyranet.port import hourglass_from_pytorch
from jaxrepro.tasks.pose.inference.trained_pose import TrainedPose, pose_from_card

NET = "model"
# Of the PyTorch codes whose checkpoints are read: by the number of joints, which joints they are
# and, as there, of which set the mean colour is subtracted.
_PUBLISHED_JOINTS = {16: (MPII, "mpii"), 14: (LSP, "lsp")}
_PUBLISHED_SIZE = 256


def load_trained(
    path: Place, step: int | str | None = None, *, average: bool | None = None
) -> TrainedPose:
    """Returns the network in `path`.

    path: the workdir of a run, finished or going on; an export; or a checkpoint of pytorch-pose or
    of Fast Human Pose Estimation, as `core.arrays.array_files.read_arrays` takes it. Reading runs
    no code. step: of the run; the latest by default. average: of the run, its moving average or the
    network as the last update left it; None takes the average where there is one.

    Raises InputError if there is no pose network of this paper, or no such average.
    """
    if not isinstance(path, pathlib.Path) or (path.is_dir() and not is_export(path)):
        return _from_workdir(path, step, average)
    if step is not None or average is not None:
        choice = "a moving average, or none, is" if step is None else f"step {step} is"
        raise InputError(f"{choice} chosen of {path}, which is not the workdir of a run")
    if not path.exists():
        raise InputError(
            f"no network {path}; give the workdir of a run, an export or a file of weights"
        )
    return _from_export(path) if path.is_dir() else _from_file(path)


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


def _from_export(folder: pathlib.Path) -> TrainedPose:
    export = read_export(folder)
    trained = pose_from_card(export.card, f"export {folder}", NETWORKS)
    if NET not in export.nets:
        raise InputError(f"{folder} has no network {NET!r}")
    return _with_variables(trained, export.nets[NET])


def _from_workdir(workdir: Place, step: int | str | None, average: bool | None) -> TrainedPose:
    # Here, so that exports are read where Orbax is not installed.
    from jaxrepro.core.checkpoints.restore import on_first_device, open_checkpoint

    trained = pose_from_card(read_model_card(workdir), str(workdir), NETWORKS)
    shapes = on_first_device(trained.shapes())
    stats = {name: tree for name, tree in shapes.items() if name != "params"}
    with open_checkpoint(workdir, step) as (checkpoints, step):
        has_average = any(name.startswith(f"ema/{NET}/") for name in checkpoints.saved_shapes(step))
        if average and not has_average:
            raise InputError(f"{workdir} keeps no moving average: its ema.decay was 0")
        averaged = has_average if average is None else average
        if averaged:
            part = checkpoints.restore_part(step, {"ema": {NET: shapes}})
            variables = part["ema"][NET]
        else:
            net = {"params": shapes["params"], "stats": stats}
            part = checkpoints.restore_part(step, {"nets": {NET: net}})["nets"][NET]
            variables = {"params": part["params"], **part["stats"]}
    weights = "moving average" if averaged else "last update"
    at_step = dataclasses.replace(trained, origin=f"step {step} of {workdir}", weights=weights)
    return _with_variables(at_step, variables)


def _with_variables(trained: TrainedPose, variables: Variables) -> TrainedPose:
    if jax.tree.map(jnp.shape, dict(variables)) != jax.tree.map(jnp.shape, trained.shapes()):
        raise InputError(f"{trained.origin}: the arrays are not those of its model card")
    return dataclasses.replace(trained, variables=variables)
