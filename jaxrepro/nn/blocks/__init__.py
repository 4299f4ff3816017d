"""Blocks and networks that more than one paper builds with."""
