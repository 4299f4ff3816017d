"""What watches over a run: its best checkpoint, its collapse, numbers that are none."""
