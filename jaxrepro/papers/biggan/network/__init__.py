"""The generators and discriminators, their latent vectors and widths."""
