"""The networks of the paper and how they start."""
