"""All cases of `python -m tests.bad_inputs`, which prints them and draws others by its --seed."""

from tests.bad_inputs.case import all_cases
from tests.bad_inputs.outcome import FAILED, REFUSED
from tests.bad_inputs.running import run_cases


def test_bad_inputs_are_refused_in_one_line_and_leave_the_files_alone(tmp_path):
    cases = all_cases()
    outcomes = run_cases(cases, range(len(cases)), 0, tmp_path)
    assert [(x.kind, x.name, x.complaint) for x in outcomes if x.result == FAILED] == []
    assert [(x.kind, x.name) for x in outcomes] == [(case.kind, case.name) for case in cases]
    assert sum(x.result == REFUSED for x in outcomes) > 500
