"""What growth means for a size: how long it lasts, and which one lasts long enough."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Trial
from modelprofiler.core.memory.leak import Leak
from modelprofiler.core.memory.soak import rate_of


def growth_over_horizon(spec: ModelProfileSpec, trials: Sequence[Trial], leak: Leak) -> int | None:
    """Return the bytes that memory grows by in recommendation.memoryHorizon; None where the rate is not known."""
    rate = rate_of(spec, trials)
    seconds = spec.recommendation.memory_horizon.seconds
    return None if rate is None else round(leak.per_request * rate * seconds)


def lasting(leak: Leak, sizes: Sequence[int], rate: float | None) -> str:
    """Return how long each of these memory sizes (bytes) lasts: ``208Mi lasts 35 s, 1Gi 3.1 h``."""
    parts: list[str] = []
    for size in sizes:
        requests = leak.requests_until(size)
        if requests is None:
            continue
        time = f"about {_rounded(requests)} requests" if rate is None else time_of(requests / rate)
        parts.append(f"{Quantity.memory(size)} {'' if parts else 'lasts '}{time}")
    return ", ".join(parts)


def _rounded(requests: int) -> str:
    """Return a number rounded to two digits: ``43,000``."""
    return f"{float(f'{requests:.2g}'):,.0f}"


def time_of(seconds: float) -> str:
    """Return a time in the unit that fits: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{float(f'{seconds / unit:.2g}'):g} {name}"
    return f"{seconds:.0f} s"
