"""Networks brought to other shapes: published weights, other classes."""
