"""What is the best of several results; that its checkpoint is kept is tested with the loop."""

import math

import pytest

from jaxrepro.core.checkpoints.best import BestRule


@pytest.mark.parametrize(("mode", "step"), [("max", 3), ("min", 2)])
def test_the_first_of_the_best_finite_results_wins(mode, step):
    values = {1: math.nan, 2: 1.0, 3: 2.0, 4: 1.0, 5: 2.0, 6: math.nan, 7: math.inf, 8: -math.inf}
    records = [{"step": n, "a/b@9": value, "a/c": 9 - value} for n, value in values.items()]
    records.insert(2, {"step": 2, "loss": 7.0})
    found = BestRule("a/b", mode).best(records)
    assert found is not None
    assert (found.step, found.name, found.value) == (step, "a/b@9", values[step])
    assert BestRule("a/b", mode).best(records[:1]) is None
