"""Joints: found in maps, scored, written down."""
