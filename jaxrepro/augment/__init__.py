"""Augmentations of a batch on the device: pure functions of a key, for use in a jitted step."""
