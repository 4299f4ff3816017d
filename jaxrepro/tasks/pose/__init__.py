"""Where people's joints are in pictures."""
