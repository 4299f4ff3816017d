"""Generated samples beside real images."""
