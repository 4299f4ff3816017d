"""Loss functions shared by papers."""
