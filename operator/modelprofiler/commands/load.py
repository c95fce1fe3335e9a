"""``modelprofiler load``: what a load pod runs."""

from modelprofiler.load.command import configure, run

__all__ = ["configure", "run"]
