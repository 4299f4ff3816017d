"""Claims of papers as records: what is said, what measures it, and whether it holds."""
