"""Joints found with a trained network."""
