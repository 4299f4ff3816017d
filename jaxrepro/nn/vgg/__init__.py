"""VGG-16, the fixed network behind perceptual and style losses."""
