"""Regions drawn with a brush."""
