"""What the answers of a load and its first request say about the server, beside whether the objectives are met."""
