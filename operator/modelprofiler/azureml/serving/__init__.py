"""How models are served: the scoring script, the environment it runs in, and where a server finds its models."""
