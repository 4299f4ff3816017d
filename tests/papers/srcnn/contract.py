"""What tests of all papers have to know of this one."""

from tests.papers.srcnn.bad_inputs import BAD_INPUTS as BAD_INPUTS

# Several seeds in one state.
ON_MESHES = {"srcnn": {"num_seeds": 2, "train.batch_size": 32}}
KILLED = {
    "srcnn": {
        "config": "configs/srcnn.py:test",
        "more": (
            "--config.eval.pictures_every=12",
            # The worst one for the best, as an early checkpoint that must outlive the later ones.
            "--config.checkpoint.best_metric=photos_test/psnr",
            "--config.checkpoint.best_mode=min",
        ),
    },
    "srcnn of two seeds": {"config": "configs/srcnn.py:test", "more": ("--config.num_seeds=2",)},
}
ELASTIC = {"srcnn": ()}
SMALLEST = "srcnn"

VERBS_WITHOUT_NETWORK = ()
VERBS_OF_RUNS = ()


def _measured(folder):
    from tests.papers.srcnn.tiny_pictures import write_pictures

    return [f"--data={write_pictures(folder / 'set', sizes=((48, 45),))}", "--scale=3"]


def _enlarged(folder):
    from tests.papers.srcnn.tiny_pictures import write_pictures

    write_pictures(folder / "set", sizes=((12, 10),))
    return [f"{folder}/set/p0.png", f"{folder}/large.png", "--tile=16"]


VERBS_THAT_WRITE = {
    name: lambda folder: [*_measured(folder), f"--output={folder}/table.json"]
    for name in ("colors", "evaluate", "protocols")
} | {"upscale": lambda folder: [*_enlarged(folder), "--overwrite"]}
VERB_ARGUMENTS = {
    "colors": _measured,
    "evaluate": _measured,
    "protocols": _measured,
    "upscale": _enlarged,
}


# A .mat file does not say its scale.
PUBLISHED_CHOICES = {"scale": 3}


def published_network(folder):
    """A .mat file as in the authors' release."""
    BAD_INPUTS.materials["x3.mat"](folder / "x3.mat")
    return folder / "x3.mat"
