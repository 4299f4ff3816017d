"""Rules of the source tree that a linter can check."""

import ast
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


def rooms():
    """The packages of the project's own code, each with its first line of description."""
    for init in sorted((ROOT / "jaxrepro").rglob("__init__.py")):
        text = ast.get_docstring(ast.parse(init.read_text())) or ""
        yield init.parent, text.partition("\n")[0]


def test_rooms_are_small_and_say_what_they_are_for():
    for folder, description in rooms():
        assert description.endswith("."), f"{folder} does not say what it is for"
        assert len(list(folder.glob("*.py"))) <= 14, f"{folder} has too many files for one room"


def test_the_design_page_lists_the_rooms():
    page = (ROOT / "docs" / "design.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+/\w+)` \| (.*) \|$", page, re.MULTILINE))
    expected = {
        folder.relative_to(ROOT / "jaxrepro").as_posix(): description.removesuffix(".").lower()
        for folder, description in rooms()
        if folder.parent.parent == ROOT / "jaxrepro"
        and folder.parent.name in ("core", "data", "nn", "metrics", "tasks")
    }
    assert {room: text.lower() for room, text in listed.items()} == expected


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
