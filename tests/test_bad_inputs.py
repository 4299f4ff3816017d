"""Some cases of `python -m tests.bad_inputs`, which runs all and draws others by its --seed."""

from tests.bad_inputs.case import all_cases, sample
from tests.bad_inputs.outcome import FAILED, REFUSED
from tests.bad_inputs.running import run_cases

_COUNT = 330


def test_bad_inputs_are_refused_in_one_line_and_leave_the_files_alone(tmp_path):
    cases = all_cases()
    numbers = sample(cases, _COUNT)
    outcomes = run_cases(cases, numbers, 0, tmp_path)
    assert [(x.kind, x.name, x.complaint) for x in outcomes if x.result == FAILED] == []
    assert [(x.kind, x.name) for x in outcomes] == [
        (cases[number].kind, cases[number].name) for number in numbers
    ]
    assert len(cases) >= 1000
    assert {case.kind for case in cases if not case.slow} == {outcome.kind for outcome in outcomes}
    assert sum(x.result == REFUSED for x in outcomes) > 0.8 * _COUNT
