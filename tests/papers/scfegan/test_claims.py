"""That the claims' runs differ in what the claim is about."""

import pathlib

from jaxrepro.papers.scfegan.claims import CLAIMS
from tests.test_task_contract import load

ROOT = pathlib.Path(__file__).resolve().parents[3]


def leaves(config, prefix=""):
    for key, value in config.items():
        if hasattr(value, "items"):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_ablations_differ_in_one_setting():
    changed = {}
    for claim in CLAIMS:
        # Arms of one run, such as the demo's, compare what it measures, not settings.
        runs = [run.partition(":") for run in dict.fromkeys(a.run for a in claim.arms if a.run)]
        if len(runs) > 1:
            first, second = (dict(leaves(load(ROOT / path, arg))) for path, _, arg in runs)
            changed[claim.name] = {key for key in first if first[key] != second[key]}
    assert changed == {
        "scfegan/one_network_against_two": {"model.architecture"},
        "scfegan/style_loss": {"loss.style"},
        "scfegan/user_input_to_discriminator": {"model.discriminator_user_input"},
        "scfegan/gate_of_its_own": {"model.deconvolution_gate"},
    }
