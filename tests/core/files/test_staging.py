import tempfile

import pytest

from jaxrepro.core.files.staging import StagingFolder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_removed_and_a_live_one_keeps_its_own(temporary):
    live, killed = StagingFolder(), StagingFolder()
    for folder in (live, killed):
        (folder.path / "part").write_bytes(b"half")
    killed._lock.close()  # As the end of its process does.
    new = StagingFolder()
    assert not killed.path.exists()
    assert (live.path / "part").read_bytes() == b"half"
    (base,) = temporary.iterdir()
    assert base.stat().st_mode & 0o777 == 0o700
    for folder in (live, new):
        folder.close()
    assert not list(base.iterdir())
