"""Good inputs, each made once, of which cases take copies to damage."""

import functools
import importlib.util
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bad_inputs.paper import CONFIGS, papers

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
        """Returns where the unchanged material lies.

        name: "run:PAPER", "export:PAPER", "images", or one of what the papers tell.
        """
        kind, _, which = name.partition(":")
        path = self._root / name.replace(":", "_")
        if not path.exists():
            part = self._root / f"unfinished_{path.name}"
            if part.is_dir():
                shutil.rmtree(part)
            making: Callable[..., None] = makers()[kind]
            making(part, which) if which else making(part)
            part.rename(path)
        return path


@functools.cache
def config_of(paper: str) -> Any:
    """Returns the smallest config of a paper."""
    name = papers()[paper].config
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


def write_images(folder: pathlib.Path) -> None:
    """Writes two classes of three pictures, 16 x 16."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def makers() -> dict[str, Callable[..., None]]:
    """Returns what makes each kind of material."""
    own = {name: make for told in papers().values() for name, make in told.materials.items()}
    return {"run": _make_run, "export": _make_export, "images": write_images, **own}
