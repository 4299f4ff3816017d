"""Published vision papers, reproduced in JAX and Flax."""

import sys

__version__ = "0.1.0"

# A command has begun, and its imports take a while. Python calls itself "-m" while it looks for the
# module of `python -m jaxrepro.train`. Whoever imports the package keeps their own Ctrl-C.
if sys.argv and sys.argv[0].rpartition("/")[2] in ("-m", "jaxrepro"):
    from jaxrepro.core.machine import interrupts

    interrupts.end_at_once()
