"""Whether answers wait for a delayed acknowledgement rather than for the server's work."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.trial import INCONCLUSIVE, Trial

NOTED_SHARE = 0.05
"""Share of the answers from which it is worth a sentence: it then decides the 95th percentile."""
MOST_CPU_SECONDS = 0.02
"""CPU time of a request up to which a pause of 40 ms within an answer is no work: half of it."""


def delayed_ack_sentence(trials: Sequence[Trial]) -> str:
    """Return that answers come in two parts with an idle pause between them, by the last trial that shows it."""
    for trial in reversed(trials):
        load, usage = trial.load, trial.usage
        if load is None or trial.outcome in INCONCLUSIVE or not load.split_answers or not load.requests:
            continue
        share = min(1.0, load.split_answers / load.requests)
        time = usage.cpu_time_per_request if usage is not None else None
        if share < NOTED_SHARE or time is None or time.seconds > MOST_CPU_SECONDS:
            continue
        return (
            f"In trial {trial.index} the second part of {100 * share:.0f}% of the answers came 40 ms after the first, "
            f"although a request took {time} of CPU time. That is how it looks where a server writes the head and the "
            "body separately and the body waits for a delayed acknowledgement (Nagle's algorithm): write both at once, "
            "or set TCP_NODELAY. No size can fix it."
        )
    return ""
