"""Modules shared by papers, one idea per file."""
