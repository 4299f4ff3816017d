"""What tests of all papers have to know of this one."""

from tests.papers.lgm.bad_inputs import BAD_INPUTS as BAD_INPUTS

VERBS_WITHOUT_NETWORK = ()
VERBS_OF_RUNS = ()
VERBS_THAT_WRITE_NOTHING = ("attack",)


def _scored(folder):
    from tests.data.pose.pose_files import write_picture

    write_picture(folder / "a.jpg")
    return [f"{folder}/a.jpg", "--source=digits", "--num=40", f"--output={folder}/scores.csv"]


VERB_ARGUMENTS = {
    "attack": lambda folder: ["--source=digits", "--num=40", "--eps=0.1,0.2"],
    "features": lambda folder: [
        *("--source=digits", "--num=100", f"--output={folder}/features.png")
    ],
    "outliers": _scored,
}
