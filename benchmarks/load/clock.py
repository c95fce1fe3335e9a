"""Look at the clock and at nothing else for a time, and print the gaps: what the machine itself takes from a process.

python -m benchmarks.load.clock SECONDS
"""

from __future__ import annotations

import json
import sys
from time import monotonic

SHORTEST = 0.0001
"""Gaps shorter than this, in seconds, are left out."""


def gaps(seconds: float) -> list[tuple[float, float]]:
    """Return (begin, end) of each gap between two looks at the monotonic clock."""
    result = []
    last = monotonic()
    end = last + seconds
    while last < end:
        now = monotonic()
        if now - last > SHORTEST:
            result.append((last, now))
        last = now
    return result


if __name__ == "__main__":
    print(json.dumps(gaps(float(sys.argv[1]))))
