"""What tests of all papers have to know of this one: its commands and its published networks."""

VERBS_WITHOUT_NETWORK = ()
VERBS_OF_RUNS = ()


def _measured(folder):
    from tests.papers.srcnn.tiny_pictures import write_pictures

    return [f"--data={write_pictures(folder / 'set', sizes=((48, 45),))}", "--scale=3"]


def _enlarged(folder):
    from tests.papers.srcnn.tiny_pictures import write_pictures

    write_pictures(folder / "set", sizes=((12, 10),))
    return [f"{folder}/set/p0.png", f"{folder}/large.png", "--tile=16"]


VERB_ARGUMENTS = {
    "colors": _measured,
    "evaluate": _measured,
    "protocols": _measured,
    "upscale": _enlarged,
}


def published_network(folder):
    """A .mat file as in the authors' release."""
    from tests.bad_inputs.materials import Materials

    return Materials(folder).copy("mat", folder / "x3.mat")
