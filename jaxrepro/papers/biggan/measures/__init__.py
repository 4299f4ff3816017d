"""What is measured during training."""
