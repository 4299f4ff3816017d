"""What was claimed of SRCNN, by its authors and in a later article, and what measures it."""

from jaxrepro.evidence.claim import Claim
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
)
