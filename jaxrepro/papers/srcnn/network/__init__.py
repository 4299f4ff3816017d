"""The networks, the borders of their maps, and pictures of any size in constant memory."""
