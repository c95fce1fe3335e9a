"""How a report writes numbers: every form of it (text, page, notebook) writes them alike."""

from __future__ import annotations

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import Size

NONE = "–"
"""Stands for a value that was not measured."""


def format_size(size: Size) -> str:
    """Return a size as ``400m CPU, 224Mi memory``."""
    parts = [f"{size.cpu} CPU" if size.cpu is not None else "", f"{size.memory} memory" if size.memory else ""]
    return ", ".join(part for part in parts if part) or "no size"


def format_seconds(seconds: float | None, digits: int = 3) -> str:
    """Return a latency with its unit, to `digits` significant digits; a dash where it is absent."""
    return NONE if seconds is None else str(Duration.of(seconds, digits))


def format_bytes(size: float | None) -> str:
    """Return an amount of memory in MiB, or in GiB where it is a whole number of them or at least ten."""
    if size is None:
        return NONE
    mebibytes = round(size / 2**20)
    if mebibytes and mebibytes % 1024 == 0:
        return f"{mebibytes // 1024}Gi"
    return f"{mebibytes / 1024:.1f}Gi" if mebibytes >= 10240 else f"{mebibytes}Mi"


def format_cpu(cpu: Quantity | None) -> str:
    """Return an amount of CPU in whole millicores or cores, at least one millicore."""
    return NONE if cpu is None else str(Quantity.cpu(max(round(float(cpu) * 1000), 1)))


def format_percent(share: Quantity | None) -> str:
    """Return a percentage to three significant digits."""
    return NONE if share is None else f"{float(share):.3g}%"


def format_duration(seconds: float) -> str:
    """Return a duration as ``4 min 12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def printable(text: str) -> str:
    """Return text without control characters, which could move a terminal's cursor or change its colours.

    Line ends stay. Names and messages in a report come from users and servers.
    """
    return "".join(character for character in text if character.isprintable() or character == "\n")
