"""What the tests of all papers have to know of this one."""

# Moments of batch norm over the whole batch, momentum.
ON_MESHES = {"prm_cifar": {}}
KILLED = {"config": "configs/pyranet.py:test", "more": ()}
ELASTIC = {"hourglass": ("--config.optim.name=sgd",), "prm_cifar": ()}
SMALLEST = "hourglass"
