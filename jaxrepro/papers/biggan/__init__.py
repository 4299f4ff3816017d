"""BigGAN: Large Scale GAN Training for High Fidelity Natural Image Synthesis (ICLR 2019)."""
