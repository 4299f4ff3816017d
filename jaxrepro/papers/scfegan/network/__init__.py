"""The generators, the discriminator, and what they are given."""
