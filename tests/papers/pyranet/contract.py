"""What tests of all papers have to know of this one."""

from tests.papers.pyranet.bad_inputs import BAD_INPUTS as BAD_INPUTS

# Moments of batch norm over the whole batch, momentum.
ON_MESHES = {"prm_cifar": {}}
KILLED = {
    "pyranet": {"config": "configs/pyranet.py:test", "more": ()},
    "prm_cifar": {"config": "configs/prm_cifar.py:test", "more": ()},
}
ELASTIC = {"hourglass": ("--config.optim.name=sgd",), "prm_cifar": ()}
SMALLEST = "hourglass"

VERBS_WITHOUT_NETWORK = ("classifier_table", "variance")
VERBS_OF_RUNS = ()


def _predicted(folder):
    from tests.data.pose.pose_files import write_picture

    write_picture(folder / "a.jpg")
    return [f"{folder}/a.jpg", f"--output={folder}/poses"]


def _measured(folder):
    from tests.data.pose import pose_files

    pose_files.write_release(folder / "release.mat")
    for name in ("a.jpg", "c.jpg"):
        pose_files.write_picture(folder / name)
    people = [f"--people=mpii:{folder}/release.mat", "--split=train"]
    return [*people, "--size=64", "--batch_size=2", f"--output={folder}/scores"]


VERBS_THAT_WRITE = {
    "predict": lambda folder: [*_predicted(folder), "--overwrite"],
    "variance": lambda folder: [
        *("--config=configs/pyranet.py:test", "--num_seeds=1", "--init=torch"),
        f"--output={folder}/variance",
    ],
}
VERB_ARGUMENTS = {
    "evaluate": _measured,
    "predict": _predicted,
}


def published_network(folder):
    """A checkpoint of pytorch-pose, narrow."""
    import numpy as np

    from tests.pytorch_hourglass import state_dict

    np.savez(folder / "hg.npz", **state_dict(16, 1, 1, 16))
    return folder / "hg.npz"
