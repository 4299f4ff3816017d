"""What tests of all papers have to know of this one."""

from tests.papers.biggan.bad_inputs import BAD_INPUTS as BAD_INPUTS

# Compiling them takes minutes; they are the same classes, and their parameter counts and shapes are
# tested without compiling. So are those of BigGAN-deep, whose gradients are held against the
# author's code at 64 pixels. That of 64 pixels is that of 32 with a block more.
NOT_COMPILED = (
    *("biggan64", "biggan128", "biggan256", "biggan512"),
    *("biggan_deep128", "biggan_deep256", "biggan_deep512"),
)
# Several networks, an average, vectors of power iterations, groups of the batch.
ON_MESHES = {
    "biggan_digits": {"optim.epsilon": 1.0, "train.batch_size": 16, "model.bn_groups": 2},
}
KILLED = {
    "biggan": {"config": "configs/biggan_digits.py:test", "more": ("--config.guard.every=4",)}
}
ELASTIC = {"biggan_digits": ("--config.train.batch_size=16", "--config.optim.epsilon=1.0")}
SMALLEST = "biggan_digits"

_CONFIG = """
from configs import biggan_digits

def get_config(arg=None):
    config = biggan_digits.get_config("test")
    config.train.total_steps = 3
    return config
"""
VERBS_WITHOUT_NETWORK = ("port",)
VERBS_OF_RUNS = ("change_classes",)


def _changed(folder):
    (folder / "config.py").write_text(_CONFIG)
    return [f"--config={folder}/config.py", f"--output={folder}/new"]


VERBS_THAT_WRITE = {
    "port": lambda folder: [f"--input={published_network(folder)}", f"--output={folder}/export"],
}
VERB_ARGUMENTS = {
    "change_classes": _changed,
    "interpolate": lambda folder: [
        *("--rows=1", "--midpoints=1", "--batch_size=3", f"--output={folder}/paths.png")
    ],
    "neighbours": lambda folder: [
        *("--num=1", "--neighbours=1", "--batch_size=3", "--data=digits"),
        f"--output={folder}/near.png",
    ],
    "sample": lambda folder: ["--num=1", "--batch_size=3", f"--output={folder}/sheet.png"],
    "standing": lambda folder: [
        *("--truncations=1", "--passes=1", "--batch_size=3", f"--output={folder}/export")
    ],
    "truncation_curve": lambda folder: [
        *("--truncations=1", "--passes=1", "--batch_size=3", "--source=digits"),
        *("--num=10", "--num_reference=10", "--neighborhood_samples=0"),
        f"--output={folder}/curve.json",
    ],
    "truncation_sweep": lambda folder: [
        *("--truncations=1", "--columns=1", "--batch_size=3", f"--output={folder}/sweep.png")
    ],
}


def published_network(folder):
    """A file of the author's PyTorch code, of 16 pixels: smaller than any that was published."""
    import functools

    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxrepro.papers.biggan.network.model import Generator
    from jaxrepro.papers.biggan.porting.pytorch_layout import pytorch_layout, pytorch_name

    sizes = {"ch": 2, "dim_z": 6, "num_classes": 10, "channels": 1, "shared_dim": 4}
    module = Generator(16, **sizes, attention=(), hierarchical=False)
    z, labels = jnp.zeros((1, 6)), jnp.zeros((1,), jnp.int32)
    init = functools.partial(module.init, train=False)
    places = {f"blocks_{i}": f"blocks.{i}.0" for i in range(2)}
    rng = np.random.default_rng(0)
    arrays = {}
    for path, leaf in jax.tree.leaves_with_path(jax.eval_shape(init, jax.random.key(0), z, labels)):
        names = tuple(key.key for key in path[1:])
        shape, _ = pytorch_layout(names, leaf.shape)
        arrays[pytorch_name(places, names)] = rng.uniform(0.1, 0.2, shape).astype(np.float32)
    np.savez(folder / "G.npz", **arrays)
    return folder / "G.npz"


def without_long_work(monkeypatch):
    """Features are those of a linear network: none has to be trained."""
    from jaxrepro.metrics import feature_choice
    from tests.metrics.features.linear_network import LinearNetwork

    monkeypatch.setattr(feature_choice, "feature_network", lambda *arguments: LinearNetwork())
