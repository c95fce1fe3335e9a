"""A small part of the benchmark, with wide bounds on ratios: what `make bench PART=load-quick` runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.load import cost, honesty, merging
from benchmarks.load.programs import find, stalling

ROUNDS, SETTLE, WINDOW = 2, 0.3, 1.0
STALL_SECONDS = 6
MOST_OF_WRK, MOST_OF_HEY, MOST_OF_AIOHTTP = 2.0, 0.8, 0.4
"""CPU per request over the peer's: 1.4 and 0.5 are to be reached against the first two."""
LEAST_OF_TRUTH, MOST_OF_TRUTH = 0.9, 1.5
"""p99 over the truth: a busy machine delays both ends, and never hides a stall."""


def quick(folder: Path, say: Callable[[str], None]) -> int:
    """Run it; 1 where a bound is broken, 0 where not."""
    missing = cost.missing()
    names = [name for name in cost.QUICK if name not in missing]
    costs_of: dict[str, list[cost.Cost]] = {}
    if find("nginx"):
        costs_of = cost.run(names, ROUNDS, folder, settle=SETTLE, window=WINDOW, say=say)
        print("\n".join(cost.table(costs_of, missing)))
    else:
        print("Left out: CPU per request; nginx is not here and could not be fetched.")
    with stalling(folder / "stalling", every=honesty.EVERY, stall=honesty.STALL) as port:
        (merged,) = merging.run(port, (2,), folder, STALL_SECONDS, say)
    p99 = merged.p99 / (honesty.STALL - 0.01 * honesty.EVERY)
    print(f"Two generators at a server that stalls: p99 is {p99:.2f} of the truth.")
    broken = problems(costs_of, p99, merged)
    print("\n".join(broken or ["The load generator does as it should."]))
    return 1 if broken else 0


def problems(costs_of: Mapping[str, Sequence[cost.Cost]], p99: float, merged: merging.Merged) -> list[str]:
    """Return a sentence for every bound that is broken; peers that are missing break none.

    Parameters
    ----------
    costs_of
        What each client cost.
    p99
        Over the truth.
    merged
        Of two generators.
    """
    ours = costs_of.get(cost.OURS, [])
    broken = []
    for peer, maximum in ((cost.WRK, MOST_OF_WRK), (cost.HEY, MOST_OF_HEY), (cost.AIOHTTP, MOST_OF_AIOHTTP)):
        if ours and costs_of.get(peer) and (ratio := cost.ratio(ours, costs_of[peer])) > maximum:
            broken.append(
                f"No longer so: a request costs at most {maximum:g} times what {peer} takes; it is {ratio:.2f}."
            )
    if not LEAST_OF_TRUTH <= p99 <= MOST_OF_TRUTH:
        broken.append(f"No longer so: p99 is {LEAST_OF_TRUTH:g} to {MOST_OF_TRUTH:g} of the truth; it is {p99:.2f}.")
    if not merged.equal:
        broken.append("No longer so: merged percentiles are those of the raw latencies, within the histogram's error.")
    return broken
