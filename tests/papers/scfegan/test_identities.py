"""What a run of this paper knows its data by."""

import dataclasses
import shutil

from configs import scfegan
from jaxrepro.core.config import Settings
from jaxrepro.papers import make_task
from jaxrepro.papers.scfegan.faces.face_sets import open_faces
from tests.bad_inputs.materials import Materials


def test_prepared_faces_are_the_same_wherever_they_lie(tmp_path):
    here, there = Materials(tmp_path / "materials").path("faces"), tmp_path / "faces"
    shutil.copytree(here, there)
    one, other = (
        open_faces(f"faces:{place}", split="train", size=64).identity() for place in (here, there)
    )
    assert one.is_same(other)
    assert not open_faces(f"faces:{there}", split="held_out", size=64).identity().is_same(one)


def test_published_features_are_known_by_their_content():
    task = make_task(Settings(scfegan.get_config("test")))
    assert "features.weights" not in task.identities()
    # The name of published features ends in a digest of their arrays.
    features = dataclasses.replace(task.update.features, trained=True, name="vgg16-slim-0a1b")
    task = dataclasses.replace(task, update=dataclasses.replace(task.update, features=features))
    assert task.identities()["features.weights"].fingerprint == "vgg16-slim-0a1b"
