"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

from tests.bad_inputs.paper import PaperInputs

_FLAGS = (
    ("compare", (), "workdirs"),
    ("compare", ("--workdirs=none",), "none"),
    ("compare", ("--workdirs=none,neither",), "none"),
    ("show", (), "pictures"),
    ("show", ("--output=a.png",), "pictures"),
    ("show", ("absent", "--output=a.png"), "absent"),
    ("show", ("--output=a.png", "--scope=all"), "scope"),
)
_OVERRIDES = (
    ("ricap", "augment.name=none_such", "none_such"),
    ("ricap", "augment.beta=-1", "beta"),
    ("ricap", "augment.beta=nan", "beta"),
    ("ricap", "train.batch_size=0", "batch_size"),
    ("ricap", "data.source=folder:cifar", "cifar"),
)
_VARIANTS = (
    ("ricap.py:huge", "huge"),
    ("ricap.py:test,net=alexnet", "alexnet"),
)
BAD_INPUTS = PaperInputs(config="ricap", flags=_FLAGS, overrides=_OVERRIDES, variants=_VARIANTS)
