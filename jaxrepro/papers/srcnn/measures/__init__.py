"""What is measured, and under which protocol."""
