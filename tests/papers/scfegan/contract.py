"""What the tests of all papers have to know of this one."""

# Several networks, one of them frozen.
ON_MESHES = {"scfegan": {"optim.epsilon": 1.0}}
KILLED = {"config": "configs/scfegan.py:test", "more": ()}
ELASTIC = {"scfegan": ("--config.optim.epsilon=1.0",)}
SMALLEST = "scfegan"
