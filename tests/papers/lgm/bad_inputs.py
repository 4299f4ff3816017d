"""Inputs of this paper with one thing wrong, for `python -m tests.bad_inputs`."""

from tests.bad_inputs.paper import PaperInputs

_FLAGS = (
    ("outliers", (), "model"),
    ("outliers", ("photo.png", "--model=none"), "none"),
    ("outliers", ("--quantile=2",), "quantile"),
    ("attack", (), "model"),
    ("attack", ("--eps=one", "--model=none"), "one"),
    ("features", (), "model"),
    ("features", ("--model=none", "--output=a.png"), "none"),
)
_OVERRIDES = (
    ("lgm", "head.kind=arcface", "arcface"),
    ("lgm", "head.covariance=full", "full"),
    ("lgm", "loss.alpha=-1", "alpha"),
    ("lgm", "loss.likelihood=none", "likelihood"),
    ("lgm", "data.source=idx:absent", "absent"),
)
_VARIANTS = (
    ("lgm.py:huge", "huge"),
    ("lgm.py:test,head=arcface", "arcface"),
    ("lgm.py:small,dim=2", "dim"),
)
_CARDS = (("size", "large"), ("class_names", 3), ("normalization", [1]), ("network", "resnet"))
BAD_INPUTS = PaperInputs(
    config="lgm",
    use=(
        "outliers",
        lambda path: ["photo.png", f"--model={path}", "--source=digits", "--num=40"],
    ),
    flags=_FLAGS,
    overrides=_OVERRIDES,
    variants=_VARIANTS,
    cards=_CARDS,
)
