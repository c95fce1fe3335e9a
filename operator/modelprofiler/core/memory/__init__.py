"""Memory that grows: whether short windows show it, whether it goes on in a soak, and how long each size lasts."""
