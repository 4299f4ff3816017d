"""Classifiers of images: what they share, and one network a file."""
