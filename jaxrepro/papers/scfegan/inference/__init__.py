"""Edits of pictures of any size."""
