"""Measurements: pure functions from arrays to numbers, each with its protocol."""
