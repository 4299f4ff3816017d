import os
import pathlib
import pwd

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.files import cache
from jaxrepro.core.run.workdir import claimed


@pytest.fixture(autouse=True)
def own_process(monkeypatch, tmp_path):
    """As in a process of its own: no temporary folder yet, and none left at the end."""
    monkeypatch.setattr(cache, "_staging", None)
    monkeypatch.setattr(cache.atexit, "register", lambda function: None)
    monkeypatch.setattr(cache, "StagingFolder", lambda: Staging(tmp_path / "temporary"))


class Staging:
    def __init__(self, path):
        path.mkdir()
        self.path = path

    def close(self):
        pass


def without_home(monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


def with_home(folder):
    return lambda monkeypatch: monkeypatch.setenv("HOME", folder)


def with_cache(folder):
    return lambda monkeypatch: monkeypatch.setenv("JAXREPRO_CACHE", folder)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (without_home, "~: this user has no home folder"),
        (with_home("/nonexistent"), "/nonexistent: there is no such folder"),
        # No user may make a folder there, root neither.
        (with_home("/proc"), "/proc/.cache: No such file or directory"),
        (with_cache("/proc/cache"), "/proc/cache: No such file or directory"),
        (with_cache("/dev/null/cache"), "/dev/null/cache/programs: Not a directory"),
    ],
)
def test_without_a_usable_folder_there_is_one_notice_and_a_temporary_one(
    place, reason, monkeypatch, tmp_path, capsys
):
    monkeypatch.delenv("JAXREPRO_CACHE", raising=False)
    place(monkeypatch)
    assert cache.cache_folder("programs") == tmp_path / "temporary" / "programs"
    assert cache.kept("references", "a.npz") == tmp_path / "temporary" / "references" / "a.npz"
    notice = capsys.readouterr().err
    assert notice.count("\n") == 1
    assert f"({reason})" in notice and "JAXREPRO_CACHE" in notice


def test_a_folder_that_is_not_ours_to_write_to_is_read(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("JAXREPRO_CACHE", str(tmp_path / "cache"))
    folder = cache.cache_folder("references")
    assert folder == tmp_path / "cache" / "references" and folder.is_dir()
    (folder / "a.npz").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: pathlib.Path(path).parent == tmp_path)
    assert cache.kept("references", "a.npz") == folder / "a.npz"
    assert capsys.readouterr().err == ""
    assert cache.kept("references", "b.npz") == tmp_path / "temporary" / "references" / "b.npz"
    assert f"({folder}: Permission denied)" in capsys.readouterr().err


def test_without_any_place_the_error_says_what_to_set(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "StagingFolder", full)
    monkeypatch.setenv("JAXREPRO_CACHE", "/proc/cache")
    with pytest.raises(InputError, match=r"nor a temporary one \(No space left.*JAXREPRO_CACHE"):
        cache.cache_folder("programs")


def test_errors_in_the_cache_name_it(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "classifier"
    claim = claimed(folder, {}, chosen_by="JAXREPRO_CACHE")
    with pytest.raises(InputError) as caught, cache.named_as_cache(folder), claim:
        pass
    assert "choose another with JAXREPRO_CACHE" in str(caught.value)
    assert f"{folder} is in the cache" in str(caught.value)
    assert "--workdir" not in str(caught.value)
