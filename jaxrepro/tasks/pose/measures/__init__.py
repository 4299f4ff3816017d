"""What is measured of found joints."""
