"""Sets of pictures: bundled, in folders, prepared as records."""
