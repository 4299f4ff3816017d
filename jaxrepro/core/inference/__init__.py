"""Trained networks outside of training: found by their path, built from their cards."""
