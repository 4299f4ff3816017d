"""What the tests of all papers have to know of this one."""

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
KILLED = {"config": "configs/biggan_digits.py:test", "more": ("--config.guard.every=4",)}
ELASTIC = {"biggan_digits": ("--config.train.batch_size=16", "--config.optim.epsilon=1.0")}
SMALLEST = "biggan_digits"
