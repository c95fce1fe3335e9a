"""Finished trials as a shell would record them, from the few numbers that a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import (
    FailureCounts,
    LatencySummary,
    LoadStatus,
    MemoryUsage,
    Outcome,
    Purpose,
    Size,
    Trial,
    UsageStatus,
)
from modelprofiler.core.evidence import Failure
from modelprofiler.core.judge import outcome_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def summary(**seconds: float | None) -> LatencySummary:
    """Return latencies given in milliseconds."""
    return LatencySummary(**{n: None if v is None else Duration.of(v / 1000) for n, v in seconds.items()})


def load_of(
    p95: float | None = 100.0,
    *,
    spread: float = 0.05,
    requests: int = 1500,
    failures: int = 0,
    kinds: dict[str, int] | None = None,
    rate: str = "50",
    stopped_early: Literal["Certain", "Overload", "Terminated"] | None = None,
    **latency: float | None,
) -> LoadStatus:
    """Return what a load generator saw: latencies in milliseconds, intervals of ± `spread` about them."""
    values: dict[str, float | None] = {"mean": None if p95 is None else p95 / 2, "p50": None, "p95": p95, **latency}
    if p95 is not None and values["p50"] is None:
        values["p50"] = p95 / 2
    return LoadStatus(
        requests=requests,
        failures=failures,
        failures_by_kind=FailureCounts(**kinds) if kinds else None,
        rate=Quantity(rate),
        rows_covered=600,
        duration=Duration("30s"),
        stopped_early=stopped_early,
        latency=summary(**values),
        latency_low=summary(**{n: None if v is None else v * (1 - spread) for n, v in values.items()}),
        latency_high=summary(**{n: None if v is None else v * (1 + spread) for n, v in values.items()}),
    )


def usage_of(
    cpu_time: str | None = "8ms",
    peak: str | None = "187Mi",
    *,
    lifetime_peak: str | None = None,
    source: Literal["WorkingSet", "MaxUsage", "Cgroup", "Process"] = "Cgroup",
    oom_kills: int | None = 0,
    throttled: str | None = None,
    threads: int | None = None,
) -> UsageStatus:
    """Return what a container used."""
    memory = None
    if peak is not None:
        lifetime = None if lifetime_peak is None else Quantity(lifetime_peak)
        memory = MemoryUsage(peak=Quantity(peak), peak_source=source, lifetime_peak=lifetime)
    return UsageStatus(
        cpu_time_per_request=None if cpu_time is None else Duration(cpu_time),
        oom_kills=oom_kills,
        throttled_percent=None if throttled is None else Quantity(throttled),
        threads=threads,
        samples=4,
        memory=memory,
    )


class Trials(list[Trial]):
    """A run's trials, each judged as a shell would."""

    def __init__(self, spec: ModelProfileSpec) -> None:
        super().__init__()
        self.spec = spec

    def ran(
        self,
        purpose: Purpose,
        cpu: str,
        memory: str = "1Gi",
        load: LoadStatus | None = None,
        *,
        fresh: bool = True,
        usage: UsageStatus | None = None,
        failure: Failure | None = None,
        ready: str | None = "2s",
    ) -> Trials:
        """Add a trial and return all."""
        index = len(self) + 1
        load = load if load is not None or failure is not None else load_of()
        usage = usage if usage is not None else usage_of()
        time_to_ready = Duration(ready) if ready and fresh else None
        verdict = outcome_of(
            self.spec,
            purpose=purpose,
            fresh=fresh,
            load=load,
            usage=usage,
            time_to_ready=time_to_ready,
            failure=failure,
            trials=self,
        )
        self.append(
            Trial(
                index=index,
                purpose=purpose,
                limits=Size(cpu=Quantity(cpu), memory=Quantity(memory)),
                fresh=fresh,
                outcome=verdict.outcome,
                message=verdict.message,
                judged=verdict.judged,
                load=load,
                usage=usage,
                time_to_ready=time_to_ready,
                start_time=NOON + timedelta(minutes=index),
                completion_time=NOON + timedelta(minutes=index, seconds=40),
            )
        )
        return self

    def broke(self, purpose: Purpose, outcome: Outcome, cpu: str, memory: str = "1Gi", **more: Any) -> Trials:
        """Add a trial that ended otherwise than by its requests."""
        return self.ran(purpose, cpu, memory, failure=Failure(outcome, f"it was {outcome.value}"), **more)
