"""Numbers on the command line of a benchmark. A number out of range ends in a usage error before anything runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a type for argparse: a whole number from `minimum` to `maximum`."""

    def whole_number(text: str) -> int:
        return int(_within(int(text), minimum, maximum))

    return whole_number


def number(minimum: float, maximum: float) -> Callable[[str], float]:
    """Return a type for argparse: a number from `minimum` to `maximum`."""

    def decimal(text: str) -> float:
        return _within(float(text), minimum, maximum)

    return decimal


def _within(value: float, minimum: float, maximum: float) -> float:
    if not minimum <= value <= maximum:  # NaN is refused as well
        raise argparse.ArgumentTypeError(f"{value:g} is not from {minimum:g} to {maximum:g}")
    return value
