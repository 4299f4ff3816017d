"""A Task of one network, made of what a paper gives."""

import dataclasses

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.random import named_key, streams
from jaxrepro.core.supervised import (
    MovingAverage,
    Supervised,
    frozen_variables,
    new_net,
    trained_variables,
)
from jaxrepro.core.task import Every
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.stream import TrainStream
from jaxrepro.data.transforms import Transform
from jaxrepro.metrics.evaluators import Rows, means


class Lines:
    """Eight examples y = 2 x, without a picture."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return {"x": np.float32([index / 8]), "y": np.float32(index / 4)}


def mirrored(item, rng):
    sign = np.float32(rng.choice([-1, 1]))
    return {"x": sign * item["x"], "y": sign * item["y"]}


class Line(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        del train
        return nn.Dense(1, name="slope")(x)[:, 0]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Regression(Supervised):
    def inputs(self, batch):
        return (batch["x"],)

    def prepared(self, batch, key):
        return {**batch, "drawn": jnp.full(len(batch["y"]), jax.random.uniform(key))}

    def objective(self, params, stats, batch, key, step):
        error = self.module.apply({"params": params}, batch["x"], train=True) - batch["y"]
        drawn = jax.random.uniform(named_key(key, "dropout"))
        logs = {"loss/error": (error**2).mean(), "step": step, "dropout": drawn}
        return (error**2).mean(), (stats, {**logs, "drawn": batch["drawn"][0]})

    def evaluators(self):
        return {}

    def model_card(self):
        return {"paper": "none"}


def make(**changes):
    fields = {
        "module": Line(),
        "stream": TrainStream(Lines(), Transform(prepare=dict, augment=mirrored)),
        "optim": OptimizerSpec(name="sgd", learning_rate=0.2),
        "batch_size": 4,
        "seed": 0,
    }
    return Regression(**fields | changes)


def test_shapes_come_from_the_first_example():
    spec = make().batch_spec
    assert {name: (s.shape, s.dtype) for name, s in spec.items()} == {
        "x": ((4, 1), np.float32),
        "y": ((4,), np.float32),
    }
    batch = next(make().train_data(0, 0, 1))
    assert {name: x.shape for name, x in batch.items()} == {"x": (4, 1), "y": (4,)}


def test_it_learns_and_keeps_an_average():
    task = make(average=MovingAverage(decay=0.5, start=1))
    state, step, batches = task.init(jax.random.key(0)), jax.jit(task.train_step), []
    data, kernels = task.train_data(0, 0, 1), []
    for _ in range(3):
        batches.append(next(data))
        state, logs = step(state, batches[-1])
        kernels.append(state.nets["model"].params["slope"]["kernel"])
    data.close()
    # A copy of the first update, then halves.
    average = (kernels[0] / 2 + kernels[1] / 2) / 2 + kernels[2] / 2
    np.testing.assert_allclose(state.ema["model"]["params"]["slope"]["kernel"], average, rtol=1e-6)
    assert trained_variables(state) is state.ema["model"]
    assert logs["step"] == 2
    assert logs["dropout"] == jax.random.uniform(streams(state.key, 2, "dropout")[0])
    assert logs["drawn"] == jax.random.uniform(streams(state.key, 2, "prepared")[0])
    assert task.export(state) == {"model": state.ema["model"]}


def test_without_an_average_the_network_itself_is_measured():
    state = make().init(jax.random.key(0))
    assert state.ema == {}
    assert trained_variables(state) == state.nets["model"].variables


def test_what_is_no_parameter_is_a_statistic():
    optim = OptimizerSpec(name="sgd", learning_rate=0.1)
    net = new_net({"params": {"w": jnp.ones(2)}, "batch_stats": {"mean": jnp.zeros(2)}}, optim)
    assert set(net.params) == {"w"}
    assert set(net.stats) == {"batch_stats"}


def test_rows_of_all_batches_in_order():
    evaluator = Rows(
        batches=lambda process, num: iter([(process, num)]),
        step=lambda state, batch, key: {},
        results=lambda rows: {"first": rows["hit"][0], **means("hit", scale=100)(rows)},
        every=Every(0),
        batch_size=2,
    )
    assert list(evaluator.data(1, 2)) == [(1, 2)]
    acc = evaluator.merge(evaluator.init(), {"hit": np.array([True, False])})
    acc = evaluator.merge(acc, {"hit": np.array([False])})
    assert evaluator.finish(acc) == {"first": True, "hit": pytest.approx(100 / 3)}


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Taught(Regression):
    @property
    def draws(self):
        return ("dropout", "noise")

    def fixed_outputs(self, fixed, batch, key):
        # A scalar: entries of a batch that passes through at once need not have its first axis.
        scale = jax.random.uniform(self.rngs(key)["noise"])
        return {"taught": self.module.apply(fixed["teacher"], batch["x"], train=True), "s": scale}

    def objective(self, params, stats, batch, key, step):
        error = self.module.apply({"params": params}, batch["x"], train=True) - batch["taught"]
        return (error**2).mean(), (stats, {"loss/error": (error**2).mean(), "s": batch["s"]})


def test_fixed_networks_are_in_the_state_and_stay_as_they_are():
    slope = {"kernel": np.float32([[3]]), "bias": np.float32([0])}
    variables = {"params": {"slope": slope}, "batch_stats": {"mean": np.float32([1])}}
    regression = make(optim=OptimizerSpec(name="sgd", learning_rate=0.1, b1=0.0))
    fields = {f.name: getattr(regression, f.name) for f in dataclasses.fields(Regression)}
    task = Taught(**{**fields, "fixed": {"teacher": variables}})
    state = first = task.init(jax.random.key(0))
    assert set(task.rngs(state.key)) == {"dropout", "noise"}
    chex.assert_trees_all_equal(frozen_variables(state.nets["teacher"]), variables)
    batch = {"x": jnp.array([[1.0], [-1.0]]), "y": jnp.array([2.0, -2.0])}
    step = jax.jit(task.train_step)
    for number in range(60):
        state, logs = step(state, batch)
        (key,) = streams(state.key, number, "noise")
        np.testing.assert_allclose(logs["s"], jax.random.uniform(key))
    np.testing.assert_allclose(state.nets["model"].params["slope"]["kernel"], [[3]], atol=0.05)
    assert jax.tree.structure(first) == jax.tree.structure(state)
    chex.assert_trees_all_equal(first.nets["teacher"], state.nets["teacher"])
    assert set(task.export(state)) == {"model"}
