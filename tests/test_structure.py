"""Rules of the source tree that a linter can check."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_imports_go_one_way():
    result = subprocess.run(
        [pathlib.Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_drawers_and_no_long_files():
    for path in (ROOT / "jaxrepro").rglob("*.py"):
        assert path.stem not in ("utils", "helpers", "common", "misc"), path
        assert len(path.read_text().splitlines()) <= 400, f"{path} has more than one idea"


def test_one_place_builds_meshes_and_one_imports_orbax():
    def files_with(pattern):
        return {
            path.relative_to(ROOT / "jaxrepro").as_posix()
            for path in (ROOT / "jaxrepro").rglob("*.py")
            if re.search(pattern, path.read_text(), re.MULTILINE)
        }

    assert files_with(r"jax\.make_mesh\(|\bMesh\(") == {"core/devices/mesh.py"}
    assert files_with(r"^\s*(import|from) orbax") == {"core/checkpoints/checkpoint.py"}
    assert files_with(r"\bpmap\(|experimental\.shard_map|\bPRNGKey\(|jax\.tree_map\(") == set()


def test_no_tensorflow_is_imported():
    code = (
        "import sys, jaxrepro.core.loop, jaxrepro.papers.biggan.task, "
        "jaxrepro.data.sets.tfds_source; sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
