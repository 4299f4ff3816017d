"""How good edits are."""
