"""Published weights: their names and layouts."""
