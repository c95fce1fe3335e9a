"""Asks the package index whether packages can be installed, at the call instead of minutes later."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.api.server import Environment
from modelprofiler.core.support import CLUSTER_PYTHON
from modelprofiler.errors import EnvironmentFailed, InvalidInput
from modelprofiler.host.packages import UNREACHABLE, error_lines
from modelprofiler.local.environment import Uv, is_built, requirements

SECONDS = 60.0
"""How long the caller waits at most. Resolving takes seconds; the few packages that have to be compiled for it take
minutes, and the run itself says what becomes of them."""

WHEELS_ONLY = ("--no-deps", "--no-build")


@dataclass(frozen=True)
class Answer:
    """What the index says about packages.

    Attributes
    ----------
    refused
        Requirements that cannot be installed, each with the reason.
    reason
        Why nothing can be installed although each could be by itself: in the resolver's words.
    warnings
        What may go wrong later, in sentences.
    """

    refused: tuple[str, ...] = ()
    reason: str | None = None
    warnings: tuple[str, ...] = ()


def ask_index(packages: Sequence[str], python: str | None, dropped_python: str | None) -> Answer:
    """Return what cannot be installed.

    An index that cannot be reached, or that takes too long, says nothing: the run tries again.

    Parameters
    ----------
    packages
        Pip requirements.
    python
        The version of Python; None for the default.
    dropped_python
        The version that the caller asked for and does not get: packages that have wheels for it alone are refused.
    """
    environment = Environment.model_validate({"requirements": list(packages), "pythonVersion": python})
    if not packages or is_built(environment):
        return Answer()
    lines = requirements(environment)
    version = python or CLUSTER_PYTHON
    try:
        uv = Uv(notify=print)
        resolver = _Resolver(uv, uv.python(python), time.monotonic() + SECONDS)
        without_wheel = _without_wheel(resolver, lines)
        if lost := _only_for(resolver, without_wheel, dropped_python):
            reason = f"it has wheels for Python {dropped_python} and none for Python {version}"
            return Answer(tuple(f"{line} ({reason})" for line in lost))
        problem = resolver.problem(lines)
        if problem is not None:
            reason = f"the package index has no such version for Python {version}"
            unavailable = tuple(f"{line} ({reason})" for line in lines if resolver.problem([line], "--no-deps"))
            return (
                Answer(unavailable)
                if unavailable
                else Answer(reason=f"the packages cannot be installed together: {problem}")
            )
    except InvalidInput as error:
        return Answer(reason=error.problems[0].message)
    except EnvironmentFailed:
        return Answer()
    slow = f"has no wheel for Python {version}: it is compiled from source, which takes minutes and may fail"
    return Answer(warnings=tuple(f"{line} {slow}" for line in without_wheel))


@dataclass(frozen=True)
class _Resolver:
    uv: Uv
    python: str
    end: float

    def problem(self, lines: Sequence[str], *options: str) -> str | None:
        """Return why lines cannot be installed, in uv's words; None where they can.

        Raises
        ------
        EnvironmentFailed
            The index cannot be reached, or the time is over.
        """
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise EnvironmentFailed("the index took too long to answer")
        with tempfile.TemporaryDirectory(prefix="modelprofiler-") as directory:
            file = Path(directory) / "requirements.in"
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            call = ("pip", "compile", "--quiet", "--python", self.python, *options, str(file))
            done = self.uv.call(*call, seconds=seconds)
        if done.returncode and UNREACHABLE.search(done.stderr):
            raise EnvironmentFailed("the index cannot be reached")
        return error_lines(done.stderr) if done.returncode else None


def _without_wheel(resolver: _Resolver, lines: Sequence[str]) -> list[str]:
    """Return the packages of an index that would have to be compiled."""
    of_index = [line for line in lines if "://" not in line and not line.startswith("/")]
    if not of_index or resolver.problem(of_index, *WHEELS_ONLY) is None:
        return []
    return [line for line in of_index if resolver.problem([line], *WHEELS_ONLY)]


def _only_for(resolver: _Resolver, lines: Sequence[str], python: str | None) -> list[str]:
    """Return the packages that have wheels for a version of Python."""
    if python is None:
        return []
    wheels: list[str] = []
    with contextlib.suppress(EnvironmentFailed):
        options = (*WHEELS_ONLY, "--python-version", python)
        wheels.extend(line for line in lines if resolver.problem([line], *options) is None)
    return wheels
