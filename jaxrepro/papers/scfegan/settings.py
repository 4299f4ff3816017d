"""Every key of an SC-FEGAN config; the file in configs/ changes some.

The paper gives the weights of the losses and of the gradient penalty. Where it gives nothing,
masks, optimisers, how long and how large, the values are ours.
"""

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.config import Settings, run_sections
from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.free_form_mask import USUAL_MASKS
from jaxrepro.nn.vgg.vgg16 import WIDTH
from jaxrepro.nn.vgg.vgg16_features import DTYPES, VggFeatures, published_features, random_features
from jaxrepro.papers.scfegan.examples.drops import USUAL_DROPS
from jaxrepro.papers.scfegan.network.networks import PRESETS
from jaxrepro.papers.scfegan.training.objective import Objective

# Of a config's section, with the defaults: no weights are part of the project.
FEATURE_DEFAULTS = {
    "weights": "",
    "preprocessing": "",
    "seed": 0,
    "width": WIDTH,
    "dtype": "float32",
}

VARIANTS = ("paper", "256", "128", "hour", "demo", "test")
# The size of picture that a variant is for, in pixels, where it is not the smallest.
SIZES = {"paper": "512", "256": "256"}

# Updates before the adversarial term counts, of those of a run.
_WARMUP_SHARE = 0.01
# Factors of perceptual and style terms of random features with which each is about as large as the
# pixel term after some hundred updates, measured with 16 and 64 channels at 128 pixels. The size of
# the first does not depend on the channels; that of the second falls with their number.
_RANDOM_PERCEPT_SCALE = 12.0
_RANDOM_STYLE_SCALE_BY_CHANNEL = 0.011


def published(preset: str) -> Any:
    """Returns the settings for faces of 512, 256 or 128 pixels, by the preset's name."""
    sizes = PRESETS[preset]
    config: Any = ConfigDict()
    config.task = "scfegan"
    config.seed = 0
    # Seeds seed, seed + 1, ... that are trained at once.
    config.num_seeds = 1
    config.data = ConfigDict(
        {
            # faces:DIR, which `python -m jaxrepro.papers.scfegan.prepare` writes, or photo_crops.
            "source": "faces:faces",
            "split": "train",
            "validation": "",  # Other pictures to measure on; "" for the source.
            "validation_split": "held_out",
            "size": sizes.resolution,
            "flip": True,
            "brightness": 0.1,
            "contrast": 0.15,
            # Probabilities: of kinds of masks, and that a part of the user's input is missing.
            "masks": dataclasses.asdict(USUAL_MASKS),
            "drops": dataclasses.asdict(USUAL_DROPS),
            # Worker processes that draw examples; 0 draws in threads of the training process.
            "num_workers": 4,
        }
    )
    config.model = ConfigDict(
        {
            "architecture": "unet",  # Or "coarse_to_fine", two networks in a row.
            "width": sizes.width,
            # self (as released), shared_kernel (as meant) or separate.
            "deconvolution_gate": "shared_kernel",
            "norm": "local_response",  # Or "pixel" or "none".
            "discriminator_width": sizes.discriminator_width,
            "discriminator_last_activation": False,
            # Whether the discriminator sees sketch and colour, and the noise.
            "discriminator_user_input": True,
            "discriminator_noise": False,
            # Of the convolutions; parameters, norms, losses and optimiser state are float32.
            "dtype": "float32",
            "remat": False,
        }
    )
    config.loss = ConfigDict(dataclasses.asdict(Objective()))
    # Of the perceptual and style terms: the published VGG-16 of a local file, or random weights.
    config.features = ConfigDict(dict(FEATURE_DEFAULTS))
    config.optim = ConfigDict(
        {
            # Adam, for both networks.
            "b1": 0.5,
            "b2": 0.999,
            "epsilon": 1e-8,
            "schedule": "constant_then_cosine",
            "decay_share": 0.2,  # Of the updates, the last ones, over which the rate falls to 0.
            # clip_norm: of the gradient of all parameters; 0 for none.
            "g": {"learning_rate": 1e-4, "clip_norm": 0.0},
            "d": {"learning_rate": 4e-4, "clip_norm": 1.0},
        }
    )
    # Moving average of the generator: a copy of it before update `start`.
    config.ema = ConfigDict({"decay": 0.999, "start": 0})
    config.train = ConfigDict(
        {
            "batch_size": 8 if sizes.resolution >= 512 else 16,
            # Updates before the adversarial term counts for the generator.
            "warmup_steps": 5000,
        }
    )
    train_for(config, 500_000)
    config.eval = ConfigDict(
        {
            "every": 10_000,
            "batch_size": 8,
            "num_examples": 100,  # Held-out pictures to measure on, at most; 0 for all.
            "sheet_rows": 8,  # Of them in the sheet of previews.
            # The mean picture and biharmonic filling, once, at the end. The time of the second
            # grows faster than the holes: minutes a picture at 512 pixels.
            "baselines": sizes.resolution <= 128,
        }
    )
    config.update(run_sections(checkpoint_every=5000, keep_period=50_000))
    return config


def train_for(config: Any, total_steps: int) -> None:
    """Changes `config` to so many updates, of which the first hundredth warms up."""
    config.train.update(
        total_steps=total_steps, warmup_steps=max(round(_WARMUP_SHARE * total_steps), 1)
    )


def use_random_features(config: Any, width: int, share: float = 1.0) -> None:
    """Changes `config` to random features of that width, with scales that go with them.

    share: of the size of the pixel term that perceptual and style terms shall have, about.
    """
    config.features.width = width
    config.loss.update(
        percept_scale=share * _RANDOM_PERCEPT_SCALE,
        style_scale=share * _RANDOM_STYLE_SCALE_BY_CHANNEL * width,
    )


def reduce_to_hour(config: Any) -> None:
    """Changes `config`, of 128 pixels, to about an hour on 2 CPU cores and some hundred faces.

    In so few updates the generator takes a larger rate, and the pixel term leads.
    """
    config.model.discriminator_width = 16
    use_random_features(config, 16, share=0.5)
    config.data.num_workers = 0
    config.train.batch_size = 8
    train_for(config, 10_000)
    config.optim.g.learning_rate = 1e-3
    config.optim.decay_share = 0.4
    config.eval.update(every=2000, num_examples=0)
    config.checkpoint.update(every=500, keep_period=0)
    config.log.every = 20


def reduce_to_demo(config: Any) -> None:
    """Changes `config` to minutes on 2 CPU cores, on crops of bundled photographs: no faces."""
    sizes = PRESETS["tiny"]
    config.data.update(source="photo_crops", size=sizes.resolution, num_workers=0)
    config.model.update(width=sizes.width, discriminator_width=sizes.discriminator_width)
    use_random_features(config, 16)
    config.train.batch_size = 8
    train_for(config, 1000)
    config.optim.g.learning_rate = 1e-3
    config.ema.update(decay=0.99, start=50)
    config.eval.update(every=500, baselines=True)
    config.checkpoint.update(every=500, keep_period=0)
    config.log.every = 20


def reduce_to_test(config: Any) -> None:
    """Changes `config` to 2 updates of tiny networks: whether they run, not what they learn."""
    reduce_to_demo(config)
    config.data.size = 32
    config.model.update(width=2, discriminator_width=4)
    config.features.width = 2
    config.train.update(total_steps=2, batch_size=8, warmup_steps=1)
    config.ema.start = 1
    config.eval.update(every=2, num_examples=4, sheet_rows=2, baselines=False)
    config.checkpoint.every = 1
    config.log.every = 1


def features_from_settings(settings: Settings) -> VggFeatures:
    """Returns the network of a config's section with the keys of `FEATURE_DEFAULTS`.

    weights: the path of a local file, see `vgg16_features.published_features`, with its
    preprocessing; "" for random weights of `seed` and `width`. On a CPU the width decides what an
    update costs: a quarter of it is about a sixteenth of the work. `VggFeatures.name` goes into
    logs, pages and tables.

    Raises:
      InputError: the file cannot be used, or a key is set that has no effect on such a network.
    """
    weights, preprocessing = settings.weights, settings.preprocessing
    seed, width = settings.at_least("seed", 0), settings.at_least("width", 1)
    dtype = settings.one_of("dtype", DTYPES)
    if not weights:
        if preprocessing:
            raise InputError(
                f"preprocessing {preprocessing!r} given without a file of weights; give both, or "
                "'' for random weights"
            )
        return random_features(seed, width, dtype)
    if width != WIDTH:
        raise InputError(f"width {width} given with published weights, whose width is {WIDTH}")
    return published_features(weights, preprocessing, dtype)
