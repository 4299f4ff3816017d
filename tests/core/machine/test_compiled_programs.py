import os
import warnings

import jax
import jax.numpy as jnp
import pytest

from benchmarks.program_cache import fresh_cache
from jaxrepro.core.machine import runtime
from jaxrepro.core.machine.compiled_programs import tidy


def compile_and_list(folder):
    """Returns how long the programs of `folder` are, after one was compiled or loaded."""
    jax.clear_caches()
    with fresh_cache(folder):
        jax.jit(lambda x: x * 3).lower(jnp.ones(3)).compile()
    return {path: path.stat().st_size for path in folder.glob("*-cache")}


def test_a_program_cut_off_is_compiled_once_more(tmp_path):
    sizes = compile_and_list(tmp_path)
    cut = max(sizes, key=lambda path: path.stat().st_mtime_ns)
    os.truncate(cut, sizes[cut] - 1)
    for _ in range(2):  # JAX by itself warns at every start.
        with pytest.warns(UserWarning, match="Error reading persistent compilation cache"):
            assert compile_and_list(tmp_path)[cut] < sizes[cut]
    tidy(tmp_path, 2**30)
    assert {path.name for path in tmp_path.glob("*-cache")} == {p.name for p in sizes if p != cut}
    with warnings.catch_warnings(action="error"):
        assert cut in compile_and_list(tmp_path)
    tidy(tmp_path, 2**30)
    assert len(list(tmp_path.glob("*-cache"))) == len(sizes)


def test_the_programs_used_last_are_kept(tmp_path, monkeypatch):
    whole = next(iter(compile_and_list(tmp_path / "made"))).read_bytes()
    folder = tmp_path / "xla"
    folder.mkdir()
    (folder / "notes").write_bytes(whole)
    for name, written, read in (("a", 50, 60), ("b", 10, 90), ("c", 80, 20), ("d", 30, 40)):
        (folder / f"{name}-cache").write_bytes(whole)
        os.utime(folder / f"{name}-cache", (read, written))
    tidy(tmp_path / "nowhere", 0)
    # As a start does, but for the limit.
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("JAXREPRO_CACHE", str(tmp_path))
    monkeypatch.setattr(runtime, "_PROGRAMS_BYTES", 2 * len(whole))
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    runtime.set_compilation_cache()
    left = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    # Reading them to see that they are whole changed none of the times that count.
    assert left == {"b-cache", "c-cache", "notes"}
