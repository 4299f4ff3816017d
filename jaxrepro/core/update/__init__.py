"""One update: its pieces, the optimiser, and how it and the first state become programs."""
