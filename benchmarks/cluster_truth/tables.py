"""The outcomes as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.cluster_truth.evaluate import Outcome, size
from benchmarks.cluster_truth.rules import percent_off

from modelprofiler.api.trial import UsageStatus

CPU_WITHIN, MEMORY_WITHIN = 3.0, 2.0
"""Percent: what is to be reached."""
MIB = 2**20


def document(outcomes: Sequence[Outcome], sources: Sequence[str]) -> str:
    """Return the tables of each node."""
    parts = []
    for node in dict.fromkeys(outcome.cluster_node for outcome in outcomes):
        on_node = [outcome for outcome in outcomes if outcome.cluster_node == node]
        kernel = f"Linux {node.kernel}{' in user mode' if node.user_mode else ''}"
        parts.append(
            f"### Control groups version {on_node[0].version}: {node.name}, {kernel}\n\n{_of_node(on_node, sources)}"
        )
    return "\n\n".join(parts)


def _of_node(outcomes: Sequence[Outcome], sources: Sequence[str]) -> str:
    group, lifetime = ("its control group", _kernel), ("lifetime peak", _lifetime)
    costs = _ours("CPU time per request", outcomes, sources, _cost, lambda o: o.cost, _milliseconds, group)
    parts = [
        costs,
        _ours("Mean cores in the window", outcomes, sources, _cores, lambda o: o.truth.cores, _three_digits),
        _ours("Steady memory", outcomes, sources, _steady, lambda o: o.truth.steady_bytes, _mib),
        _ours("Peak memory", outcomes, sources, _peak, lambda o: o.truth.peak_bytes, _mib, lifetime),
        _throttling(outcomes, sources),
        _since_start(outcomes),
        _exact(outcomes, sources),
        _others(outcomes),
        _reached(outcomes, sources),
    ]
    return "\n\n".join(parts)


def _cost(usage: UsageStatus) -> float | None:
    return usage.cpu_time_per_request.seconds if usage.cpu_time_per_request else None


def _cores(usage: UsageStatus) -> float | None:
    return size(usage.cpu)


def _steady(usage: UsageStatus) -> float | None:
    return size(usage.memory.steady) if usage.memory else None


def _peak(usage: UsageStatus) -> float | None:
    return size(usage.memory.peak) if usage.memory else None


def _lifetime(outcome: Outcome) -> float | None:
    """Return the largest that the operator knows of since the server's start, page cache and start-up included."""
    return size(outcome.row.memory.lifetime_peak) if outcome.row.memory else None


def _kernel(outcome: Outcome) -> float | None:
    """Return what the control group says of a request: how far the server is off, and what it does besides."""
    used = outcome.truth.cpu_seconds
    return None if used is None else used / outcome.requests


def _ours(
    title: str,
    outcomes: Sequence[Outcome],
    sources: Sequence[str],
    value: Callable[[UsageStatus], float | None],
    true: Callable[[Outcome], float | None],
    form: Callable[[float], str],
    reference: tuple[str, Callable[[Outcome], float | None]] | None = None,
) -> str:
    """Return a table of one number: for each server the truth, how far each source is off, and the reference."""
    last = [reference[0]] if reference else []
    lines = [_row([title, "truth", *sources, *last]), _rule(len(sources) + 2 + len(last))]
    for outcome in outcomes:
        truth = true(outcome)
        values = [value(usage) if usage else None for usage in (outcome.usages[name][0] for name in sources)]
        values += [reference[1](outcome)] if reference else []
        lines.append(
            _row([outcome.case.title, "unknown" if truth is None else form(truth), *(_off(v, truth) for v in values)])
        )
    return "\n".join(lines)


def _throttling(outcomes: Sequence[Outcome], sources: Sequence[str]) -> str:
    """Return the throttled share in percent of the periods: points, because a share of nothing is nothing."""
    lines = [_row(["Throttled periods", "truth", *sources]), _rule(len(sources) + 2)]
    for outcome in outcomes:
        shares = [outcome.truth.throttled_percent]
        shares += [size(u.throttled_percent) if u else None for u in (outcome.usages[name][0] for name in sources)]
        lines.append(_row([outcome.case.title, *("none" if s is None else f"{s:.1f} %" for s in shares)]))
    return "\n".join(lines)


def _since_start(outcomes: Sequence[Outcome]) -> str:
    """Return what counts from the server's start: the time until it was ready, and the largest memory ever charged."""
    heads = ["time to ready: its process", "measured", "lifetime peak: its control group", "measured"]
    lines = [_row(["", *heads]), _rule(len(heads) + 1)]
    for outcome in outcomes:
        truth, measured = outcome.ready
        lifetime = outcome.truth.lifetime_bytes
        cells = [
            "before the first reading" if truth is None else f"{truth:.1f} s",
            "none" if measured is None else f"{measured:.1f} s",
            "unknown" if lifetime is None else _mib(lifetime),
            _off(_lifetime(outcome), lifetime),
        ]
        lines.append(_row([outcome.case.title, *cells]))
    return "\n".join(lines)


def _exact(outcomes: Sequence[Outcome], sources: Sequence[str]) -> str:
    """Return threads, growth, and how many samples each source had and when it had them all."""
    heads = [
        "threads: truth",
        "measured",
        "growth per 1,000 requests: truth",
        "measured",
        "samples, seconds",
        "other CPU",
    ]
    lines = [_row(["", *heads]), _rule(len(heads) + 1)]
    for outcome in outcomes:
        used = [(name, *outcome.usages[name]) for name in sources]
        threads = {str(u.threads) for _, u, _ in used if u}
        counts = [f"{u.samples if u else 0}, {late:.0f} s" for _, u, late in used]
        cells = [
            "unknown" if outcome.truth.threads is None else f"{outcome.truth.threads:.0f}",
            ", ".join(sorted(threads)),
            _mib(outcome.case.growth_bytes * 1000),
            "; ".join(_growth(u) for _, u, _ in used),
            "; ".join(counts),
            str(outcome.node.other_cpu) if outcome.node and outcome.node.other_cpu is not None else "unknown",
        ]
        lines.append(_row([outcome.case.title, *cells]))
    return "\n".join(lines)


def _growth(usage: UsageStatus | None) -> str:
    """Return growth, and its interval where there are enough samples for one."""
    memory = usage.memory if usage else None
    if memory is None or memory.growth_per1000_requests is None:
        return "none"
    if memory.growth_low is None or memory.growth_high is None:
        return str(memory.growth_per1000_requests)
    return f"{memory.growth_per1000_requests} ({memory.growth_low} to {memory.growth_high})"


def _others(outcomes: Sequence[Outcome]) -> str:
    names = list(outcomes[0].others.rates)
    heads = [*(f"rate[1m], {name}" for name in names), "metrics-server", "VPA rule", "KRR rule"]
    cpu = [_row(["Others, CPU", "truth (mean)", *heads]), _rule(len(heads) + 2)]
    memory = [
        _row(["Others, memory", "truth (steady)", "truth (peak)", "metrics-server", "VPA rule", "KRR rule"]),
        _rule(6),
    ]
    for o in outcomes:
        values = [
            *(o.others.rates[name] for name in names),
            o.others.metrics_server,
            o.others.vpa_cpu,
            o.others.krr_cpu,
        ]
        true = o.truth.cores
        cpu.append(
            _row([o.case.title, "unknown" if true is None else _three_digits(true), *(_off(v, true) for v in values)])
        )
        peaks = [o.others.metrics_server_memory, o.others.vpa_memory, o.others.krr_memory]
        steady, peak = o.truth.steady_bytes, o.truth.peak_bytes
        memory.append(
            _row(
                [
                    o.case.title,
                    *("unknown" if b is None else _mib(b) for b in (steady, peak)),
                    *(_off(v, steady) for v in peaks),
                ]
            )
        )
    return "\n".join(cpu) + "\n\n" + "\n".join(memory)


def misses(outcomes: Sequence[Outcome], sources: Sequence[str]) -> list[str]:
    """Return what is further off than it may be, in words."""
    failures = []
    for outcome in outcomes:
        for name in sources:
            usage = outcome.usages[name][0]
            cost = percent_off(_cost(usage), outcome.cost) if usage else None
            steady = percent_off(_steady(usage), outcome.truth.steady_bytes) if usage else None
            for quantity, value, within in (("CPU", cost, CPU_WITHIN), ("steady memory", steady, MEMORY_WITHIN)):
                if value is None or abs(value) > within:
                    failures.append(f"{quantity} of '{outcome.case.title}' from {name}: {_percent(value)}")
    return failures


def _reached(outcomes: Sequence[Outcome], sources: Sequence[str]) -> str:
    missed, all_ = misses(outcomes, sources), 2 * len(outcomes) * len(sources)
    text = f"Within {CPU_WITHIN:g} % (CPU per request) and {MEMORY_WITHIN:g} % (steady memory): "
    return text + f"{all_ - len(missed)} of {all_}." + ("".join(f"\n- {m}" for m in missed) if missed else "")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns


def _off(value: float | None, truth: float | None) -> str:
    return _percent(percent_off(value, truth))


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:+.1f} %"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:g} ms"


def _three_digits(cores: float) -> str:
    return f"{cores:.3f}"


def _mib(size: float) -> str:
    return f"{size / MIB:.1f} MiB"
