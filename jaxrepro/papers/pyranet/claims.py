"""The claims of PyraNet, of the stacked hourglass and of articles about them."""

from jaxrepro.papers.pyranet.start import variance_claims

CLAIMS = variance_claims.CLAIMS
