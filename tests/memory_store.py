"""An object store in memory, for what is said to s3://."""

import sys
import tempfile
import types
import zlib
from importlib.machinery import ModuleSpec

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem


class Store(MemoryFileSystem):
    """An object store in memory, which fsspec and epath take for s3://."""

    protocol = "s3"
    store = {}  # noqa: RUF012 - as in the base class
    pseudo_dirs = [""]  # noqa: RUF012
    # What a write, a question for a file, or an upload raises instead, once.
    failure = None
    reading_failure = None
    put_failure = None
    finding_failure = None

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("s3://"))

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        if (failure := Store.failure) is not None:
            Store.failure = None
            raise failure
        super().pipe_file(path, value, mode=mode, **kwargs)

    def put_file(self, lpath, rpath, **kwargs):
        if (failure := Store.put_failure) is not None:
            Store.put_failure = None
            raise failure
        super().put_file(lpath, rpath, **kwargs)

    def find(self, path, maxdepth=None, withdirs=False, detail=False, **kwargs):
        if (failure := Store.finding_failure) is not None:
            Store.finding_failure = None
            raise failure
        found = super().find(path, maxdepth, withdirs, detail, **kwargs)
        if isinstance(found, dict):
            for name in found.keys() & Store.store.keys():
                # As Google's; only that it is another one for other bytes matters.
                found[name]["crc32c"] = str(zlib.crc32(Store.store[name].getvalue()))
        return found

    def info(self, path, **kwargs):
        if (failure := Store.reading_failure) is not None:
            Store.reading_failure = None
            raise failure
        return super().info(path, **kwargs)

    @classmethod
    def texts(cls):
        """Returns the content of every object by its name."""
        return {name.lstrip("/"): file.getvalue() for name, file in cls.store.items()}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The class of an empty store behind s3://bucket."""
    fsspec.register_implementation("s3", Store, clobber=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    package = types.ModuleType("s3fs")
    package.__spec__ = ModuleSpec("s3fs", None)
    monkeypatch.setitem(sys.modules, "s3fs", package)
    Store.store.clear()
    Store.pseudo_dirs[:] = [""]
    Store.failure = Store.reading_failure = Store.put_failure = Store.finding_failure = None
    return Store
