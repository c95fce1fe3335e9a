"""Model registries: the local store, or an MLflow server."""
