r"""SC-FEGAN: Jo and Park, "SC-FEGAN: Face Editing Generative Adversarial Network with User's Sketch
and Color", ICCV 2019 (arXiv 1902.06838).

    python -m jaxrepro.papers.scfegan.prepare --source=folder:DIR --output=faces512 --size=512
    python -m jaxrepro.train --config=configs/scfegan.py --config.data.source=faces:faces512 \
        --config.features.weights=vgg16.safetensors
    python -m jaxrepro.train --config=configs/scfegan.py:demo

Variants: paper (the default: 512 pixels, the released network, 92,886,100 parameters), 256 and 128
(smaller ones for smaller pictures); hour (128 pixels, about an hour on 2 CPU cores); demo (minutes
on 2 CPU cores, on crops of bundled photographs: no faces, so it shows that training works and
nothing about faces); test (2 updates).

Settings: gate (shared_kernel, as the released code was meant; self, as it is; separate), norm
(local_response or pixel), architecture (unet or coarse_to_fine), style (0 leaves the style term
out), d_input (0 hides sketch and colours from the discriminator), features (a random VGG-16 of that
width, 64 being the published one, with scales of its terms that go with it), bs (pictures of an
update).

Without a local file of VGG-16's weights the perceptual and style terms are taken in random
features, which know nothing of faces: the run's card and page and the names of its numbers say so.
The paper's weights of these terms are for the published features; `calibrate` finds others.
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.settings import (
    SIZES,
    VARIANTS,
    published,
    reduce_to_demo,
    reduce_to_hour,
    reduce_to_test,
    use_random_features,
)


def get_config(arg=None):
    arg = parse_variant(
        arg,
        VARIANTS,
        gate="shared_kernel",
        norm="local_response",
        architecture="unet",
        style=1,
        d_input=1,
        features=0,
        bs=0,
    )
    if arg.style not in (0, 1) or arg.d_input not in (0, 1):
        raise InputError(f"style={arg.style}, d_input={arg.d_input}: each is 0 or 1")
    config = published(SIZES.get(arg.variant, "128"))
    if arg.variant == "hour":
        reduce_to_hour(config)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    config.model.update(
        deconvolution_gate=arg.gate,
        norm=arg.norm,
        architecture=arg.architecture,
        discriminator_user_input=bool(arg.d_input),
    )
    if not arg.style:
        config.loss.style = 0.0
    if arg.features:
        use_random_features(config, arg.features)
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
