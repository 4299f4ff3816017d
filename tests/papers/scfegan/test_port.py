import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.arrays.tensorflow_bundle import read_bundle
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan import convert
from jaxrepro.papers.scfegan.port import generator_from_tf, published_parts
from jaxrepro.papers.scfegan.trained import load_trained
from tests.core.arrays.tensorflow_files import write_bundle
from tests.papers.scfegan.published_generator import generate, published_arrays, published_shapes
from tests.runs import call

RNG = np.random.default_rng(0)


def conditions(size):
    x = RNG.uniform(-1, 1, (1, size, size, 9)).astype(np.float32)
    x[..., [3, 7, 8]] = x[..., [3, 7, 8]] > 0
    return x


def test_names_and_numbers_of_the_published_file():
    shapes = published_shapes(64)
    assert len(shapes) == 93
    assert sum(np.prod(shape) for shape in shapes.values()) == 92_886_100
    assert shapes["generator/gconv11/kernel"] == (3, 3, 512, 256)
    assert shapes["generator/deconv4/w"] == (5, 5, 256, 512)
    assert shapes["generator/gconv14_g/kernel"] == (3, 3, 12, 3)


def test_the_published_shapes_are_those_of_the_full_generator():
    arrays = {
        name: np.broadcast_to(np.float32(0), shape) for name, shape in published_shapes(64).items()
    }
    module, variables = generator_from_tf(arrays)
    assert (module.width, module.halvings, module.dilations) == (64, 7, (2, 4, 8, 16))
    assert sum(x.size for x in jax.tree.leaves(variables)) == 92_886_100
    expected = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((1, 512, 512, 9))))
    assert jax.tree.map(np.shape, variables) == jax.tree.map(np.shape, dict(expected))


def test_a_checkpoint_through_file_reader_and_network(tmp_path):
    arrays = published_arrays(2)
    write_bundle(tmp_path / "SC-FEGAN.ckpt", arrays)
    read = read_bundle(tmp_path / "SC-FEGAN.ckpt")
    assert len(read) == 93
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
    x = conditions(128)
    for gate in ("self", "shared_kernel"):
        module, variables = generator_from_tf(read, deconv_gate=gate)
        have = jax.jit(module.apply)(variables, x)
        want = generate(arrays, x[0].astype(np.float64), gate)
        for layer in ("gconv1_ds_g", "co_conv3_dlt", "co_conv4_dlt_g", "gconv8", "gconv14"):
            name = f"generator/{layer}/kernel"
            other = generate(arrays | {name: 0 * arrays[name]}, x[0].astype(np.float64), gate)
            assert np.abs(want - other).max() > 0.01, layer
        np.testing.assert_allclose(have[0], want, atol=3e-5)


def test_dead_taps_change_nothing_at_4_by_4_and_are_zero():
    arrays = published_arrays(1)
    x = conditions(128)[0].astype(np.float64)
    # At 128 pixels the narrowest map has one pixel; 8 by 8 is where untrained taps would wake up.
    np.testing.assert_array_equal(generate(arrays, x), generate(arrays, x, taps=False))
    _, variables = generator_from_tf(arrays)
    dilated = variables["params"]
    for i in range(4):
        outer = np.array(dilated[f"dilated_{i}"]["kernel"])
        middle = arrays[f"generator/co_conv{i + 1}_dlt/kernel"][1, 1]
        np.testing.assert_array_equal(outer[1, 1, :, : middle.shape[-1]], middle)
        outer[1, 1] = 0
        assert (outer != 0).any() == (i == 0)


def test_every_variable_is_used_once():
    module, variables = generator_from_tf(published_arrays(1))
    names = [
        name
        for layer, leaves in variables["params"].items()
        for leaf in leaves
        for name in published_parts((layer, leaf))
    ]
    assert sorted(names) == sorted(published_shapes(1))
    assert module.deconvolution_gate == "self"


def test_arrays_that_are_no_published_generator_are_named():
    arrays = published_arrays(1)
    wrong = dict(arrays)
    wrong["strange"] = wrong.pop("generator/deconv7/biases2")
    wrong["generator/gconv9/bias"] = np.zeros(3, np.float32)
    wrong["generator/gconv9_g/bias"] = np.full(8, np.nan, np.float32)
    with pytest.raises(InputError) as caught:
        generator_from_tf(wrong)
    for part in (
        "missing: generator/deconv7/biases2",
        "not used: strange",
        "of the wrong shape: generator/gconv9/bias (3,) instead of (8,)",
        "not finite numbers: generator/gconv9_g/bias",
    ):
        assert part in str(caught.value)
    with pytest.raises(InputError, match="deconv_gate='separate': the published weights have"):
        generator_from_tf(arrays, deconv_gate="separate")
    with pytest.raises(InputError, match="the array generator/gconv1_ds/kernel is missing"):
        generator_from_tf({})
    # Names as graphs have them.
    generator_from_tf({f"{name}:0": array for name, array in arrays.items()})


def test_the_command_makes_an_export(tmp_path, capsys):
    arrays = published_arrays(1)
    write_bundle(tmp_path / "model", arrays)
    call(convert, f"--model={tmp_path}/model", f"--output={tmp_path}/export")
    assert "for 512 pixels" in capsys.readouterr().out
    trained = load_trained(tmp_path / "export")
    direct = load_trained(tmp_path / "model.index")
    for have in (trained, direct):
        assert (have.resolution, have.channel_order) == (512, "bgr")
        assert have.module.deconvolution_gate == "self"
    same = jax.tree.map(np.array_equal, trained.variables, direct.variables)
    assert all(jax.tree.leaves(same))
    with pytest.raises(InputError, match="give a trained network, such as --model=SC-FEGAN.ckpt"):
        call(convert)
    with pytest.raises(InputError, match="deconv_gate=self is chosen of the authors' .* is none"):
        load_trained(tmp_path / "export", deconv_gate="self")
    gate = "shared_kernel"
    assert load_trained(tmp_path / "model", deconv_gate=gate).module.deconvolution_gate == gate
    write_bundle(tmp_path / "other", {"w": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="other: the array generator/gconv1_ds/kernel is missing"):
        call(convert, f"--model={tmp_path}/other", f"--output={tmp_path}/b")
