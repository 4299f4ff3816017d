"""Picture files: read, resized, converted and written."""
