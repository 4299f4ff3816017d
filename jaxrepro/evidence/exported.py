"""The claim of every paper whose networks leave for other programs: they compute the same there."""

from collections.abc import Mapping

from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.rules import All, Between

_SIZE = Result("kilobytes", "size", digits=0, unit="kB", better="less")
_TIME = Result("milliseconds", "one call", digits=1, unit="ms", better="less")
_DIFFERENCE = Result("difference", "difference, millionths", digits=2, better="less")
_FORMS = {"here": "here", "stablehlo": "StableHLO", "onnx": "ONNX"}
# Of the largest value of the result, in millionths, as `core.exports.check` asks for.
_ALLOWED = 10.0


def exported(paper: str, networks: Mapping[str, str]) -> Claim:
    """Returns the claim PAPER/exported. networks: a config of each by its name in the table."""
    arms = [
        Arm(
            f"{network}, {title}",
            verb="benchmarks.export_time",
            flags=(f"--config={config}",),
            values={
                _SIZE.name: f"/forms/{form}/kilobytes",
                _TIME.name: f"/forms/{form}/milliseconds/min",
                _DIFFERENCE.name: f"/forms/{form}/difference",
            },
            seeded=False,
            minutes=0.5,
        )
        for network, config in networks.items()
        for form, title in _FORMS.items()
    ]
    rules = [
        Between(arm.label, _DIFFERENCE.name, high=_ALLOWED)
        for arm in arms
        if not arm.label.endswith(_FORMS["here"])
    ]
    return Claim(
        f"{paper}/exported",
        "As StableHLO and as ONNX, run by JAX alone and by ONNX Runtime, the networks compute the "
        "same.",
        "this project",
        tuple(arms),
        (_SIZE, _TIME, _DIFFERENCE),
        All(*rules),
        protocol=(
            "Networks as their configs start them, one picture or a batch of 1, float32. The "
            "difference is the largest, in millionths of the largest value. Times are the least of "
            "20 calls from numpy to numpy on two CPU cores that many other processes used too: "
            "they are upper bounds, and most so for ONNX Runtime, whose threads wait for each "
            "other."
        ),
    )
