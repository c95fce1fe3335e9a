"""Simulated runs of every family, at every noise, with further evidence, failures and profiles drawn at random."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.search.families import FAMILIES, Space, draw, spec_of
from benchmarks.search.service import Measured
from benchmarks.search.simulation import Noise, Simulation

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import (
    AnswerKind,
    FailureCounts,
    FirstRequest,
    LoadStatus,
    MemoryCourse,
    NodeLoad,
    Outcome,
    Purpose,
    Trial,
    UsageStatus,
    Visits,
)
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Failure
from modelprofiler.core.search.progress import Subject, progress
from modelprofiler.core.search.workload import Workload
from modelprofiler.core.steps import RunTrial, Step

NOISE = (0.0, 0.05, 0.2)
ALL = FAMILIES
WHY_NOT_ENFORCED = "this machine cannot enforce limits"


@dataclass
class World(Simulation):
    """A simulated service with more evidence than its CPU and latency.

    Attributes
    ----------
    traits
        What else is true of it: see `TRAITS`.
    """

    traits: frozenset[str] = frozenset()
    step: RunTrial | None = None

    def next(self) -> Step:
        """Return the next step of the run."""
        enforced = "" if "not enforced" not in self.traits else WHY_NOT_ENFORCED
        subject = Subject(self.spec, self.resources, "server", "Local", not_enforced=enforced, workload=self.workload)
        late = "deadline" in self.traits and len(self.trials) > self.seed % 6
        return progress(subject, self.trials, 10_000.0 if late else 1.0)

    @property
    def searched(self) -> list[Trial]:
        """The trials of the search, without those of the workload's size today."""
        return [trial for trial in self.trials if trial.purpose is not Purpose.BASELINE]

    @property
    def workload(self) -> Workload | None:
        """The workload that the server is a copy of."""
        if "workload" not in self.traits:
            return None
        rng = random.Random(f"workload {self.seed}")
        cpu, memory = self.axes
        size = Limits(
            rng.choice([cpu.last, cpu[len(cpu) // 2], 2 * cpu.last]),
            rng.choice([memory.last, memory[len(memory) // 2]]),
        ).to_size()
        return Workload("Deployment recommender", size, size, replicas=rng.choice([None, 3]))

    def trial(self, step: RunTrial) -> Trial:
        """Run one trial."""
        self.step = step
        trial = super().trial(step)
        node = trial.node if self.seed % 3 else None  # in a third of the worlds no reference loop runs
        if "threads" in self.traits and self.seed % 2:
            node = (node or NodeLoad()).model_copy(update={"cpus": 16})
        return trial.model_copy(update={"node": node})

    def failure(self, step: RunTrial, measured: Measured, rng: random.Random) -> Failure | None:
        """Return what goes wrong in a trial."""
        if "disturbed" in self.traits and rng.random() < 0.3:
            return Failure(Outcome.DISTURBED, "the machine had too little CPU left")
        if "unreliable" in self.traits and rng.random() < 0.7:
            return Failure(Outcome.LOAD_FAILED, "the load generator ended early.")
        if (
            "slow start" in self.traits
            and step.fresh
            and step.limits.cpu < (0.3, 0.6)[self.seed % 2] * self.axes[0].last
        ):
            return Failure(Outcome.NEVER_READY, "the server was not ready after 60 s; it is still loading")
        if "unlucky" in self.traits and step.limits.cpu < self.axes[0].last and rng.random() < 0.6:
            return Failure(Outcome.CRASHED, "the server ended with exit code 139 (SIGSEGV)")
        if "crashes" in self.traits and step.limits.memory < 0.7 * self.axes[1].last:
            return Failure(Outcome.CRASHED, "the server ended with exit code 3: Error: out of handles.")
        if "broken" in self.traits:
            return Failure(Outcome.CRASHED, "the server ended with exit code 1: No module named 'model'")
        if self._killed(step, measured):
            return Failure(Outcome.OOM_KILLED, "the kernel ended the server for lack of memory")
        return super().failure(step, measured, rng)

    def _killed(self, step: RunTrial, measured: Measured) -> bool:
        return "leak" in self.traits and measured.memory + self._grown(measured) > step.limits.memory

    def _requests(self) -> int:
        """Return the requests of the trial: a soak has more."""
        seconds = self.step.seconds if self.step is not None and self.step.seconds else 30.0
        return round(self.service.count * seconds / 30)

    def _per_request(self) -> float:
        rng = random.Random(f"leak {self.seed}")
        return 10 ** rng.uniform(1, 6)

    def _grown(self, measured: Measured) -> int:
        settles = self.seed % 3 == 0
        requests = min(self._requests(), 3 * self.service.count) if settles else self._requests()
        return round(self._per_request() * requests)

    def _load(self, measured: Measured, pace: float) -> LoadStatus:
        load, rng = super()._load(measured, pace), random.Random(f"load {self.seed} {len(self.trials)}")
        changes: dict[str, Any] = {}
        if self.step is not None and self.step.seconds:
            changes |= {"duration": Duration.of(self.step.seconds), "requests": self._requests()}
        if "rows" in self.traits:
            distinct = rng.choice([1, 20, load.requests + 1, 3000, 40_000_000])
            changes |= {"distinct_rows": distinct, "rows_covered": min(distinct, load.requests)}
        if "first request" in self.traits:
            seconds = 1.5 + self.service.start_seconds / max(0.05, measured.cpu / 1000)
            tries, refusal = (rng.randint(2, 9), "had status 503") if self.seed % 2 else (1, None)
            changes |= {"first_request": FirstRequest(duration=Duration.of(seconds), tries=tries, refusal=refusal)}
        if "cache" in self.traits:
            first = Duration.of(0.2 * rng.uniform(1, 3))
            changes |= {"first_visits": Visits(requests=60, median=first)}
            changes |= {"later_visits": Visits(requests=500, median=Duration.of(0.003))}
        if "split" in self.traits:
            changes |= {"split_answers": rng.randint(0, load.requests)}
        if "answers" in self.traits:
            changes["answers"] = _answers(rng, load.requests)
        if "errors" in self.traits and measured.cpu < rng.choice([0.2, 0.6, 2]) * self.axes[0].last:
            changes |= _failures(rng, load.requests)
        return load.model_copy(update=changes)

    def _usage(self, measured: Measured, rng: random.Random, limits: Limits, *, thrashes: bool) -> UsageStatus:
        usage, changes = super()._usage(measured, rng, limits, thrashes=thrashes), {}
        memory = usage.memory
        assert memory is not None
        more = random.Random(f"usage {self.seed} {len(self.trials)}")
        if "leak" in self.traits:
            changes["memory"] = self._leaking(measured, usage, more)
            changes["samples"] = 12
        if "threads" in self.traits:
            changes |= {"threads": 3 + 24 * self.service.pools(self.started_at)[0]}
            if self.seed % 3:
                changes |= {"throttled_percent": Quantity.decimal(more.uniform(0, 80), 3)}
        if "mapped" in self.traits:
            changes |= {"mapped_file": Quantity(int(memory.peak.bytes * more.uniform(0.1, 0.9)))}
        if "no memory" in self.traits:
            changes |= {"memory": None}
        if "thrashing" in self.traits and self.step is not None and self.step.limits.memory < 1.3 * memory.peak.bytes:
            changes |= {"mapped_file": Quantity(memory.peak.bytes // 4), "read_bytes": Quantity(7 * 2**30)}
            changes |= {"major_faults": 30_000}
        if "no cost" in self.traits:
            changes |= {"cpu_time_per_request": None}
        return usage.model_copy(update=changes)

    def _leaking(self, measured: Measured, usage: UsageStatus, rng: random.Random) -> Any:
        assert usage.memory is not None
        per_request, requests = self._per_request() * rng.uniform(0.97, 1.03), self._requests()
        rate = 1000 * per_request
        changes: dict[str, Any] = {
            "peak": Quantity(usage.memory.peak.bytes + self._grown(measured)),
            "growth_per1000_requests": Quantity.decimal(rate),
            "growth_low": Quantity.decimal(0.9 * rate),
            "growth_high": Quantity.decimal(1.1 * rate),
            "before_load": usage.memory.peak,
        }
        if self.step is not None and self.step.seconds:
            trend = {0: "Settles", 1: "Grows", 2: rng.choice(["Grows", "Saws", "Unclear"])}[self.seed % 3]
            later = 0.01 * rate if trend == "Settles" else rate
            changes["course"] = MemoryCourse(
                trend=trend,
                requests=requests,
                earlier=Quantity.decimal(rate),
                later=Quantity.decimal(later),
                later_low=Quantity.decimal(0.95 * later),
                later_high=Quantity.decimal(1.05 * later),
            )
        return usage.memory.model_copy(update=changes)


def _answers(rng: random.Random, requests: int) -> list[AnswerKind]:
    """Return answers of one or two kinds, some of which report errors or are no answers for another reason."""
    error = AnswerKind(
        status=200,
        shape="JSON object with error",
        error=True,
        answers=rng.choice([3, requests // 3, 9 * requests // 10]),
        looked_at=20,
        bodies=3,
        rows=4,
        sample='{"error": "no such model: ' + "x" * 100 + '"}',
    )
    good = AnswerKind(
        status=200, shape="JSON list", answers=requests - error.answers, looked_at=90, bodies=60, rows=80, sample="[1]"
    )
    other = good.model_copy(update={"shape": "empty", "sample": "", "answers": error.answers})
    equal = good.model_copy(update={"bodies": 1, "answers": requests})
    receipt = error.model_copy(update={"error": False, "lack": "Pending", "sample": '{"status": "queued"}'})
    empty = other.model_copy(update={"lack": "Empty"})
    not_json = other.model_copy(update={"lack": "NotJson", "sample": "[NaN]"})
    doubted = [[error, good], [receipt, good], [good, empty], [good, not_json]]
    return rng.choice([*doubted, [good, other], [equal], [good]])


def _failures(rng: random.Random, requests: int) -> dict[str, Any]:
    """Return requests that failed, by their status or because they took too long."""
    failed = rng.randint(1, requests // 2)
    slow = rng.choice([0, failed // 3])
    status = rng.choice([400, 429, 500, 503])
    refused = AnswerKind(
        status=status, shape="text", answers=failed - slow, looked_at=9, bodies=1, rows=9, sample="queue is full"
    )
    return {
        "failures": failed,
        "failures_by_kind": FailureCounts(status=failed - slow, timeout=slow),
        "first_failure": rng.choice([None, Duration("1.5s")]),
        "answers": [refused, refused.model_copy(update={"status": 502, "sample": "bad gateway"})][: rng.randint(1, 2)],
    }


TRAITS = (
    "answers",
    "errors",
    "errors",
    "thrashing",
    "workload",
    "rows",
    "first request",
    "cache",
    "split",
    "leak",
    "threads",
    "mapped",
    "no memory",
    "no cost",
    "disturbed",
    "unreliable",
    "slow start",
    "crashes",
    "unlucky",
    "broken",
    "deadline",
    "not enforced",
)
"""Every second run has one or two of them; the others are as in the benchmark of the search."""
PLAIN = 2


def world(number: int, requests: int = 400) -> World:
    """Return the run of this number: families take turns, then levels of noise; the rest is drawn."""
    rng = random.Random(f"world {number}")
    family, spread = ALL[number % len(ALL)], NOISE[number // len(ALL) % len(NOISE)]
    space = rng.choice([Space(36, 20), Space(100, 100), Space(10, 8)])
    noise = Noise(runs=spread, drift=0.02 if spread else 0.0, stalls=rng.choice([0.0, 0.0, 0.1]))
    base = draw(number, family, space, noise, requests)
    traits = frozenset() if number % PLAIN == 0 else frozenset(rng.sample(TRAITS, rng.choice([1, 1, 2])))
    return World(spec=_spec(base, rng), service=base.service, seed=number, noise=noise, traits=traits)


def _spec(base: Simulation, rng: random.Random) -> ModelProfileSpec:
    """Return the profile with margins, objectives, ranges and a search of its own."""
    data = base.spec.to_dict()
    data["recommendation"] = rng.choice(
        [
            {"cpuMarginPercent": 10, "memoryMarginPercent": 20},
            {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
            {"cpuMarginPercent": 7, "memoryMarginPercent": 33, "cpuLimit": "None"},
            {"cpuMarginPercent": 50, "memoryMarginPercent": 5, "memoryHorizon": "1h"},
        ]
    )
    cpu, memory = base.axes
    search = dict(data.get("search") or {})
    kind = rng.choice(["range", "range", "range", "coarse", "decimal", "grid"])
    if kind in ("coarse", "grid"):
        many = sorted(rng.sample(range(len(cpu)), k=min(len(cpu), rng.randint(2, 5))))
        values = sorted({cpu[i] for i in many} | {cpu.last})
        few = sorted({memory[rng.randrange(len(memory))], memory[len(memory) // 2], memory.last})
        data["resources"] = {
            "cpu": {"values": [f"{value}m" for value in values]},
            "memory": {"values": [str(value) for value in few]},
        }
        if kind == "grid":
            search |= {"strategy": "Grid", "maxTrials": 30}
    elif kind == "decimal":
        least = memory.first // 10**6
        data["resources"]["memory"] = {
            "min": f"{max(8, least)}M",
            "max": f"{memory.last // 10**6}M",
            "step": f"{max(1, (memory.last - memory.first) // 10**6 // 17)}M",
        }
    data["search"] = search | _search(rng, kind)
    data["objectives"] = _objectives(rng, data["objectives"])
    return spec_of(**data)


def _search(rng: random.Random, kind: str) -> dict[str, Any]:
    """Return how a range of this kind is searched, where that is not as usual."""
    search: dict[str, Any] = {}
    if kind != "grid" and rng.random() < 0.15:
        search["maxTrials"] = rng.randint(3, 6)
    if rng.random() < 0.2:
        search["resize"] = "Recreate"
    if rng.random() < 0.1:
        search["threads"] = "Auto"
    if rng.random() < 0.1:
        search["soak"] = rng.choice(["0s", "3m"])
    return search


def _objectives(rng: random.Random, latency: dict[str, Any]) -> dict[str, Any]:
    """Return objectives: those on latency, or others, or both."""
    objectives = {"maxSlowdownPercent": rng.choice(["50", "200"])} if rng.random() < 0.1 else dict(latency)
    if rng.random() < 0.1:
        objectives["maxTimeToReady"] = "8s"
    if rng.random() < 0.05:
        objectives["maxErrorPercent"] = "60"
    return objectives
