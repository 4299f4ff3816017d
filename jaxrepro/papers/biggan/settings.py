"""Every key of a BigGAN config with its published value; the files in configs/ change some."""

from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import run_sections


def published(resolution: int) -> Any:
    """Returns the settings of the paper for ImageNet at `resolution` pixels (Table 1, row 8).

    Where the paper's text could not be checked the value is the one that its readers quote.
    """
    config: Any = ConfigDict()
    config.task = "biggan"
    config.seed = 0
    # Seeds seed, seed + 1, ... that are trained at once; several need guard.action=off.
    config.num_seeds = 1

    config.data = ConfigDict(
        {
            # digits, photos, folder:DIR, tfds:NAME, tfds:NAME@DATA_DIR or array_record:DIR.
            "source": "tfds:imagenet2012",
            "split": "train",
            # Real images that are not trained on, for the discriminator's accuracy: as `source`,
            # or "" for none.
            "validation": "",
            "validation_split": "validation",
            "channels": 3,
            # "center": the largest centred square. "random": a random square whose side is at
            # least min_crop times the shorter side.
            "crop": "center",
            "min_crop": 1.0,
            "flip": False,
            # Worker processes that decode images; 0 decodes in threads of the training process.
            "num_workers": 0,
        }
    )
    config.model = ConfigDict(
        {
            # "biggan" or "deep" (BigGAN-deep, for which `published_deep` has the values).
            "architecture": "biggan",
            # Residual blocks at each resolution; more than 1 in "biggan" is a negative result.
            "depth": 1,
            "resolution": resolution,
            "ch": 96,
            "dim_z": {32: 80, 64: 100, 128: 120, 256: 140, 512: 128}[resolution],
            # Distribution of the latent vectors: a key of `latents.DISTRIBUTIONS`.
            "latent": "normal",
            # Length of the class embedding shared by all conditional norms; 0: each has its own.
            "shared_dim": 128,
            # Whether every block gets a chunk of z (skip-z); in "deep" each gets all of it.
            "hierarchical": True,
            # Sides of the maps after which self-attention is placed.
            "g_attention": {32: (), 64: (32,), 128: (64,), 256: (128,), 512: (64,)}[resolution],
            "d_attention": {32: (), 64: (32,), 128: (64,), 256: (64,), 512: (64,)}[resolution],
            "kernel_init": "ortho",
            "bn_epsilon": 1e-4,
            "sn_epsilon": 1e-4,
            # Groups of the batch with batch-norm statistics of their own; 1: the whole batch.
            "bn_groups": 1,
            # What the paper's appendix reports as not helping; the defaults are the paper's.
            "upsampling": "nearest",  # Or "bilinear"; in G.
            "g_norm": "batch",  # Or "weight": normalised weights, no normalised activations.
            "d_norm": "none",  # Or, before each ReLU, "batch" or "conditional_batch".
            "kernel_size": 3,  # Or 5 or 7, of the 3x3 convolutions in both networks.
            "g_dilation": 1,  # Or 2, of the 3x3 convolutions.
            "d_dilation": 1,
            # Of the computation; parameters, statistics and optimiser state are float32.
            "dtype": "float32",
            # Whether the backward pass computes the blocks again instead of keeping what they
            # made: less memory, more time; the same numbers up to rounding.
            "remat": False,
        }
    )
    config.optim = ConfigDict(
        {
            # Adam, for both networks.
            "b1": 0.0,
            "b2": 0.999,
            "epsilon": 1e-8,
            # Factors of the learning rate by parameter path: ("^linear=0.5", ...); 0 freezes.
            # sigma_clamp bounds the largest singular value of each weight, sigma_clamp_ratio does
            # so by that many times the second; 0: no bound.
            "g": {
                "learning_rate": 5e-5,
                "multipliers": (),
                "sigma_clamp": 0.0,
                "sigma_clamp_ratio": 0.0,
            },
            # r1: gamma of the penalty gamma / 2 |grad D|^2 on real images; 0: none.
            "d": {"learning_rate": 2e-4, "multipliers": (), "r1": 0.0},
            # Strength of the generator's orthogonal regularisation; 0 for none.
            "orthogonal": 1e-4,
            # "paper": the gradient of the penalty. "author": half of it, as the author's code.
            "orthogonal_scale": "paper",
        }
    )
    # Moving average of the generator: a copy of it before update `start`.
    config.ema = ConfigDict({"decay": 0.9999, "start": 0})
    config.train = ConfigDict(
        {
            "total_steps": 165_000,  # Updates of the generator.
            "batch_size": 2048,  # Real images of one update of one network, over all devices.
            "num_d_steps": 2,  # Discriminator updates before each generator update.
            "microbatches": 1,  # A batch is passed through in this many parts.
        }
    )
    config.eval = ConfigDict(
        {
            "every": 2000,
            "batch_size": 64,
            "sheet_classes": 10,  # Rows of the sheet of samples: classes spread over all.
            "sheet_columns": 10,
            # Measurements of samples, and of the discriminator: dear, so they have a period of
            # their own.
            "metrics_every": 10_000,
            "num_samples": 50_000,  # Of the moving average; 0 measures none.
            # A file of Inception weights, or "" for a classifier of the training data.
            "features": "",
            # "uniform": classes of samples are drawn uniformly; "training": as they occur in the
            # training data.
            "labels": "uniform",
            "num_reference": 50_000,  # Training images to compare with, at most.
            "score_splits": 10,  # Of the Inception Score.
            "precision_neighbors": 3,
            "density_neighbors": 5,
            # Images of each kind for precision, recall, density and coverage; 0 for none of them.
            "neighborhood_samples": 10_000,
            # Training images, validation images and samples for the discriminator's accuracy; 0
            # for none.
            "discriminator_samples": 1000,
        }
    )
    config.guard = ConfigDict(
        {
            # Every so many updates the largest singular values of all weights are logged.
            "every": 100,
            "num_values": 3,
            # "off", "stop", or "rollback": to the best checkpoint, at most max_rollbacks times.
            "action": "stop",
            # How many times the median of its last `window` measurements the largest singular
            # value of a weight of G may be, from update `start` on.
            "factor": 2.0,
            "window": 10,
            "start": 2000,
            # The name of a result of which less is better, such as "metrics/frechet", without
            # what follows "@" in it; "" for none. It may be `worse` times the best; 0: any.
            "metric": "",
            "worse": 0.0,
            "max_rollbacks": 3,
        }
    )
    config.update(run_sections(checkpoint_every=1000, keep_period=20_000, log_every=50))
    return config


def published_deep(resolution: int) -> Any:
    """Returns the settings of the paper's BigGAN-deep for ImageNet at `resolution` pixels.

    128, 256 or 512; what differs from `published`, of which the same is to be said.
    """
    config = published(resolution)
    config.model.update(
        architecture="deep",
        depth=2,
        ch=128,
        dim_z=128,
        hierarchical=False,
        g_attention=(64,),
        d_attention=(64,),
    )
    if resolution > 128:
        config.optim.g.learning_rate = config.optim.d.learning_rate = 2.5e-5
    return config


def reduce_to_demo(config: Any, *, ch: int, total_steps: int, batch_size: int) -> None:
    """Changes `config` to a run of minutes on 2 CPU cores, on bundled photographs.

    Fewer channels, a small batch, one discriminator step with the author's learning rates for
    that, and a moving average short enough to follow.
    """
    config.data.update(source="photos", crop="random", min_crop=0.5)
    config.model.ch = ch
    config.optim.g.learning_rate = 1e-4
    config.optim.d.learning_rate = 4e-4
    config.ema.update(decay=0.99, start=50)
    config.train.update(total_steps=total_steps, batch_size=batch_size, num_d_steps=1)
    config.eval.update(every=max(total_steps // 2, 1), batch_size=16, sheet_columns=6)
    config.eval.update(num_samples=0, discriminator_samples=0)
    config.checkpoint.update(every=max(total_steps // 4, 1), keep_period=0)
    config.log.every = 10


def reduce_to_test(config: Any, *, ch: int) -> None:
    """Changes `config` to 2 updates of a tiny network: whether it runs, not what it learns."""
    config.data.update(source="photos", crop="random", min_crop=0.5)
    config.model.ch = ch
    config.ema.start = 1
    config.train.update(total_steps=2, batch_size=8, num_d_steps=1, microbatches=1)
    config.eval.update(sheet_classes=2, sheet_columns=2, batch_size=8)
    config.eval.update(num_samples=0, discriminator_samples=0)
    config.checkpoint.update(every=1, keep_period=0)
    config.log.every = 1
