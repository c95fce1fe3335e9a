"""The HTTP hot path: requests as bytes, the client that sends them, its connections, and the sockets below."""
