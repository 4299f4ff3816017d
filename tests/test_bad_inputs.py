"""Every fourth bad input of `python -m tests.bad_inputs`, which runs them all."""

from tests.bad_inputs.case import all_cases
from tests.bad_inputs.outcome import FAILED, REFUSED
from tests.bad_inputs.running import run_cases


def test_bad_inputs_are_refused_in_one_line_and_leave_the_files_alone(tmp_path):
    cases = all_cases()
    assert len(cases) > 500
    outcomes = run_cases(cases, range(0, len(cases), 4), 0, tmp_path)
    assert [(x.kind, x.name, x.complaint) for x in outcomes if x.result == FAILED] == []
    assert sum(x.result == REFUSED for x in outcomes) > 100
    assert {x.kind for x in outcomes} == {case.kind for case in cases}
