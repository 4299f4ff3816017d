"""Several seeds in one program: each is the run it would be alone; means, spreads, exports."""

import dataclasses
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrepro import export as export_command
from jaxrepro import papers
from jaxrepro.core.checkpoints.export import read_export
from jaxrepro.core.checkpoints.restore import restore_state
from jaxrepro.core.config import Settings, differing_keys
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices import platform
from jaxrepro.core.devices.partition import fsdp, leaf_path, state_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.loop import LoopSettings, train
from jaxrepro.core.random import streams
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run.workdir import read_json, read_model_card, write_json
from jaxrepro.core.seeds import make_seeds_task, refuse_several_seeds
from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import BatchSpec, Every, Guard, Image, Monitor, UsesVariables
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import square_transform
from tests import runs

SIDE = 8


class Small(nn.Module):
    """A convolution and a readout."""

    @nn.compact
    def __call__(self, image):
        x = nn.relu(nn.Conv(3, (3, 3), strides=2)(image))
        return nn.Dense(10)(x.reshape(x.shape[0], -1))


def signed(image):
    return image.astype(jnp.float32) / 127.5 - 1


@dataclasses.dataclass(frozen=True)
class Digits:
    """Noisy digits: the data, the first weights and the noise all depend on the seed."""

    seed: int

    @property
    def batch_spec(self):
        return {
            "image": BatchSpec((16, SIDE, SIDE, 1), np.uint8),
            "label": BatchSpec((16,), np.int32),
        }

    def train_data(self, start_step, process, num_processes):
        return train_iterator(
            open_source("digits", channels=1),
            square_transform(SIDE, channels=1),
            seed=self.seed,
            batch_shape=(16,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def optimizer(self, params):
        rules = (("^Conv_0/bias$", 0.1),)
        return make_optimizer(OptimizerSpec("adam", 0.01, multipliers=rules), params)

    def init(self, key):
        params = Small().init(key, jnp.zeros((1, SIDE, SIDE, 1)))["params"]
        net = Net(params, {}, self.optimizer(params).init(params))
        ema = {"model": {"params": jax.tree.map(jnp.copy, params)}}
        return TrainState(jnp.zeros((), jnp.int32), key, {"model": net}, ema)

    def train_step(self, state, batch):
        (key,) = streams(state.key, state.step, "noise")
        image = signed(batch["image"])
        image += 0.3 * jax.random.normal(key, image.shape)

        def loss(params, stats, micro):
            logits = Small().apply({"params": params}, micro["image"])
            picked = jnp.take_along_axis(nn.log_softmax(logits), micro["label"][:, None], axis=1)
            return -picked.mean(), (stats, {"loss/entropy": -picked.mean()})

        net = state.nets["model"]
        one = TrainState(state.step, state.key, state.nets, {})
        rows = {"image": image, "label": batch["label"]}
        after, logs = step_lib.supervised_step(one, loss, rows, self.optimizer(net.params))
        averaged = step_lib.ema_update(
            state.ema["model"],
            {"params": after.nets["model"].params},
            state.step,
            decay=0.5,
            start=0,
        )
        return after.replace(ema={"model": averaged}), logs

    def partition(self):
        return (("Dense_0", fsdp(min_mb=0)),)

    def evaluators(self):
        return {"test": Noisy(), "plain": Plain()}

    def export(self, state):
        return {"model": state.ema["model"]}

    def model_card(self):
        return {"paper": "digits"}


@dataclasses.dataclass(frozen=True)
class Plain:
    """The largest weight, and a picture of the first kernel."""

    every = Every(0)
    batch_size = 8

    def data(self, process, num_processes):
        del num_processes
        yield {"x": np.ones(8, np.float32), "mask": np.arange(8) < (0 if process else 1)}

    def step(self, state, batch, key):
        kernel = state.ema["model"]["params"]["Conv_0"]["kernel"]
        return {"kernel": batch["x"][:, None, None] * kernel[None, :, :, 0, 0]}

    def init(self):
        return None

    def merge(self, acc, out):
        assert acc is None
        return out["kernel"][0]

    def finish(self, acc):
        pixels = np.clip(127.5 + 100 * acc[..., None], 0, 255).astype(np.uint8)
        return {"largest@3x3": float(acc.max()), "kernel": Image(pixels)}


@dataclasses.dataclass(frozen=True)
class Noisy:
    """Accuracy on noisy digits whose contrast is an array of the evaluator's own."""

    every = Every(0)
    batch_size = 40

    def load_variables(self):
        return {"contrast": np.float32(0.7)}

    def data(self, process, num_processes):
        return eval_batches(
            open_source("digits", split="test", channels=1),
            square_transform(SIDE, channels=1),
            self.batch_size,
            process=process,
            num_processes=num_processes,
        )

    def step(self, state, batch, key, variables):
        image = signed(batch["image"])
        image = variables["contrast"] * image + jax.random.normal(key, image.shape)
        logits = Small().apply({"params": state.nets["model"].params}, image)
        return {"hit": logits.argmax(axis=1) == batch["label"]}

    def init(self):
        return (0, 0)

    def merge(self, acc, out):
        return acc[0] + int(out["hit"].sum()), acc[1] + len(out["hit"])

    def finish(self, acc):
        return {"accuracy": acc[0] / acc[1]}


@dataclasses.dataclass(frozen=True)
class Watched(Digits):
    """The same with a monitor."""

    action: str = "off"

    def monitor(self):
        def measure(state):
            return {"norm/dense": jnp.linalg.norm(state.nets["model"].params["Dense_0"]["kernel"])}

        return Monitor(Every(2), measure, Guard(self.action, "^norm", 2.0, 3, 0, "", 0.0, 1))


def config(seed=5, num_seeds=None, total_steps=4):
    return {
        "seed": seed,
        **({} if num_seeds is None else {"num_seeds": num_seeds}),
        "train": {"total_steps": total_steps},
        "checkpoint": {"every": 2, "keep": 3, "keep_period": 0},
        "log": {"every": 1, "profile_at": 0},
        "mesh": {"fsdp": 1},
    }


def make(given, kind=Digits):
    settings = Settings(given)
    task = make_seeds_task(settings, lambda s: kind(s.seed))
    loop_settings = LoopSettings.from_settings(settings)
    settings.check_all_read()
    return task, loop_settings


def run(workdir, given, kind=Digits):
    """Trains as the command does; returns the results."""
    task, loop_settings = make(given, kind)
    workdir.mkdir(exist_ok=True)
    write_json(workdir / "config.json", given)
    return train(task, loop_settings, workdir)


def state_of(workdir, given):
    task, _ = make(given)
    return restore_state(task, given["seed"], workdir, None, mesh_lib.make_mesh())[1]


def host(tree):
    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return jax.tree.map(lambda x: np.array(jax.random.key_data(x) if is_key(x) else x), tree)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(folder, results) of a run over the seeds 5 and 6."""
    folder = tmp_path_factory.mktemp("both")
    return folder, run(folder, config(num_seeds=2), Watched)


def test_each_seed_is_the_run_it_would_be_alone(both, tmp_path, capsys):
    folder, together = both
    task, _ = make(config(num_seeds=2))
    stacked = state_of(folder, config(num_seeds=2))
    records = read_json_lines(folder / "metrics.jsonl")
    alone = {}
    for seed in (5, 6):
        alone[seed] = run(tmp_path / str(seed), config(seed), Watched)
        single = host(state_of(tmp_path / str(seed), config(seed)))
        replica = host(task.replica(stacked, seed))
        chex.assert_trees_all_equal_structs(replica, single)
        chex.assert_trees_all_close(replica, single, atol=1e-5)
        np.testing.assert_array_equal(replica.key, single.key)
        for name in ("loss/entropy", "norm/dense"):
            np.testing.assert_allclose(
                [r[f"{name}/seed{seed}"] for r in records if name in r],
                [
                    r[name]
                    for r in read_json_lines(tmp_path / str(seed) / "metrics.jsonl")
                    if name in r
                ],
                rtol=1e-5,
            )
    out = capsys.readouterr().out
    assert "for 8 x cpu" in out
    a, b = (alone[seed]["test/accuracy"] for seed in (5, 6))
    assert a != b
    assert together["test/accuracy"] == pytest.approx((a + b) / 2, abs=1e-9)
    assert together["test/accuracy/std"] == pytest.approx(abs(a - b) / np.sqrt(2), abs=1e-9)
    assert together["test/accuracy/seed6"] == pytest.approx(b, abs=1e-9)
    np.testing.assert_allclose(
        together["plain/largest/seed5@3x3"], alone[5]["plain/largest@3x3"], rtol=1e-5
    )
    pictures = [w / "samples" / "plain-kernel-00000004.png" for w in (folder, tmp_path / "5")]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    last = records[-2]
    mean = (last["loss/entropy/seed5"] + last["loss/entropy/seed6"]) / 2
    assert last["loss/entropy"] == pytest.approx(mean)


def test_a_run_that_was_stopped_ends_bit_for_bit_as_the_other(both, tmp_path):
    folder, together = both
    run(tmp_path, config(num_seeds=2, total_steps=2), Watched)
    assert run(tmp_path, config(num_seeds=2), Watched) == together
    chex.assert_trees_all_equal(
        *(host(state_of(w, config(num_seeds=2))) for w in (folder, tmp_path))
    )


def test_batches_are_those_of_each_seed():
    task, _ = make(config(num_seeds=3))
    spec = task.batch_spec["image"]
    assert (spec.shape, spec.batch_axis) == ((3, 16, SIDE, SIDE, 1), 1)
    assert spec.num_examples == 48
    stacked = task.train_data(7, 0, 1)
    for batch in (next(stacked), next(stacked)):
        assert {k: (x.shape, x.dtype) for k, x in batch.items()} == {
            k: (s.shape, np.dtype(s.dtype)) for k, s in task.batch_spec.items()
        }
    for i in range(3):
        with Digits(5 + i).train_data(8, 0, 1) as single:
            expected = next(single)
        np.testing.assert_array_equal(batch["image"][i], expected["image"])
        np.testing.assert_array_equal(batch["label"][i], expected["label"])
    stacked.close()
    with pytest.raises(ValueError, match="closed"):
        next(stacked)


def test_the_two_forms_agree():
    """Mapped as on accelerators, or written out as on CPU."""
    task, _ = make(config(num_seeds=2))
    state = jax.jit(lambda key: task.init(key))(jax.random.key(5))
    batches = task.train_data(0, 0, 1)
    batch = next(batches)
    batches.close()
    evaluator: Any = task.evaluators()["test"]
    rows = next(iter(evaluator.data(0, 1)))
    own = evaluator.load_variables()

    def work(state, batch, rows):
        after, scalars = task.train_step(state, batch)
        hits = evaluator.step(after, rows, after.key, own)
        return after, scalars, hits

    def convolutions():
        # A new function each time: JAX keeps the trace of one that it has seen.
        jaxpr = jax.make_jaxpr(lambda *x: work(*x))(state, batch, rows)
        return str(jaxpr).count("conv_general_dilated[")

    written_out = jax.jit(lambda *x: work(*x))(state, batch, rows)
    several = convolutions()
    with platform.traced_for_accelerators():
        mapped = jax.jit(lambda *x: work(*x))(state, batch, rows)
        assert several == 2 * convolutions()
    assert mapped[2]["hit"].shape == (40, 2)
    chex.assert_trees_all_close(host(mapped), host(written_out), atol=1e-5)


def test_leaves_are_laid_out_behind_the_axis_of_seeds():
    task, _ = make(config(num_seeds=8))
    abstract = jax.eval_shape(task.init, jax.random.key(0))
    shardings = state_shardings(abstract, task.partition(), mesh_lib.make_mesh(fsdp=8))
    specs = {
        leaf_path(path): (leaf.shape, sharding.spec)
        for (path, leaf), sharding in zip(
            jax.tree_util.tree_leaves_with_path(abstract), jax.tree.leaves(shardings), strict=True
        )
    }
    kernel = ((8, 48, 10), PartitionSpec(None, "fsdp", None))
    assert specs["nets/model/params/Dense_0/kernel"] == kernel
    assert specs["nets/model/opt_state/0/nu/Dense_0/kernel"] == kernel
    # Of 10 numbers a seed none can be split by 8, though the 8 seeds could.
    assert specs["nets/model/params/Dense_0/bias"] == ((8, 10), PartitionSpec(None))
    assert specs["step"] == ((), PartitionSpec())


def test_one_seed_is_the_task_itself():
    assert make(config()) == make(config(num_seeds=1)) != make(config(num_seeds=2))
    assert isinstance(make(config())[0], Digits)
    settings = Settings(config())
    make_seeds_task(settings, Digits)
    changes = [differing_keys(config(), config(num_seeds=k), settings.defaults) for k in (1, 3)]
    assert changes == [[], ["num_seeds: 1 -> 3"]]


def test_only_what_uses_variables_has_them():
    evaluators = make(config(num_seeds=2))[0].evaluators()
    assert isinstance(evaluators["test"], UsesVariables)
    assert not isinstance(evaluators["plain"], UsesVariables)


@pytest.mark.parametrize("number", [0, -1])
def test_fewer_than_one_seed_are_refused(number):
    with pytest.raises(InputError, match="num_seeds is .*at least 1"):
        make(config(num_seeds=number))


def test_seeds_beyond_32_bits_are_refused():
    with pytest.raises(InputError, match="the last of 2 seeds from 4294967295 is 4294967296"):
        make(config(seed=2**32 - 1, num_seeds=2))


@pytest.mark.parametrize("action", ["stop", "rollback"])
def test_a_guard_that_acts_is_refused(action):
    with pytest.raises(InputError, match=f"guard.action is '{action}' with num_seeds=2"):
        make(config(num_seeds=2), lambda seed: Watched(seed, action))
    make(config(num_seeds=1), lambda seed: Watched(seed, action))


def test_exports_say_which_seed(both, tmp_path, monkeypatch, capsys):
    folder, _ = both
    monkeypatch.setattr(papers, "make_task", lambda s: make_seeds_task(s, lambda x: Digits(x.seed)))
    given = (f"--workdir={folder}", f"--output={tmp_path / 'e'}")
    with pytest.raises(InputError, match="no --seed given, and this run trained the seeds 5, 6"):
        runs.call(export_command, *given)
    with pytest.raises(InputError, match="--seed=1 given, and this run trained the seeds 5, 6"):
        runs.call(export_command, *given, "--seed=1")
    runs.call(export_command, *given, "--seed=6")
    written = read_export(tmp_path / "e")
    assert "seeds" not in written.card
    assert written.card["provenance"]["seed"] == 6
    stacked = host(state_of(folder, config(num_seeds=2)).ema["model"])
    chex.assert_trees_all_equal(written.nets["model"], jax.tree.map(lambda x: x[1], stacked))
    capsys.readouterr()

    assert read_json(folder / "model.json")["seeds"] == [5, 6]
    with pytest.raises(InputError, match=r"trained the seeds 5, 6 at once; .* --seed=5 "):
        read_model_card(folder)
    task, _ = make(config(num_seeds=2))
    with pytest.raises(InputError, match="num_seeds is 2; upscale takes a run of one seed"):
        refuse_several_seeds(task, "upscale")
    with pytest.raises(InputError, match="choose one of them"):
        task.export(state_of(folder, config(num_seeds=2)))


def test_a_run_of_one_seed_takes_no_choice(both, tmp_path, monkeypatch):
    write_json(tmp_path / "config.json", config())
    monkeypatch.setattr(papers, "make_task", lambda s: Digits(s.seed))
    with pytest.raises(InputError, match="--seed=5 given, but this run trained one seed"):
        runs.call(export_command, f"--workdir={tmp_path}", "--output=unused", "--seed=5")
