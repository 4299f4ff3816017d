"""Checkpoints: written, found damaged, restored, continued from, exported."""
