"""One update, its losses, what is watched, and a state for other classes."""
