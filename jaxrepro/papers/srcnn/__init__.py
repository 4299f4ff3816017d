"""SRCNN: image super-resolution with three convolutions (Dong et al., 2014 and 2016)."""
