"""Where models are registered: the local store, or an MLflow server."""
