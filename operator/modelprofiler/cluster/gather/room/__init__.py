"""What the nodes have left, and which of them can run the server of a profile."""
