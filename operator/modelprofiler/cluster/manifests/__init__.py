"""The Kubernetes objects that a run creates, whole: pure functions, so that a test can compare whole objects."""
