"""modelprofiler: the smallest CPU and memory at which a model server meets its objective, measured.

In a notebook or a program::

    import modelprofiler

    result = modelprofiler.run("profile.yaml", on_trial=lambda trial: print(trial.index, trial.outcome))
    result.recommendation.limits.cpu
"""

from __future__ import annotations

from modelprofiler.version import __version__

TYPE_CHECKING = False  # a type checker takes it for true; importing typing is most of the time until Ctrl-C is heeded
if TYPE_CHECKING:
    from typing import Any

    from modelprofiler.local.api import run
    from modelprofiler.report.result import Result

__all__ = ["Result", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """Return what is loaded only when it is asked for: an operator or a load pod has no use for it."""
    if name == "run":
        from modelprofiler.local.api import run

        return run
    if name == "Result":
        from modelprofiler.report.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
