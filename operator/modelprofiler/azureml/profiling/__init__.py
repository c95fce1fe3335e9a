"""What `Model.profile` does: its checks, the ModelProfile resource it makes of them, the run, and the result."""
