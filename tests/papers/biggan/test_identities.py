"""What a run of this paper knows its data by."""

from configs import biggan_digits
from jaxrepro.core.config import Settings
from jaxrepro.core.task import identities_of
from jaxrepro.papers import make_task


def test_files_of_features_are_known_by_their_content(tmp_path):
    known = []
    for name in ("a.npz", "b.npz", "none.npz"):
        if name != "none.npz":
            (tmp_path / name).write_bytes(b"weights")
        config = biggan_digits.get_config("test")
        config.eval.features = str(tmp_path / name)
        known.append(identities_of(make_task(Settings(config))))
    assert known[0]["eval.features"].is_same(known[1]["eval.features"])
    assert "eval.features" not in known[2]  # Its reader says that it is missing.
