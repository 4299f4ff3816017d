"""What every paper's Task keeps, for every config of every paper, in its `test` variant."""

import importlib.util
import json
import pathlib
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings, flatten
from jaxrepro.core.data_identity import data_keys
from jaxrepro.core.devices import platform
from jaxrepro.core.loop import LoopSettings
from jaxrepro.core.task import identities_of, references_of
from jaxrepro.papers import make_task, task_names
from tests import runs
from tests.contracts import not_compiled, on_meshes
from tests.runs import leaves_of

CONFIGS = sorted((pathlib.Path(__file__).resolve().parents[1] / "configs").glob("*.py"))
TRAINED = [path for path in CONFIGS if path.stem not in not_compiled()]
# Operations of an update of a `test` variant before it is compiled. Compiling that many, and two
# updates, take 3 CPU-seconds on 2 cores of an AMD EPYC without optimisations: a variant with more
# is too large to show whether it runs.
MAX_OPERATIONS = 10_000


def load(path: pathlib.Path, variant: str):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(variant)


def make(path: pathlib.Path, variant: str = "test"):
    return make_task(Settings(load(path, variant)))


def host(tree):
    """Returns numpy copies; typed keys as their data."""
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return jax.tree.map(lambda x: np.array(jax.random.key_data(x) if is_key(x) else x), tree)


def test_every_paper_has_a_config():
    assert {load(path, "test").task for path in CONFIGS} == set(task_names())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["demo", "test"])
def test_every_key_is_read_and_data_fit_their_spec(path, variant):
    config = load(path, variant)
    settings = Settings(config)
    task = make_task(settings)
    LoopSettings.from_settings(settings)
    settings.check_all_read()
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    assert {k: (x.shape, x.dtype) for k, x in batch.items()} == {
        k: (s.shape, np.dtype(s.dtype)) for k, s in task.batch_spec.items()
    }
    json.dumps(task.model_card())
    # Wherever its data lie, a run is the same: every such key says so.
    known = identities_of(task)
    assert "data.source" in known and all(one.fingerprint for one in known.values())
    assert set(data_keys(known)) <= set(flatten(config))
    check_words(task)


def check_words(task):
    """Checks what a page says of the results: it belongs to evaluators that there are."""
    known, names = references_of(task), set(task.evaluators())
    # Pictures alone, and what is counted without data.
    assert names - set(known.measured_on) <= {"first-layer", "samples", "size"}
    assert all(re.match(r"(at most |the first )?[\d,]+ ", x) for x in known.measured_on.values())
    assert set(known.better.values()) <= {"higher", "lower"}
    if known.headline:
        assert known.better[known.headline] and known.headline.partition("/")[0] in names
    told = [*known.captions, *known.levels, *known.targets]
    assert {name.partition("/")[0] for name in told} <= names | {"digits", "metrics"}


ONE_OF_EACH = {load(path, "test").task: path for path in TRAINED}
# The updates of those of `test_any_mesh` are compiled there.
UPDATED = [path for path in TRAINED if path.stem not in on_meshes()]


# Two updates of the others show it as well.
@pytest.mark.parametrize(
    "path", [p for p in CONFIGS if p not in UPDATED], ids=lambda path: path.stem
)
def test_init_is_abstract_and_step_keeps_its_structure(path):
    """For all sizes, without compiling: shapes and dtypes are a fixed point of the step."""
    task = make(path)
    state = jax.eval_shape(task.init, jax.random.key(0))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    # In loops of accelerators, which are traced once however many passes they make.
    with platform.traced_for_accelerators():
        after, scalars = jax.eval_shape(lambda *x: task.train_step(*x), state, batch)
    check_structure(task, state, after, scalars)


def check_structure(task, state, after, scalars):
    """A step changes no shape and no dtype, and what it tells and exports has the form it has."""
    assert jax.tree.structure(after) == jax.tree.structure(state)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert scalars
    assert all(x.shape == () for x in scalars.values())
    exported = jax.eval_shape(task.export, state)
    assert all("params" in variables for variables in exported.values())


@pytest.mark.parametrize("path", ONE_OF_EACH.values(), ids=list(ONE_OF_EACH))
def test_every_paper_trains_several_seeds(path):
    """The update mapped over seeds, as accelerators run it, keeps the state's structure."""
    config = load(path, "test")
    config.num_seeds = 2
    if "guard" in config:
        config.guard.action = "off"
    task = make_task(Settings(config))
    state = jax.eval_shape(task.init, jax.random.key(config.seed))
    batch = {k: jax.ShapeDtypeStruct(s.shape, s.dtype) for k, s in task.batch_spec.items()}
    with platform.traced_for_accelerators():
        after, scalars = jax.eval_shape(lambda *x: task.train_step(*x), state, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
    assert any(name.endswith(f"/seed{config.seed + 1}") for name in scalars)
    single = jax.eval_shape(lambda x: task.replica(x, config.seed), state)
    expected = jax.eval_shape(make(path).init, jax.random.key(0))
    chex.assert_trees_all_equal_shapes_and_dtypes(single, expected)


@pytest.mark.parametrize("path", UPDATED, ids=lambda path: path.stem)
def test_two_updates(path):
    check_two_updates(make(path))


def check_two_updates(task):
    """Two updates on the task's data: traced once, finite, every parameter changed."""
    chex.clear_trace_counter()
    state = runs.first_state(task.init, jax.random.key(0))
    shapes = jax.eval_shape(lambda x: x, state)
    before = leaves_of(state)
    batches = task.train_data(0, 0, 1)
    first = next(batches)
    step = jax.jit(chex.assert_max_traces(task.train_step, n=1), donate_argnums=0)
    lines = step.lower(state, first).as_text().splitlines()
    assert sum(" = " in line for line in lines) <= MAX_OPERATIONS
    for batch in (first, next(batches)):
        state, scalars = step(state, batch)
    batches.close()
    check_structure(task, shapes, jax.eval_shape(lambda x: x, state), scalars)
    check_after_two_updates(before, leaves_of(state), scalars)


def check_after_two_updates(before, after, scalars):
    """Two updates were done, all is finite and every parameter changed; leaves by path."""
    assert int(after["step"]) == 2
    np.testing.assert_array_equal(after["key"], before["key"])
    chex.assert_tree_all_finite(after)
    assert all(np.isfinite(x) for x in scalars.values())
    assert any(name.startswith("loss/") for name in scalars)
    assert before.keys() == after.keys()
    trained = [path for path in before if path.startswith("nets/") and "/params/" in path]
    assert [path for path in trained if np.array_equal(before[path], after[path])] == []


@pytest.mark.parametrize("path", TRAINED[-1:], ids=lambda path: path.stem)
def test_init_is_pure(path):
    task = make(path)
    first, again, other = (host(jax.jit(task.init)(jax.random.key(s))) for s in (0, 0, 1))
    chex.assert_trees_all_equal(first, again)
    assert not np.array_equal(
        *(jax.tree.leaves(next(iter(s.nets.values())).params)[-1] for s in (first, other))
    )
