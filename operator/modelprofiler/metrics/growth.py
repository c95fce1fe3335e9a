"""Whether memory grows with the requests served, and by how much: a straight line, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Student's t, two-sided 95 %, by degrees of freedom (n - 2 for a line). Abramowitz & Stegun, table 26.10.
_T95 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 15: 2.131, 20: 2.086}
_T95_MANY = 2.086

FLAT = 0.01
"""Growth over all requests seen, as a share of memory, below which memory is called flat."""


def growth_per_request(points: Sequence[tuple[float, float]]) -> float | None:
    """Return by how many bytes memory grows with every request.

    Parameters
    ----------
    points
        (requests completed so far, memory in bytes) for each sample, warm-up excluded.

    Returns
    -------
    float or None
        The slope of the least-squares line when its 95 % interval is above zero and it amounts to something; zero
        when the whole interval amounts to nothing; None when the samples (fewer than four, or scattered) cannot tell.
    """
    n = len(points)
    if n < 4:
        return None
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread <= 0 or mean_y <= 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residual = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    margin = _t95(n - 2) * math.sqrt(residual / (n - 2) / spread)
    amounts_to = (points[-1][0] - points[0][0]) / mean_y  # share of memory over all requests seen, per unit of slope
    if slope - margin > 0 and slope * amounts_to >= FLAT:
        return slope
    if (abs(slope) + margin) * amounts_to < FLAT:
        return 0.0
    return None


def _t95(freedom: int) -> float:
    """Return Student's t for so many degrees of freedom, that of the next fewer where the table has a gap."""
    return _T95[max(f for f in _T95 if f <= freedom)] if freedom < max(_T95) else _T95_MANY
