"""Good inputs, each made once, of which cases take copies to damage."""

import functools
import importlib.util
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
STEP = 2


class Materials:
    """Files below one folder, made when they are first asked for."""

    def __init__(self, root: pathlib.Path):
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def copy(self, name: str, target: pathlib.Path) -> pathlib.Path:
        """Copies what `name` stands for, a file or a folder, to `target`, and returns that."""
        source = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
        return target

    def path(self, name: str) -> pathlib.Path:
        """Returns where the unchanged material lies: "run:srcnn", "export:biggan", "set" ..."""
        kind, _, which = name.partition(":")
        path = self._root / name.replace(":", "_")
        if not path.exists():
            part = self._root / f"unfinished_{path.name}"
            if part.is_dir():
                shutil.rmtree(part)
            making: Callable[..., None] = _MAKERS[kind]
            making(part, which) if which else making(part)
            part.rename(path)
        return path


@functools.cache
def config_of(paper: str) -> Any:
    """Returns the smallest config of a paper."""
    name = {"biggan": "biggan_digits", "pyranet": "hourglass"}.get(paper, paper)
    spec = importlib.util.spec_from_file_location(name, CONFIGS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config("test")


@functools.cache
def _task_and_state(paper: str) -> tuple[Any, Any]:
    """Returns (task, a state of drawn numbers): nothing is compiled."""
    import jax

    from jaxrepro.core.config import Settings
    from jaxrepro.papers import make_task

    task = make_task(Settings(config_of(paper)))
    rng = np.random.default_rng(0)

    def draw(x: Any) -> Any:
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            return jax.random.key(0)
        if x.shape == ():
            return jax.numpy.asarray(np.full((), STEP, x.dtype))
        if not np.issubdtype(x.dtype, np.floating):
            return jax.device_put(np.zeros(x.shape, x.dtype))
        return jax.device_put(rng.uniform(0.1, 0.2, x.shape).astype(x.dtype))

    return task, jax.tree.map(draw, jax.eval_shape(task.init, jax.random.key(0)))


def _make_run(folder: pathlib.Path, paper: str) -> None:
    """A finished run of STEP updates with a checkpoint of each."""
    from jaxrepro.core.checkpoints.checkpoint import Checkpoints
    from jaxrepro.core.config import to_json
    from jaxrepro.core.run import workdir
    from jaxrepro.core.run.run_record import record_end, record_start

    task, state = _task_and_state(paper)
    folder.mkdir()
    (folder / workdir.CONFIG).write_text(to_json(config_of(paper)))
    workdir.write_json(folder / workdir.MODEL_CARD, task.model_card())
    with Checkpoints(folder) as checkpoints:
        for step in range(1, STEP + 1):
            checkpoints.save(step, state, wait=True)
    record_start(folder, 0)
    record_end(folder, "finished")
    lines = [{"step": s, "loss/g": 1.0 / s, "speed/examples_per_second": 5.0} for s in (1, 2)]
    lines.append({"step": 2, "metrics/psnr": 30.0})
    (folder / workdir.METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    workdir.write_json(folder / workdir.RESULTS, {"step": STEP, "results": {"metrics/psnr": 30.0}})
    record = {"step": STEP, "time": "2026-01-01T00:00:00+00:00", "results": {"metrics/psnr": 30.0}}
    (folder / workdir.EVALUATIONS).write_text(json.dumps(record) + "\n")


def _make_export(folder: pathlib.Path, paper: str) -> None:
    from jaxrepro.core.checkpoints.export import Export, write_export

    task, state = _task_and_state(paper)
    card = {**task.model_card(), "provenance": {"step": STEP}}
    write_export(folder, Export(card, task.export(state)))


def _make_images(folder: pathlib.Path) -> None:
    """Two classes of three pictures, 16 x 16."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def make_set(folder: pathlib.Path) -> None:
    """A prepared set of six pictures in two shards, written in this process."""
    from jaxrepro.core.files.whole_files import write_atomically
    from jaxrepro.data.sets.record_writer import _ShardWriter
    from jaxrepro.data.sets.records import MANIFEST, Manifest
    from jaxrepro.data.sources import open_source

    images = folder.with_name("images_of_set")
    shutil.rmtree(images, ignore_errors=True)
    _make_images(images)
    source = open_source(f"folder:{images}")
    folder.mkdir()
    writer = _ShardWriter(source, folder, 16, 3, False)
    shards = tuple(writer.write(n, lambda: None) for n in range(writer.num_shards))
    for path in folder.glob("*.json"):
        path.unlink()
    settings = {
        "source": source.spec,
        "split": "train",
        "channels": 3,
        "size": 16,
        "shard_size": 3,
        "num_source_images": 6,
        "class_names": list(source.class_names),
        "fingerprint": source.fingerprint(),
    }
    write_atomically(folder / MANIFEST, Manifest(settings, shards).to_json())


def make_faces(folder: pathlib.Path) -> None:
    """Prepared faces of 64 pixels: four pictures in one shard, written in this process."""
    from array_record.python import array_record_module  # pyright: ignore

    from jaxrepro.data.sets.intact_files import file_sha256
    from jaxrepro.papers.scfegan.faces.derived_maps import MapRecipe, derive_maps
    from jaxrepro.papers.scfegan.faces.map_records import FaceManifest, MapShard, encode_maps
    from tests.papers.scfegan.drawn_faces import face

    folder.mkdir()
    recipe = MapRecipe(64, aligned=True)
    path = folder / "maps-0.array_record"
    writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")
    keys = []
    for number in range(4):
        writer.write(encode_maps(derive_maps(face(64, shift=number)[0], None, recipe)))
        keys.append(f"key{number}")
    writer.close()
    settings = {"size": 64, "aligned": True, "num_sketches": recipe.num_sketches}
    settings["held_out_every"] = 2
    shard = MapShard(path.name, path.stat().st_size, file_sha256(path), tuple(keys))
    pictures = tuple((f"{n}.png", key) for n, key in enumerate(keys))
    manifest = FaceManifest(settings, pictures, (), (shard,))
    (folder / "manifest.json").write_bytes(manifest.to_json())


def _make_people(folder: pathlib.Path) -> None:
    """Annotations of people in every form, beside their pictures in `images`."""
    from scipy.io import savemat

    from tests.data.pose import pose_files

    folder.mkdir()
    for name in ("a", "b", "c"):
        pose_files.write_picture(folder / "images" / f"{name}.jpg")
    pose_files.write_release(folder / "release.mat")
    pose_files.write_h5(folder / "train.h5")
    pose_files.write_json(folder / "coco.json", pose_files.coco())
    joints = np.random.default_rng(0).uniform(3, 25, (3, 14, 2))
    (folder / "lsp").mkdir()
    savemat(folder / "lsp" / "joints.mat", {"joints": joints})
    for number in (1, 2):
        pose_files.write_picture(folder / "lsp" / "images" / f"im{number:04}.jpg")
    row = {
        "joint_self": [[3.0 + i, 4.0 + i, 1.0] for i in range(16)],
        "img_paths": "a.jpg",
        "objpos": [20.0, 15.0],
        "scale_provided": 0.5,
        "isValidation": 0.0,
        "annolist_index": 1.0,
        "people_index": 1.0,
    }
    pose_files.write_json(folder / "mpii.json", [row])


def _make_mat(path: pathlib.Path) -> None:
    """A network of SRCNN in the form of the authors' release."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    arrays = {
        "weights_conv1": rng.normal(0, 0.1, (9, 4)),
        "weights_conv2": rng.normal(0, 0.1, (4, 1, 2)),
        "weights_conv3": rng.normal(0, 0.1, (2, 9)),
        "biases_conv1": rng.normal(0, 0.1, (4, 1)),
        "biases_conv2": rng.normal(0, 0.1, (2, 1)),
        "biases_conv3": rng.normal(0, 0.1, (1, 1)),
    }
    with path.open("wb") as file:
        savemat(file, arrays, do_compression=True)


def _make_npz(path: pathlib.Path, which: str) -> None:
    with path.open("wb") as file:
        np.savez(file, **_published(which))  # pyright: ignore[reportArgumentType]


def _make_safetensors(path: pathlib.Path, which: str) -> None:
    from safetensors.numpy import save

    path.write_bytes(save(_published(which)))


def _published(which: str) -> dict[str, np.ndarray]:
    """Returns arrays under the names of a published file, small."""
    from tests import published_weights, pytorch_hourglass

    if which == "generator":
        return published_weights.author_generator(ch=8)
    return pytorch_hourglass.state_dict(16, 1, 1, 16)


def _make_bundle(folder: pathlib.Path) -> None:
    """The authors' generator of SC-FEGAN, narrower, as TensorFlow checkpoints."""
    from tests.core.arrays.tensorflow_files import write_bundle
    from tests.papers.scfegan.published_generator import published_arrays

    folder.mkdir()
    write_bundle(folder / "SC-FEGAN.ckpt", published_arrays(1))


def _make_vgg(path: pathlib.Path) -> None:
    """Weights of VGG-16 as Keras saves them, in HDF5."""
    import h5py

    from tests.nn.vgg.vgg16_arrays import keras_arrays

    with h5py.File(path, "w") as file:
        for name, array in keras_arrays().items():
            file[name] = array


_MAKERS: dict[str, Callable[..., None]] = {
    "run": _make_run,
    "export": _make_export,
    "images": _make_images,
    "set": make_set,
    "faces": make_faces,
    "people": _make_people,
    "mat": _make_mat,
    "npz": _make_npz,
    "safetensors": _make_safetensors,
    "bundle": _make_bundle,
    "vgg": _make_vgg,
}
