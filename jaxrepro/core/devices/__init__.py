"""Devices: meshes, what lies on them, and for which platform code is traced."""
