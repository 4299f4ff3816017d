"""Faces with their maps: sketches, colours, regions."""
