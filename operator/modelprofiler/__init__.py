"""modelprofiler: measure the smallest CPU and memory at which a model server meets its objectives.

In a notebook or a program::

    import modelprofiler

    result = modelprofiler.run("profile.yaml", on_trial=lambda trial: print(trial.index, trial.outcome))
    result.recommendation.limits.cpu
"""

from __future__ import annotations

from modelprofiler.version import __version__

TYPE_CHECKING = False  # type checkers take it for True; importing typing would delay the handling of Ctrl-C
if TYPE_CHECKING:
    from typing import Any

    from modelprofiler.local.api import run
    from modelprofiler.report.result import Result

__all__ = ["Result", "__version__", "run"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use: an operator or a load pod does not need them."""
    if name == "run":
        from modelprofiler.local.api import run

        return run
    if name == "Result":
        from modelprofiler.report.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
