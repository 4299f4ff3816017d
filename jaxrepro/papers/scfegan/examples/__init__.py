"""Training examples: what is erased, and what a user gives to fill it."""
