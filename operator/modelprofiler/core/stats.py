"""Student's t, for intervals from a handful of values."""

from __future__ import annotations

# Two-sided 95 %, by degrees of freedom. Abramowitz & Stegun, table 26.10.
_T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
_T95 |= {15: 2.131, 20: 2.086, 30: 2.042}


def t95(freedom: int) -> float:
    """Return Student's t, two-sided 95 %, for so many degrees of freedom; of the next fewer in a gap of the table."""
    return _T95[max(f for f in _T95 if f <= freedom)]
