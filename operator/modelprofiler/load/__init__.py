"""Dataset to requests to a summary: reading rows, arrival schedule, HTTP hot path, histogram."""
