"""What variance does in a network before its first update."""
