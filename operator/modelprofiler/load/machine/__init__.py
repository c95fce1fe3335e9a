"""The machine that a load is generated on: what it is, how busy it is, and how fast it is."""
