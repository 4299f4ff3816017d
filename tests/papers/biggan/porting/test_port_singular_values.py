"""Networks of the author's code that estimate three singular values (tests/golden/README.md)."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan import port
from jaxrepro.papers.biggan.porting.published_models import read_published
from tests import published_weights

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "golden" / "biggan_singular_values.npz"
MAKE = {"G": port.generator_from_pytorch, "D": port.discriminator_from_pytorch}
BUFFERS = tuple(f"{kind}{number}" for kind in ("u", "sv") for number in range(3))
BUFFERS += ("stored_mean", "stored_var")
LABELS = jnp.asarray([3, 8], jnp.int32)
INPUTS = {
    "G": published_weights.by_rule("z", (2, 80)),
    "D": np.tanh(published_weights.by_rule("x", (2, 3, 32, 32))).transpose(0, 2, 3, 1),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def arrays_of(golden, network, state="given"):
    """The author's state_dict: by rule, or with the buffers of a later state of it."""
    words = [line.split() for line in golden[f"{network}/arrays"]]
    arrays = published_weights.filled({name: tuple(map(int, sizes)) for name, *sizes in words})
    if state != "given":
        names = [name for name in arrays if name.endswith(BUFFERS)]
        ends = np.cumsum([arrays[name].size for name in names])
        pieces = np.split(golden[f"{state}/{network}"], ends)
        assert pieces.pop().size == 0
        arrays |= {name: x.reshape(arrays[name].shape) for name, x in zip(names, pieces)}
    return arrays


@functools.partial(
    jax.jit, static_argnums=0, compiler_options={"xla_backend_optimization_level": 0}
)
def outputs(module, given, trained, inputs):
    """Outputs in evaluation of two states, and what a call in training makes of the first."""
    _, updated = module.apply(
        given, inputs, LABELS, train=True, mutable=["batch_stats", "spectral"]
    )
    states = {"given": given, "trained": trained}
    evaluated = {
        state: module.apply(variables, inputs, LABELS, train=False)
        for state, variables in states.items()
    }
    return evaluated, updated


@pytest.mark.parametrize("network", MAKE)
def test_outputs_and_first_vectors_are_the_authors(golden, network):
    module, given = MAKE[network](arrays_of(golden, network))
    same, trained = MAKE[network](arrays_of(golden, network, "trained"))
    assert module == same and (module.resolution, module.ch) == (32, 4)
    if network == "G":
        assert (module.dim_z, module.shared_dim, module.hierarchical) == (80, 32, True)
        assert module.attention == (16,)
    else:
        # The author's table calls all four blocks' sides 16; three of them are 8.
        assert module.attention == (8, 16)
    evaluated, updated = outputs(module, given, trained, INPUTS[network])
    kind = {"G": "images", "D": "logits"}[network]
    for state, found in evaluated.items():
        want = golden[f"{state}/{kind}"]
        found = found[:, ::3, ::3] if network == "G" else found
        atol = 1e-5 * max(1.0, np.abs(want).max())
        np.testing.assert_allclose(np.reshape(found, want.shape), want, rtol=0, atol=atol)
    # One call in training moves first vectors and values, and the norms' moments, as there.
    _, expected = MAKE[network](arrays_of(golden, network, "first"))
    for collection, tree in updated.items():
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            tree,
            expected[collection],
        )


def test_files_are_read_though_trained_logits_have_no_third_value(golden, tmp_path):
    arrays = arrays_of(golden, "D", "trained")
    undefined = {name for name, array in arrays.items() if not np.isfinite(array).all()}
    assert undefined == {"linear.u2", "linear.sv2"}
    np.savez(tmp_path / "D.npz", **arrays)
    np.savez(tmp_path / "G.npz", **arrays_of(golden, "G", "trained"))
    paths = {"input": str(tmp_path / "G.npz"), "discriminator": tmp_path / "D.npz"}
    models = {role: read_published(path) for role, path in paths.items()}
    export = port.make_export(models, paths, None)
    assert [entry["file"] for entry in export.card["provenance"]] == ["G.npz", "D.npz"]
    for net, network in (("g", "G"), ("d", "D")):
        _, expected = MAKE[network](arrays_of(golden, network, "trained"))
        jax.tree.map(np.testing.assert_array_equal, export.nets[net], expected)
    arrays["linear.u0"] = np.full_like(arrays["linear.u0"], np.nan)
    np.savez(tmp_path / "D.npz", **arrays)
    with pytest.raises(InputError, match=r"linear\.u0 has numbers that are not finite"):
        read_published(tmp_path / "D.npz")


def test_other_arrays_are_still_unknown(golden):
    arrays = arrays_of(golden, "D")
    arrays |= {"u1": arrays["linear.u0"], "linear.v1": arrays["linear.u0"]}
    arrays |= {"other.sv1": np.ones(1), "embed.u1": np.ones((1, 3)), "embed.u01": np.ones((1, 10))}
    with pytest.raises(InputError) as caught:
        port.discriminator_from_pytorch(arrays)
    assert str(caught.value).endswith("not used: embed.u01, embed.u1, linear.v1, other.sv1, u1")
