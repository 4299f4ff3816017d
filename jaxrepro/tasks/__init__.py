"""Kinds of work: Tasks that are complete but for the pieces which a paper contributes."""
