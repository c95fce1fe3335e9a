"""modelprofiler: the smallest CPU and memory at which a model server meets its objective, measured."""

__version__ = "0.1.0"
