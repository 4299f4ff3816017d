"""What a program does, counted without running it: operations, exchanges, memory."""
