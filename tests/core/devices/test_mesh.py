from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.devices import partition
from jaxrepro.core.errors import InputError
from jaxrepro.core.task import BatchSpec


def test_mesh_shape():
    assert dict(mesh_lib.make_mesh().shape) == {"data": 8, "fsdp": 1}
    assert dict(mesh_lib.make_mesh(fsdp=4).shape) == {"data": 2, "fsdp": 4}
    with pytest.raises(InputError, match=r"mesh\.fsdp=3 does not divide the 8 devices"):
        mesh_lib.make_mesh(fsdp=3)


def test_a_mesh_may_be_limited_to_some_devices():
    assert list(mesh_lib.make_mesh(devices=jax.devices()[2:5]).devices.flat) == jax.devices()[2:5]
    assert mesh_lib.make_mesh().size == 8


def test_devices_of_a_process_stand_side_by_side():
    """A TPU pod may number its devices along its wiring, across machines."""

    class Device(NamedTuple):
        process_index: int
        id: int

    numbered = [Device(process, i) for i, process in enumerate((0, 1, 1, 0, 1, 0))]
    found = mesh_lib.in_process_order(numbered)
    assert [(d.process_index, d.id) for d in found] == [
        (0, 0),
        (0, 3),
        (0, 5),
        (1, 1),
        (1, 2),
        (1, 4),
    ]


def test_batches_are_split_along_their_axis():
    mesh = mesh_lib.make_mesh(fsdp=2)
    rows = np.arange(2 * 16 * 3, dtype=np.float32).reshape(2, 16, 3)
    (array,) = mesh_lib.put_batch({"x": rows}, {"x": mesh_lib.batch_sharding(mesh, 1)}).values()
    np.testing.assert_array_equal(array, rows)
    assert {shard.data.shape for shard in array.addressable_shards} == {(2, 2, 3)}


@pytest.mark.parametrize(("num_devices", "num_rows"), [(1, 7), (3, 9), (7, 7), (8, 8)])
def test_rows_are_added_that_do_not_count(num_devices, num_rows):
    mesh = mesh_lib.make_mesh(devices=jax.devices()[:num_devices])
    given = {"x": np.arange(14).reshape(7, 2), "mask": np.arange(7) < 6}
    found = mesh_lib.padded({**given, "mask": np.ones(7, bool)}, mesh)
    assert {len(rows) for rows in found.values()} == {num_rows}
    np.testing.assert_array_equal(found["x"][found["mask"]], given["x"])
    # What was added before by another does not count either.
    found = mesh_lib.padded(given, mesh)
    np.testing.assert_array_equal(found["x"][found["mask"]], given["x"][:6])


def test_uneven_batch_is_refused():
    mesh = mesh_lib.make_mesh()
    mesh_lib.check_batch(mesh, {"image": BatchSpec((2, 16, 3), np.uint8, 1)})
    with pytest.raises(InputError, match="microbatch of 12 examples .* 8 devices.* such as 16"):
        mesh_lib.check_batch(mesh, {"image": BatchSpec((2, 12, 3), np.uint8, 1)})


def test_drawn_examples_are_split_where_a_mesh_is_set():
    def draw(key):
        return mesh_lib.split_examples({"z": jax.random.normal(key, (2, 16, 3))}, 1)["z"]

    key = jax.random.key(0)
    assert mesh_lib.num_example_parts() == 1
    alone = jax.jit(draw)(key)
    assert len(alone.addressable_shards) == 1
    with jax.set_mesh(mesh_lib.make_mesh(fsdp=2)):
        assert mesh_lib.num_example_parts() == 8
        split = jax.jit(draw)(key)
    assert {shard.data.shape for shard in split.addressable_shards} == {(2, 2, 3)}
    np.testing.assert_array_equal(split, alone)


def test_fsdp_splits_large_leaves_only():
    mesh = mesh_lib.make_mesh(fsdp=4)
    rule = partition.fsdp(min_mb=1)
    assert rule((3, 512, 1024), 2**22, mesh) == PartitionSpec(None, None, "fsdp")
    assert rule((3, 512, 1024), 2**19, mesh) == PartitionSpec()
    assert rule((3, 7), 2**22, mesh) == PartitionSpec()
    assert rule((3, 512, 1024), 2**22, mesh_lib.make_mesh()) == PartitionSpec()


def test_first_matching_rule_lays_out_a_leaf_and_its_moments():
    mesh = mesh_lib.make_mesh(fsdp=2)
    leaf = jax.ShapeDtypeStruct((8, 4), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    tree = {"key": key, "params": {"a": leaf, "b": leaf}, "nu": {"a": leaf}}
    rules = (("/b$", partition.replicate), ("", partition.fsdp(min_mb=0)))
    specs = jax.tree.map(lambda s: s.spec, partition.state_shardings(tree, rules, mesh))
    assert specs["params"] == {"a": PartitionSpec("fsdp", None), "b": PartitionSpec()}
    assert specs["nu"]["a"] == specs["params"]["a"]
    assert specs["key"] == PartitionSpec()


def test_rules_of_a_config_split_what_is_large_and_not_excepted():
    mesh = mesh_lib.make_mesh(fsdp=8)
    leaf = jax.ShapeDtypeStruct((64, 4), jnp.float32)
    tree = {"params": {"large": leaf, "small": leaf.update(shape=(8, 4)), "kept": leaf}}

    def specs(**changes):
        section = {"fsdp_min_mb": 2**-12, "fsdp_except": ("/kept$",)} | changes
        rules = partition.rules_from_settings(Settings({"mesh": section}).mesh)
        shardings = partition.state_shardings(tree, rules, mesh)["params"]
        return {name: sharding.spec for name, sharding in shardings.items()}

    whole, split = PartitionSpec(), PartitionSpec("fsdp", None)
    assert specs() == {"large": split, "small": whole, "kept": whole}
    assert set(specs(fsdp_min_mb=0, fsdp_except=()).values()) == {split}
    for given, message in (
        ({"fsdp_except": ("/kpt$",)}, "'/kpt.*found in no path of the state, such as params/kept"),
        ({"fsdp_except": ("(",)}, r"mesh.fsdp_except has '\(', which is no regular expression"),
        ({"fsdp_min_mb": -1}, "mesh.fsdp_min_mb is -1; it must be at least 0"),
    ):
        with pytest.raises(InputError, match=message):
            specs(**given)
