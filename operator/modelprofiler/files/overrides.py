"""What the command line says instead of the file: a few common fields. Pure."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.objects import Object
from modelprofiler.errors import Problem


@dataclass(frozen=True)
class Overrides:
    """Values of flags, as text; None where a flag was not given.

    Attributes
    ----------
    dataset
        A file of rows; a relative path starts from the folder of the command.
    cpu, memory
        ``min:max:step``, or values with commas between them.
    latency
        ``METRIC=DURATION`` each; other bounds of the file stay.
    """

    dataset: str | None = None
    rate: str | None = None
    concurrency: int | None = None
    warmup: str | None = None
    duration: str | None = None
    cpu: str | None = None
    memory: str | None = None
    latency: tuple[str, ...] = ()
    max_error_percent: str | None = None
    port: int | None = None
    strategy: str | None = None
    max_trials: int | None = None
    repetitions: int | None = None
    deadline: str | None = None

    def applied(self, data: Object) -> tuple[Object, list[Problem]]:
        """Return a profile, as JSON data, with these values set, and what is wrong with the flags themselves."""
        edit = _Edit(copy.deepcopy(data))
        if self.dataset is not None:
            edit.put("spec.dataset.source", {"path": str(Path(self.dataset).absolute())})
        self._load(edit)
        for path, value in self._plain().items():
            edit.put(path, value)
        if self.cpu is not None:
            edit.put("spec.resources.cpu", edit.sizes("--cpu", self.cpu))
        if self.memory is not None:
            edit.put("spec.resources.memory", edit.sizes("--memory", self.memory))
        for given in self.latency:
            metric, equals, bound = given.partition("=")
            if not equals or not bound or metric not in LATENCY_METRICS:
                metrics = ", ".join(LATENCY_METRICS)
                message = f"is METRIC=DURATION, such as p95=250ms, with one of {metrics}; not {given!r}"
                edit.problems.append(Problem("--latency", message))
                continue
            edit.remove("spec.objectives.maxSlowdownPercent")  # instead of bounds, never beside them
            edit.put(f"spec.objectives.latency.{metric}", bound)
        return edit.data, edit.problems

    def _plain(self) -> Object:
        found = {
            "spec.load.warmup": self.warmup,
            "spec.load.duration": self.duration,
            "spec.objectives.maxErrorPercent": self.max_error_percent,
            "spec.endpoint.http.port": self.port,
            "spec.search.strategy": self.strategy,
            "spec.search.maxTrials": self.max_trials,
            "spec.search.repetitions": self.repetitions,
            "spec.search.deadline": self.deadline,
        }
        return {path: value for path, value in found.items() if value is not None}

    def _load(self, edit: _Edit) -> None:
        if self.rate is not None and self.concurrency is not None:
            edit.problems.append(Problem("--rate", "and --concurrency exclude each other: arrivals, or clients"))
        elif self.rate is not None:
            edit.remove("spec.load.closedLoop")
            edit.put("spec.load.openLoop.rate", self.rate)
        elif self.concurrency is not None:
            edit.remove("spec.load.openLoop")
            edit.put("spec.load.closedLoop.concurrency", self.concurrency)

    def explained(self, problem: Problem) -> Problem:
        """Return a problem of the resulting profile, with the flag that caused it where one did."""
        for flag, (value, paths) in self._flags().items():
            given = value is not None and value != ()
            if given and any(problem.path == p or problem.path.startswith((f"{p}.", f"{p}[")) for p in paths):
                return replace(problem, message=f"{problem.message} (from {flag})")
        return problem

    def _flags(self) -> dict[str, tuple[Any, tuple[str, ...]]]:
        return {
            "--dataset": (self.dataset, ("spec.dataset.source",)),
            "--rate": (self.rate, ("spec.load.openLoop",)),
            "--concurrency": (self.concurrency, ("spec.load.closedLoop",)),
            "--warmup": (self.warmup, ("spec.load.warmup",)),
            "--duration": (self.duration, ("spec.load.duration",)),
            "--cpu": (self.cpu, ("spec.resources.cpu",)),
            "--memory": (self.memory, ("spec.resources.memory",)),
            "--latency": (self.latency, ("spec.objectives.latency",)),
            "--max-error-percent": (self.max_error_percent, ("spec.objectives.maxErrorPercent",)),
            "--port": (self.port, ("spec.endpoint.http.port",)),
            "--strategy": (self.strategy, ("spec.search.strategy",)),
            "--max-trials": (self.max_trials, ("spec.search.maxTrials",)),
            "--repetitions": (self.repetitions, ("spec.search.repetitions",)),
            "--deadline": (self.deadline, ("spec.search.deadline",)),
        }


class _Edit:
    """A profile that is being changed, and what is wrong with the changes."""

    def __init__(self, data: Object) -> None:
        self.data = data
        self.problems: list[Problem] = []

    def put(self, path: str, value: Any) -> None:
        """Set a field; where the file has something else than an object on the way, it stays and is reported later."""
        if value is None:
            return
        *parents, last = path.split(".")
        target = self.data
        for name in parents:
            inner = target.get(name)
            if inner is None:
                inner = target[name] = {}
            if not isinstance(inner, dict):
                return
            target = inner
        target[last] = value

    def remove(self, path: str) -> None:
        """Remove a field where there is one."""
        *parents, last = path.split(".")
        target: Any = self.data
        for name in parents:
            target = target.get(name) if isinstance(target, dict) else None
        if isinstance(target, dict):
            target.pop(last, None)

    def sizes(self, flag: str, text: str) -> Object | None:
        """Return a range of sizes as the profile writes it."""
        parts = text.split(":")
        if len(parts) == 3:
            return dict(zip(("min", "max", "step"), parts, strict=True))
        if len(parts) == 1:
            return {"values": [value.strip() for value in text.split(",")]}
        example = "100m:1:50m" if flag == "--cpu" else "128Mi:1Gi:32Mi"
        self.problems.append(Problem(flag, f"is MIN:MAX:STEP, such as {example}, or values with commas; not {text!r}"))
        return None


NONE = Overrides()
