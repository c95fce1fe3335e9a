"""The commands of ``modelprofiler ml``: each returns what is printed as JSON, and its exit code."""
