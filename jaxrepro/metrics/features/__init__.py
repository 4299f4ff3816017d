"""Feature networks, and the features of sets of images."""
