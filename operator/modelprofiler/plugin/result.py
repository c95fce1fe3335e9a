"""What a run means for its workload: today's size, the one that is enough, and the difference. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ContainerRecommendation, Verification
from modelprofiler.report.formats import NONE, printable
from modelprofiler.report.notes import notes
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import Summary

_UNSET = "not set"


def render(profile: ModelProfile, workload: str, width: int) -> str:
    """Return the result of a finished run as text.

    Parameters
    ----------
    workload
        Kind and name of what was profiled.
    width
        In characters, at least 40.
    """
    record, width = RunRecord(profile), max(width, 40)
    summary = Summary.of(record)
    recommendation = summary.recommendation
    if recommendation is None:
        reason = f" ({summary.reason})" if summary.reason else ""
        head = [f"{workload}: {summary.title}{reason}", _wrapped(summary.message, width)]
    else:
        head = [f"{workload}, container {recommendation.container_name}: {summary.state.value}", ""]
        head += [*_table(recommendation), ""]
        head += [_verified(recommendation.verification), ""] if recommendation.verification is not None else []
        head += [_wrapped(summary.verdict, width), _wrapped(recommendation.explanation, width)]
    sentences = "\n".join(_wrapped(sentence, width, "  - ") for sentence in notes(record))
    parts = ["\n".join(head), f"Notes\n{sentences}" if sentences else ""]
    return printable("\n\n".join(part for part in parts if part) + "\n")


def _table(recommendation: ContainerRecommendation) -> list[str]:
    """Return a line for each part of the size, and for each variable that is part of the recommendation."""
    replicas = recommendation.current.replicas if recommendation.current is not None else None
    headings = ["", "TODAY", "ENOUGH", "DIFFERENCE"]
    if replicas:
        headings.append("REPLICA" if replicas == 1 else f"ALL {replicas} REPLICAS")
    rows = [headings, *_rows(recommendation, replicas or 0)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings))]
    lines = [
        "  ".join([f"{row[0]:{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return [*lines, *(f"set {variable.name}={variable.value}" for variable in recommendation.env)]


def _rows(recommendation: ContainerRecommendation, replicas: int) -> Iterator[list[str]]:
    current, enough = recommendation.current, recommendation
    reserved = {} if current is None else {"cpu": current.requests.cpu, "memory": current.requests.memory}
    limits = {} if current is None else {"cpu": current.limits.cpu, "memory": current.limits.memory}
    # The API server takes a request that is not set from the limit.
    reserved = {name: value or limits[name] for name, value in reserved.items()}
    for name, write in (("cpu", Quantity.cpu), ("memory", Quantity.memory)):
        for part, today, size in (("request", reserved, enough.requests), ("limit", limits, enough.limits)):
            current_amount, enough_amount = today.get(name), getattr(size, name)
            cells = [
                f"{name} {part}",
                str(current_amount or (_UNSET if current is not None else NONE)),
                str(enough_amount or _UNSET),
            ]
            amount = _amount(current_amount, enough_amount, name)
            cells += [_difference(amount, write)]
            yield [*cells, _difference(amount and amount * replicas, write)] if replicas else cells


def _amount(today: Quantity | None, enough: Quantity | None, name: str) -> int | None:
    """Return how much more is enough, in millicores or bytes; None where one of the two is not set."""
    if today is None or enough is None:
        return None
    return enough.millicores - today.millicores if name == "cpu" else enough.bytes - today.bytes


def _difference(amount: int | None, write: Callable[[int], Quantity]) -> str:
    if amount is None:
        return NONE
    return "0" if not amount else f"{'-' if amount < 0 else '+'}{write(abs(amount))}"


def _verified(verification: Verification) -> str:
    """Return what the size is verified for."""
    where = "in this cluster" if verification.environment == "Cluster" else "on one machine outside a cluster"
    parts = [f"Verified by trial {verification.trial} {where}"]
    parts += [f"p95 {verification.p95}"] if verification.p95 is not None else ["too few requests for a p95"]
    parts += [f"{verification.rows} rows sent"] if verification.rows is not None else []
    return ", ".join(parts)


def _wrapped(text: str, width: int, prefix: str = "") -> str:
    indent = " " * len(prefix)
    lines = textwrap.wrap(text, width, initial_indent=prefix, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines) or prefix.rstrip()
