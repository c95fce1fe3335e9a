"""The operator: what the cluster shows, what follows from it, and acting on it."""
