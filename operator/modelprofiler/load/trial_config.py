"""The configuration of one trial's load: the same whether a load pod or a process on this machine generates it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelprofiler.api.dataset import Dataset
from modelprofiler.api.load import Load
from modelprofiler.api.quantities import Duration
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Purpose, Trial
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.rows import EXTENSION
from modelprofiler.core.stats import PERCENTILES
from modelprofiler.load.before.probe import SETTLE_SECONDS
from modelprofiler.load.config import DatasetFile, LoadConfig, StopRules
from modelprofiler.load.plan import SHORTEST_WARMUP_BOUND
from modelprofiler.load.rows.format import RowFormat

SHORTEST_SUB_WINDOW = 0.5
"""Seconds: five periods of a CFS quota. A shorter sub-window would show the quota's phase, not the server."""
SUB_WINDOW_REQUESTS = 25
"""Requests of a quick sub-window on average: the 95th percentile of 20 or fewer is their maximum, and a few more make
up for the chance of arrivals."""

LONGEST_CONNECT = 30.0
"""Longest wait, in seconds, until something listens. The server has said before that it is ready, so that this only has
to cover the time until its address works."""


BEYOND_OBJECTIVE = 4.0
"""A first request is waited for this many times as long as an objective allows, so that by how much it is exceeded is
known. Chosen, not fitted."""
READY_SECONDS = 300.0
"""How long a server may take to become ready without an objective for it; chosen for large models on slow disks."""


REFUSED_SECONDS = 60.0
"""How long the first server of a run may refuse requests although it says that it is ready, without an objective for
the first request. One that says that it loads its model, and the servers of later trials, which may have less CPU, get
as long as their start may take. Chosen, not fitted: a Service would send users to it all the while."""


def refusal_timeout(spec: ModelProfileSpec, reference: Trial | None) -> float | None:
    """Return how long a server may refuse the first request, in seconds; None for as long as it may take."""
    return REFUSED_SECONDS if reference is None and spec.objectives.max_first_request is None else None


def first_request_timeout(spec: ModelProfileSpec, ready_timeout: float) -> float:
    """Return how long the first request of a server may take, in seconds.

    That is as long as its start, since either may load the model. An objective for it must be measurable.
    """
    objective = spec.objectives.max_first_request
    return ready_timeout if objective is None else BEYOND_OBJECTIVE * objective.seconds


def load_of_trial(
    spec: ModelProfileSpec,
    *,
    index: int,
    purpose: Purpose,
    decide: bool,
    reference: Trial | None,
    host: str,
    dataset: str,
    ready_timeout: float = READY_SECONDS,
    sub_window: float | None = None,
    rows_are_known: bool = False,
    server_cpus: Iterable[int] = (),
    seconds: float | None = None,
) -> LoadConfig:
    """Return the load of a trial.

    Parameters
    ----------
    spec
        The profile.
    index, purpose
        Of the trial; its index is the seed of the arrivals.
    decide
        Whether the window may end once the verdict is certain.
    reference
        The trial against which slowdown is measured, and whose latency says when a server is idle, once there is one.
    host, dataset
        Address of the server, and path of the file with the rows, as the generator sees them.
    ready_timeout
        How long a server may take to become ready, in seconds. The wait until something listens is at most
        `LONGEST_CONNECT` of it; the first request, which may load the model, may take as long again.
    sub_window
        Length of a sub-window, in seconds; None for the usual second.
    rows_are_known
        Whether every row has passed at this size or a smaller one, so that a Confirm trial need not send all again.
    server_cpus
        CPUs of the server, where they are known.
    seconds
        Length of the window where it is not load.duration; it then does not end because the verdict is certain.
    """
    bounds = latency_bounds(spec, reference)
    return LoadConfig(
        host=host,
        port=spec.endpoint.http.port,
        endpoint=spec.endpoint.http,
        dataset=_dataset_file(spec.dataset, dataset),
        load=_with_window(spec.load, seconds),
        stop=_stop_rules(spec, bounds, decide=decide and seconds is None),
        probe_latency=_probe_latency(reference),
        connect_timeout=min(LONGEST_CONNECT, ready_timeout),
        first_request_timeout=first_request_timeout(spec, ready_timeout),
        refusal_timeout=refusal_timeout(spec, reference),
        required_percentiles=_required_percentiles(spec, bounds),
        sub_window=sub_window,
        seed=index,
        cover_rows=purpose is Purpose.CONFIRM and not rows_are_known,
        heaviest_first=purpose is Purpose.CONFIRM,
        server_cpus=sorted(server_cpus),
    )


def by_one_generator(config: LoadConfig) -> LoadConfig:
    """Return a load that one generator sends as a whole, whatever load.parallelism is."""
    return config.model_copy(update={"load": config.load.model_copy(update={"parallelism": 1})})


def _probe_latency(reference: Trial | None) -> float | None:
    """Return the latency of a single request in the reference trial, in seconds."""
    probe = reference.load.probe if reference and reference.load else None
    return probe.seconds if probe and probe.seconds > 0 else None


def _required_percentiles(spec: ModelProfileSpec, bounds: Mapping[str, float]) -> list[Any]:
    """Return the percentiles that the objectives are about."""
    needed = [*bounds, *(["p95"] if spec.objectives.max_slowdown_percent and not bounds else [])]
    return [metric for metric in needed if metric in PERCENTILES]


def _stop_rules(spec: ModelProfileSpec, bounds: Mapping[str, float], *, decide: bool) -> StopRules:
    percent = float(spec.objectives.max_error_percent)
    return StopRules(decide=decide, thresholds=dict[Any, float](bounds), max_error_percent=percent)


def _with_window(load: Load, seconds: float | None) -> Load:
    """Return a load with a window of this length."""
    return load if seconds is None else load.model_copy(update={"duration": Duration.of(seconds, digits=6)})


def _dataset_file(dataset: Dataset, path: str) -> DatasetFile:
    return DatasetFile(path=path, order=dataset.order, **dict(RowFormat.of(dataset)))


def quick_sub_window(spec: ModelProfileSpec, reference: Trial | None) -> float | None:
    """Return the shortest sub-window that has enough requests for a percentile of its own, in seconds.

    A window may end after ten sub-windows where nothing else (samples of usage) needs a longer one. Returns None where
    the rate is not known, as that of a closed loop before its reference trial.
    """
    open_loop = spec.load.open_loop
    rate = float(open_loop.rate) if open_loop is not None else None
    if rate is None and reference is not None and reference.load is not None:
        rate = float(reference.load.rate)
    return max(SHORTEST_SUB_WINDOW, SUB_WINDOW_REQUESTS / rate) if rate else None


def longest_seconds(config: LoadConfig) -> float:
    """Return the longest time a load may take, every extension included: connect, settle, warm-up, window and drain.

    The wait for other generators counts as well. The first request may take its whole patience.
    """
    meeting = config.rendezvous.patience if config.rendezvous is not None else 0.0
    return usual_seconds(config) + config.first_request_patience + meeting


def usual_seconds(config: LoadConfig) -> float:
    """Return the longest time that a load may take whose first request is answered within the usual timeout."""
    load, timeout = config.load, config.endpoint.timeout.seconds
    warmup = max(EXTENSION * load.warmup.seconds, SHORTEST_WARMUP_BOUND)
    # Two timeouts: one of the single requests before the load, one of the drain.
    return config.connect_timeout + SETTLE_SECONDS + warmup + EXTENSION * load.duration.seconds + 2 * timeout
