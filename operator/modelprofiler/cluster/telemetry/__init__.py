"""How the operator can be watched: its metrics, its health, its logs."""
