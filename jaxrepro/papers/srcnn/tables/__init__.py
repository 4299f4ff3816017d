"""Tables of several networks, protocols or colours."""
