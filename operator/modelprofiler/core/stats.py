"""Statistics of small samples: the interval of a share, Student's t, a line, and how many requests a percentile needs.

Every other module takes these from here, so that the load generator, the judgement of a trial and the search mean the
same by 95 % confidence.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import StatisticsError, linear_regression, mean
from types import MappingProxyType

ERROR_95 = 0.05
"""Probability that a 95 % interval does not contain the truth: what is reported and judged."""
ERROR_99 = 0.01
"""The same for a 99 % interval: what ends a run."""
ERROR_999 = 0.001
"""The same for a 99.9 % interval: what ends a load early, which is asked again and again."""

Z_95 = 1.960
"""Quantile of the standard normal distribution for two-sided 95 %: `NormalDist().inv_cdf(1 - ERROR_95 / 2)`."""
Z_999 = 3.291
"""The same for two-sided 99.9 %: `NormalDist().inv_cdf(1 - ERROR_999 / 2)`."""

PERCENTILES: Mapping[str, float] = MappingProxyType({"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999})
"""Every percentile that is measured, as a share."""


def requests_to_bound(percentile: float) -> int:
    """Return the fewest independent requests of which the slowest bounds a percentile from above, with 95 % confidence.

    All of n requests are below the percentile q with probability qⁿ, which is at most 5 % from n = ln(0.05) / ln(q) on
    (the distribution-free interval from order statistics: David and Nagaraja, Order Statistics, 7.1).

    Parameters
    ----------
    percentile
        As a share, between 0 and 1.
    """
    return math.ceil(math.log(ERROR_95) / math.log(percentile))


FEWEST_FOR_MEDIAN = 10
"""The median could be bounded from above with 5 requests, and on both sides with 6. With ten it is not merely one of a
handful of values: from 9 on, its 95 % interval no longer has to reach from the smallest to the largest of them."""

FEWEST_REQUESTS: Mapping[str, int] = MappingProxyType(
    {
        "mean": 1,
        **{name: max(requests_to_bound(share), FEWEST_FOR_MEDIAN) for name, share in PERCENTILES.items()},
        "max": 1,
    }
)
"""How many requests must complete before a latency metric is reported: p50 10, p90 29, p95 59, p99 299, p999 2,995."""


def wilson(hits: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share; (0, 1) where nothing was counted.

    Wilson (1927), Journal of the American Statistical Association 22, 209-212.

    Parameters
    ----------
    hits, total
        The share is `hits` of `total`.
    z
        Quantile of the normal distribution for the confidence: `Z_95` or `Z_999`.
    """
    if total <= 0:
        return 0.0, 1.0
    share, scale = hits / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    # Exactly 0 and 1 at the ends: a rounding error above 0 would be taken for proof that something failed.
    return 0.0 if hits == 0 else max(centre - half, 0.0), 1.0 if hits == total else min(centre + half, 1.0)


@functools.cache
def student_t(freedom: int, error: float = ERROR_95) -> float:
    """Return the quantile of Student's t that leaves out `error`, half of it on each side; to three decimals.

    The probability within ±t has a closed form for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4,
    in the angle atan(t / √freedom)), which bisection inverts. Three decimals are what printed tables give.

    Parameters
    ----------
    freedom
        Degrees of freedom, at least 1.
    error
        Probability of a value outside ±t: `ERROR_95`, `ERROR_99` or `ERROR_999`.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # halvings, to below the resolution of a double
        middle = (low + high) / 2
        if _within(middle, freedom) < 1 - error:
            low = middle
        else:
            high = middle
    return round(math.sqrt(freedom) * math.tan(low), 3)


def _within(angle: float, freedom: int) -> float:
    """Return the probability of Student's t within ± √freedom × tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@dataclass(frozen=True, slots=True)
class Line:
    """A least-squares line.

    Attributes
    ----------
    slope
        In units of y for each unit of x.
    margin
        Half of the width of the slope's 95 % interval; infinite through two points.
    span
        Distance of the last point from the first, in units of x.
    """

    slope: float
    margin: float
    span: float

    @property
    def low(self) -> float:
        """The lower end of the slope's 95 % interval."""
        return self.slope - self.margin

    @property
    def high(self) -> float:
        """The upper end of the slope's 95 % interval."""
        return self.slope + self.margin

    @property
    def rise(self) -> float:
        """What the line rises by from the first point to the last, in units of y."""
        return self.slope * self.span


def line_through(points: Sequence[tuple[float, float]]) -> Line | None:
    """Return the least-squares line through points (x, y), at least two, in ascending order of x.

    The interval of the slope is that of simple linear regression: Student's t with n - 2 degrees of freedom times the
    standard error √(residual sum of squares / (n - 2) / Σ(x - mean)²).

    Returns
    -------
    Line or None
        None where all points have the same x.
    """
    xs, ys = zip(*points, strict=True)
    try:
        slope, intercept = linear_regression(xs, ys)
    except StatisticsError:
        return None
    freedom = len(points) - 2
    if freedom < 1:
        return Line(slope, math.inf, xs[-1] - xs[0])
    residual = sum((y - intercept - slope * x) ** 2 for x, y in points)
    centre = mean(xs)
    spread = sum((x - centre) ** 2 for x in xs)
    return Line(slope, student_t(freedom) * math.sqrt(residual / freedom / spread), xs[-1] - xs[0])
