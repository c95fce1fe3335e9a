"""Numbers on the command line of a benchmark. A number out of range ends in a usage error before anything runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count(least: int, most: int) -> Callable[[str], int]:
    """Return a type for argparse: a whole number from `least` to `most`."""

    def whole(text: str) -> int:
        return int(_within(int(text), least, most))

    return whole


def number(least: float, most: float) -> Callable[[str], float]:
    """Return a type for argparse: a number from `least` to `most`."""

    def decimal(text: str) -> float:
        return _within(float(text), least, most)

    return decimal


def _within(value: float, least: float, most: float) -> float:
    if not least <= value <= most:  # nor what is no number
        raise argparse.ArgumentTypeError(f"{value:g} is not from {least:g} to {most:g}")
    return value
