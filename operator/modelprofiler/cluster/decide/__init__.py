"""What follows from what was gathered. Pure."""
