"""Single requests before the load: something listens, the first request is answered, and the server is idle."""
