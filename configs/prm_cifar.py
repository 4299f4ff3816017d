r"""PRM beyond pose: wide ResNets and ResNeXt with pyramids on CIFAR-10, section 4.4 of Yang et al.,
"Learning Feature Pyramids for Human Pose Estimation", ICCV 2017 (arXiv 1708.01101).

    python -m jaxrepro.train --config=configs/prm_cifar.py:demo
    python -m jaxrepro.train --config=configs/prm_cifar.py:net=wrn,width=9 \
        --config.data.source=folder:cifar10
    python -m jaxrepro.train --config=configs/prm_cifar.py:small,prm=B --config.num_seeds=3 \
        --config.data.source=folder:cifar10 --workdir=runs/cifar_prm_b

Settings: net=wrn (or resnext), prm=B (A, B, C, D, or none), depth, width (of wrn the widening
factor, of resnext the channels of a group; left out, the published 28 and 10, 29 and 64), bs
(images of an update, 128). size=added puts the pyramids into the network of that width, size=equal
makes the network narrower until it has as many parameters as without them, to within 2 %.

Variants: paper (the default: 200 epochs of WRN-28-10 or 300 of ResNeXt-29 8x64d with the rates of
their papers, size=added; width=9 is the paper's other one, of 34.3 million parameters here and 36.4
in its table); small (1,950 updates with a cosine of WRN-16-1 with size=equal, the comparison for a
CPU, or of ResNeXt-20 8x8d with size=added); demo (small on scikit-learn's handwritten digits, which
are bundled: they are no CIFAR-10, and nothing published compares); test (2 updates).

Not in the paper, and chosen here: base width and cardinality (4 and 4, with which the parameters
are those of its table but for 28-9), where the pyramids stand, and the weights' start, He's for all
networks; `--config.model.init=branch_paper` is the paper's. Images are mirrored at their edges
before they are moved, as for WRN; the code of ResNeXt has the mean colour there.
"""

from jaxrepro.core.config import parse_variant
from jaxrepro.papers.pyranet.classification.classification_settings import (
    VARIANTS,
    published_classifier,
    reduce_to_demo,
    reduce_to_small,
    reduce_to_test,
    resize,
)


def get_config(arg=None):
    arg = parse_variant(arg, VARIANTS, net="wrn", prm="B", depth=0, width=0.0, size="", bs=0)
    config = published_classifier(arg.net, arg.prm)
    if arg.variant == "small":
        reduce_to_small(config)
    if arg.variant == "demo":
        reduce_to_demo(config)
    if arg.variant == "test":
        reduce_to_test(config)
    resize(config, arg.depth, arg.width)
    if arg.size:
        config.model.size = arg.size
    if arg.bs:
        config.train.batch_size = arg.bs
    return config
