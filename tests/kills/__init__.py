"""Kills commands at random moments, gives them again, and compares the end with a quiet run's."""
