"""What was claimed of SRCNN, by its authors and in a later article, and what measures it."""

from jaxrepro.evidence.claim import Claim
from jaxrepro.evidence.exported import exported
from jaxrepro.papers.srcnn.evidence import (
    colors,
    outlook,
    protocols,
    rates,
    released_weights,
    training,
)

CLAIMS: tuple[Claim, ...] = (
    *released_weights.CLAIMS,
    *protocols.CLAIMS,
    *training.CLAIMS,
    *rates.CLAIMS,
    *colors.CLAIMS,
    *outlook.CLAIMS,
    exported(
        "srcnn",
        {
            "SRCNN": "configs/srcnn.py:demo",
            "FSRCNN": "configs/fsrcnn.py:demo",
            "ESPCN": "configs/espcn.py:demo",
        },
    ),
)
