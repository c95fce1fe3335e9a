"""What the load generator is told for one trial: the same whether a load pod or this machine sends it."""

from __future__ import annotations

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import Purpose, Trial
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.load.config import DatasetFile, LoadConfig, StopRules
from modelprofiler.load.plan import EXTENSION, SHORTEST_BOUND
from modelprofiler.load.probe import SETTLE_SECONDS

LONGEST_CONNECT = 30.0
"""Seconds to wait at most until something listens: the server said before that it is ready."""


def load_of_trial(
    spec: ModelProfileSpec,
    *,
    index: int,
    purpose: Purpose,
    decide: bool,
    reference: Trial | None,
    host: str,
    dataset: str,
    connect_timeout: float = LONGEST_CONNECT,
) -> LoadConfig:
    """Return the load of a trial.

    Parameters
    ----------
    spec
        The profile.
    index, purpose
        Of the trial; its index seeds the arrivals.
    decide
        Whether the window may end once the verdict is certain.
    reference
        The trial that slowdown and a settled server are counted from, once there is one.
    host
        Address of the server.
    dataset
        Path of the file with the rows, as the generator sees it.
    connect_timeout
        How long to wait until something listens, in seconds; at most `LONGEST_CONNECT`.
    """
    bounds = latency_bounds(spec, reference)
    needed = [*bounds, *(["p95"] if spec.objectives.max_slowdown_percent and not bounds else [])]
    probe = reference.load.probe if reference and reference.load else None
    return LoadConfig(
        host=host,
        port=spec.endpoint.http.port,
        endpoint=spec.endpoint.http,
        dataset=DatasetFile(
            path=dataset,
            format=spec.dataset.format,
            column=spec.dataset.column,
            encoding=spec.dataset.encoding,
            order=spec.dataset.order,
        ),
        load=spec.load,
        stop=StopRules(
            decide=decide,
            thresholds=bounds,
            max_error_percent=float(spec.objectives.max_error_percent),
        ),
        probe_latency=probe.seconds if probe and probe.seconds > 0 else None,
        connect_timeout=min(LONGEST_CONNECT, connect_timeout),
        required_percentiles=[m for m in needed if m in ("p50", "p90", "p95", "p99", "p999")],
        seed=index,
        cover_rows=purpose is Purpose.CONFIRM,
    )


def longest_seconds(config: LoadConfig) -> float:
    """Return the longest a load may take, every extension included: connecting, settling, warm-up, window, drain."""
    load, timeout = config.load, config.endpoint.timeout.seconds
    warmup = max(EXTENSION * load.warmup.seconds, SHORTEST_BOUND)
    return config.connect_timeout + SETTLE_SECONDS + warmup + EXTENSION * load.duration.seconds + 2 * timeout
