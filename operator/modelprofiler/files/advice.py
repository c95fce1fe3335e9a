"""Values of a profile that are allowed and probably not meant: a sentence for each, and nothing is refused. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.core.support import container_path, profiled_container

MANY_CPUS = 64
"""Whole CPUs from which it is asked whether millicores were meant: few model servers use as many."""

SLOWEST_RATE = 1
"""Requests per second below which a rate with a unit is said in words: 500m reads like 500."""


def advice(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence, with the path of the field, for each value that is probably not meant."""
    return [*_about_the_timeout(spec), *_about_shares(spec), *_about_sizes(spec), *_about_the_rate(spec)]


def _about_the_timeout(spec: ModelProfileSpec) -> Iterator[str]:
    timeout, latency = spec.endpoint.http.timeout, spec.objectives.latency
    if latency is None:
        return
    bounds = {name: getattr(latency, name) for name in type(latency).model_fields}
    above = {name: bound for name, bound in bounds.items() if bound is not None and bound > timeout}
    if above:
        name, bound = max(above.items(), key=lambda item: item[1].seconds)
        yield (
            f"spec.endpoint.http.timeout: {timeout} is shorter than the objective of {name}, {bound}: a request that "
            "takes longer than the timeout counts as failed, before it is too slow for the objective"
        )


def _about_shares(spec: ModelProfileSpec) -> Iterator[str]:
    if spec.objectives.max_error_percent == Quantity(100):
        yield "spec.objectives.maxErrorPercent: with 100 a size passes although every request fails"


def _about_sizes(spec: ModelProfileSpec) -> Iterator[str]:
    cpu = spec.resources.cpu
    sizes = [size for size in (cpu.min, cpu.max, *(cpu.values or ())) if size is not None] if cpu is not None else []
    large = [size for size in sizes if size.text.isdigit() and size >= Quantity(MANY_CPUS)]
    if large:
        yield f"spec.resources.cpu: {large[0]} is {large[0]} whole CPUs; {large[0]}m is a part of one"
    container = profiled_container(spec)
    if container is not None and container.get("resources"):
        yield f"{container_path(spec)}.resources: each trial replaces the CPU and memory by its own size"


def _about_the_rate(spec: ModelProfileSpec) -> Iterator[str]:
    loop = spec.load.open_loop
    if loop is not None and loop.rate < Quantity(SLOWEST_RATE):
        yield (
            f"spec.load.openLoop.rate: {loop.rate} is one request in {1 / float(loop.rate):.3g} seconds; a window of "
            f"{spec.load.duration} has {float(loop.rate) * spec.load.duration.seconds:.3g} of them"
        )
