"""What both networks minimise, and one update."""
