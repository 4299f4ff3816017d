"""What tests of all papers have to know of this one."""

from tests.papers.scfegan.bad_inputs import BAD_INPUTS as BAD_INPUTS

# Several networks, one of them frozen.
ON_MESHES = {"scfegan": {"optim.epsilon": 1.0}}
KILLED = {"scfegan": {"config": "configs/scfegan.py:test", "more": ()}}
ELASTIC = {"scfegan": ("--config.optim.epsilon=1.0",)}
SMALLEST = "scfegan"

VERBS_WITHOUT_NETWORK = ("calibrate", "prepare")
VERBS_OF_RUNS = ()


def _edited(folder):
    from jaxrepro.core.files.whole_files import write_png
    from tests.papers.scfegan.drawn_faces import face

    picture, *_ = face(64)
    write_png(folder / "face.png", picture)
    mask = 0 * picture[..., :1]
    mask[20:40, 20:40] = 255
    write_png(folder / "mask.png", mask)
    return [
        *(f"--image={folder}/face.png", f"--mask={folder}/mask.png", f"--output={folder}/out.png")
    ]


VERBS_THAT_WRITE_NOTHING = ("evaluate", "studio.__main__")
VERB_ARGUMENTS = {
    "convert": lambda folder: [f"--output={folder}/export"],
    "edit": _edited,
    "evaluate": lambda folder: ["--source=photo_crops", "--num=2", "--nobiharmonic"],
    "studio.__main__": lambda folder: ["--port=0"],
}


def published_network(folder):
    """The authors' TensorFlow files, of a narrower network."""
    from tests.core.arrays.tensorflow_files import write_bundle
    from tests.papers.scfegan.published_generator import published_arrays

    write_bundle(folder / "SC-FEGAN.ckpt", published_arrays(1))
    return folder / "SC-FEGAN.ckpt"


class _ClosedServer:
    def __init__(self, app):
        self.app = app

    def run(self, sockets):
        assert len(sockets) == 1


def without_long_work(monkeypatch):
    """Nobody visits the studio, and what was published for 512 pixels is for fewer."""
    import uvicorn

    from jaxrepro.papers.scfegan import trained

    monkeypatch.setattr(trained, "_PUBLISHED_RESOLUTION", 128)
    monkeypatch.setattr(uvicorn, "Config", lambda app, **settings: app)
    monkeypatch.setattr(uvicorn, "Server", _ClosedServer)
