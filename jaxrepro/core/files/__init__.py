"""Where files live, and how they are written: whole or not at all."""
