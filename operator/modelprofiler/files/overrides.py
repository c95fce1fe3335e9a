"""The fields of a profile that the command line can set. Pure."""

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
    """The values of the flags, as text; None for a flag that was not used.

    Attributes
    ----------
    dataset
        A file of rows; a relative path starts from the folder of the command.
    cpu, memory
        ``min:max:step``, or values separated by commas.
    latency
        ``METRIC=DURATION`` each; the other bounds of the file stay.
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
    method: str | None = None
    path: str | None = None
    content_type: str | None = None
    timeout: str | None = None
    strategy: str | None = None
    max_trials: int | None = None
    repetitions: int | None = None
    deadline: str | None = None

    def applied(self, data: Object) -> tuple[Object, list[Problem]]:
        """Return a profile, as JSON data, with these values set, and the problems of the flags themselves."""
        edit = _Edit(copy.deepcopy(data))
        if self.dataset is not None:
            edit.put("spec.dataset.source", {"path": str(Path(self.dataset).absolute())})
        self._set_load(edit)
        for path, value in self._plain_fields().items():
            edit.put(path, value)
        if self.cpu is not None:
            edit.put("spec.resources.cpu", edit.range_of("--cpu", self.cpu))
        if self.memory is not None:
            edit.put("spec.resources.memory", edit.range_of("--memory", self.memory))
        for latency in self.latency:
            metric, equals, bound = latency.partition("=")
            if not equals or not bound or metric not in LATENCY_METRICS:
                metrics = ", ".join(LATENCY_METRICS)
                message = f"must be METRIC=DURATION, such as p95=250ms, with one of {metrics}; not {latency!r}"
                edit.problems.append(Problem("--latency", message))
                continue
            edit.remove("spec.objectives.maxSlowdownPercent")  # a profile has either this or bounds
            edit.put(f"spec.objectives.latency.{metric}", bound)
        return edit.data, edit.problems

    def _plain_fields(self) -> Object:
        fields = {
            "spec.load.warmup": self.warmup,
            "spec.load.duration": self.duration,
            "spec.objectives.maxErrorPercent": self.max_error_percent,
            "spec.endpoint.http.port": self.port,
            "spec.endpoint.http.method": self.method,
            "spec.endpoint.http.path": self.path,
            "spec.endpoint.http.contentType": self.content_type,
            "spec.endpoint.http.timeout": self.timeout,
            "spec.search.strategy": self.strategy,
            "spec.search.maxTrials": self.max_trials,
            "spec.search.repetitions": self.repetitions,
            "spec.search.deadline": self.deadline,
        }
        return {path: value for path, value in fields.items() if value is not None}

    def _set_load(self, edit: _Edit) -> None:
        if self.rate is not None and self.concurrency is not None:
            message = "and --concurrency exclude each other: the first sets an open loop, the second a closed one"
            edit.problems.append(Problem("--rate", message))
        elif self.rate is not None:
            edit.remove("spec.load.closedLoop")
            edit.put("spec.load.openLoop.rate", self.rate)
        elif self.concurrency is not None:
            edit.remove("spec.load.openLoop")
            edit.put("spec.load.closedLoop.concurrency", self.concurrency)

    def attributed(self, problem: Problem) -> Problem:
        """Return a problem of the resulting profile, with the flag that caused it, if one did."""
        for flag, (value, paths) in self._flags().items():
            used = value is not None and value != ()
            if used and any(problem.path == p or problem.path.startswith((f"{p}.", f"{p}[")) for p in paths):
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
            "--method": (self.method, ("spec.endpoint.http.method",)),
            "--path": (self.path, ("spec.endpoint.http.path",)),
            "--content-type": (self.content_type, ("spec.endpoint.http.contentType",)),
            "--timeout": (self.timeout, ("spec.endpoint.http.timeout",)),
            "--strategy": (self.strategy, ("spec.search.strategy",)),
            "--max-trials": (self.max_trials, ("spec.search.maxTrials",)),
            "--repetitions": (self.repetitions, ("spec.search.repetitions",)),
            "--deadline": (self.deadline, ("spec.search.deadline",)),
        }


class _Edit:
    """A profile that is being changed, and the problems of the changes."""

    def __init__(self, data: Object) -> None:
        self.data = data
        self.problems: list[Problem] = []

    def put(self, path: str, value: Any) -> None:
        """Set a field. Where a parent in the file is not an object, nothing changes; validation reports it."""
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
        """Remove a field, if there is one."""
        *parents, last = path.split(".")
        target: Any = self.data
        for name in parents:
            target = target.get(name) if isinstance(target, dict) else None
        if isinstance(target, dict):
            target.pop(last, None)

    def range_of(self, flag: str, text: str) -> Object | None:
        """Return a range of sizes as a profile has it."""
        parts = text.split(":")
        if len(parts) == 3:
            return dict(zip(("min", "max", "step"), parts, strict=True))
        if len(parts) == 1:
            return {"values": [value.strip() for value in text.split(",")]}
        example = "100m:1:50m" if flag == "--cpu" else "128Mi:1Gi:32Mi"
        self.problems.append(
            Problem(flag, f"must be MIN:MAX:STEP, such as {example}, or values separated by commas; not {text!r}")
        )
        return None


NONE = Overrides()
