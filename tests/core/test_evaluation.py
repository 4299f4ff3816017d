"""Evaluators with variables; evaluations of several checkpoints, and of the wrong ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices.partition import fsdp, state_shardings
from jaxrepro.core.errors import InputError
from jaxrepro.core.evaluation import Evaluation, evaluate_workdir
from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import Every
from jaxrepro.data.padding import padded_batches


class Product:
    """The sum over rows x of w x v, with w of the state and v an evaluator's own array."""

    every = Every(0)
    batch_size = 8

    def __init__(self):
        self.loaded = 0
        self.given = None

    def load_variables(self):
        self.loaded += 1
        return {"v": np.float32(3)}

    def data(self, process, num_processes):
        rows = {"x": np.arange(10, dtype=np.float32)}
        return padded_batches(rows, self.batch_size, process, num_processes)

    def step(self, state, batch, key, variables):
        self.given = variables["v"]
        return {"y": state.nets["model"].params["w"].sum() * batch["x"] * variables["v"]}

    def init(self):
        return 0.0

    def merge(self, acc, out):
        return acc + float(out["y"].sum())

    def finish(self, acc):
        return {"sum": acc}


class Given:
    """A task with evaluators and nothing to train; `shape` is of its one parameter."""

    def __init__(self, shape=(2,)):
        self.shape = shape
        self.product = Product()

    def init(self, key):
        net = Net({"w": jnp.ones(self.shape)}, {}, ())
        return TrainState(jnp.zeros((), jnp.int32), key, {"model": net}, {})

    def partition(self):
        return (("/w$", fsdp(min_mb=0)),)

    def evaluators(self):
        return {"product": self.product}


def test_variables_reach_the_step_as_an_argument():
    task, mesh = Given(), mesh_lib.make_mesh(fsdp=2)
    state = task.init(jax.random.key(0))
    shardings = state_shardings(state, (("", fsdp(min_mb=0)),), mesh)
    assert shardings.nets["model"].params["w"].spec == PartitionSpec("fsdp")
    evaluation = Evaluation({"product": task.product}, mesh, shardings)
    state = jax.device_put(state, shardings)
    for _ in range(2):
        assert evaluation.run(["product"], state) == {"product/sum": 45 * 2 * 3}
    assert task.product.loaded == 1
    # An array that is closed over would be a constant of the compiled program.
    assert isinstance(task.product.given, jax.core.Tracer)


@pytest.mark.parametrize(("num_devices", "fsdp"), [(3, 1), (5, 5)])
def test_a_batch_need_not_divide_over_the_devices(num_devices, fsdp):
    class Ordered(Product):
        def merge(self, acc, out):
            return [*(acc or []), out["y"].tolist()]

        def finish(self, acc):
            return {"rows": acc}

    task, evaluator = Given(), Ordered()
    mesh = mesh_lib.make_mesh(fsdp, jax.devices()[:num_devices])
    state = task.init(jax.random.key(0))
    shardings = state_shardings(state, (), mesh)
    evaluation = Evaluation({"product": evaluator}, mesh, shardings)
    results = evaluation.run(["product"], jax.device_put(state, shardings))
    rows = [6.0 * x for x in range(10)]
    assert results == {"product/rows": [rows[:8], rows[8:]]}


def test_what_is_missing_at_a_step_is_known_by_its_numbers():
    task, mesh = Given(), mesh_lib.make_mesh()
    shardings = state_shardings(task.init(jax.random.key(0)), (), mesh)
    evaluators = {name: Product() for name in ("fid", "fid2", "last")}
    for name, period in {"fid": 2, "fid2": 3, "last": 0}.items():
        evaluators[name].every = Every(period)
    evaluation = Evaluation(evaluators, mesh, shardings)
    assert evaluation.missing(6, 12, {"step", "loss/g"}) == ["fid", "fid2"]
    assert evaluation.missing(6, 12, {"fid/sum"}) == ["fid2"]
    assert evaluation.missing(6, 12, {"fid/sum", "fid2/sum"}) == []
    assert evaluation.missing(4, 12, {"loss/g"}) == ["fid"]
    assert evaluation.missing(5, 12, set()) == []


@pytest.fixture
def run(tmp_path):
    task = Given()
    with Checkpoints(tmp_path, keep=9) as checkpoints:
        for step in (1, 2, 4):
            state = task.init(jax.random.key(0))
            net = Net({"w": jnp.full(2, float(step))}, {}, ())
            checkpoints.save(step, state.replace(nets={"model": net}), wait=True)
    return tmp_path


@pytest.mark.parametrize(
    ("steps", "expected"), [("latest", [4]), ("all", [1, 2, 4]), ("4,2", [4, 2])]
)
def test_chosen_checkpoints_are_measured(run, steps, expected):
    task = Given()
    results = dict(evaluate_workdir(task, 0, run, steps))
    assert results == {step: {"product/sum": 45 * 2 * step * 3} for step in expected}
    assert list(results) == expected
    assert task.product.loaded == 1


@pytest.mark.parametrize(("parts", "spec"), [(2, ("fsdp",)), (3, ())])
def test_a_state_is_split_as_in_training_where_devices_allow(run, parts, spec, monkeypatch, capsys):
    restored = []
    original = Checkpoints.restore

    def restore(self, *arguments):
        restored.append(original(self, *arguments))
        return restored[-1]

    monkeypatch.setattr(Checkpoints, "restore", restore)
    results = dict(evaluate_workdir(Given(), 0, run, fsdp=parts))
    assert results == {4: {"product/sum": 45 * 2 * 4 * 3}}
    (state,) = restored
    assert state.nets["model"].params["w"].sharding.spec == PartitionSpec(*spec)
    printed = "mesh.fsdp=3 of the run does not divide the number of devices here, 8"
    assert (printed in capsys.readouterr().out) == (parts == 3)


@pytest.mark.parametrize(
    ("steps", "message"),
    [("3", "no checkpoint of step 3"), ("1,x", "allowed are latest, best, all, or numbers")],
)
def test_other_steps_are_refused(run, steps, message):
    task = Given()
    with pytest.raises(InputError, match=message):
        list(evaluate_workdir(task, 0, run, steps))
    assert task.product.loaded == 0


def test_other_networks_are_refused_by_name(run):
    task = Given(shape=(3,))
    expected = r"nets/model/params/w: \(2,\) in the checkpoint, \(3,\) by the config\)"
    with pytest.raises(InputError, match=expected):
        list(evaluate_workdir(task, 0, run, "1"))
    assert task.product.loaded == 0
