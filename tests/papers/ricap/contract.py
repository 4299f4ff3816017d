"""What tests of all papers have to know of this one."""

from tests.papers.ricap.bad_inputs import BAD_INPUTS as BAD_INPUTS

KILLED = {"ricap": {"config": "configs/ricap.py:test", "more": ()}}

VERBS_WITHOUT_NETWORK = ("compare", "show")
VERBS_OF_RUNS = ()
VERB_ARGUMENTS = {
    "show": lambda folder: [
        *("photos:train", "--num=2", "--size=32", f"--output={folder}/sheet.png")
    ],
}
