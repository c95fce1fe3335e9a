"""What was probably meant by a text that is not a quantity or a duration, for the message that refuses it. Pure."""

from __future__ import annotations

import re

_UNITS = {
    "m": "m",
    "milli": "m",
    "k": "k",
    "kb": "k",
    "ki": "Ki",
    "kib": "Ki",
    "mb": "M",
    "mi": "Mi",
    "mib": "Mi",
    "gb": "G",
    "g": "G",
    "gi": "Gi",
    "gib": "Gi",
    "t": "T",
    "tb": "T",
    "ti": "Ti",
    "tib": "Ti",
    "%": "",
    "cpu": "",
    "cpus": "",
    "core": "",
    "cores": "",
    "b": "",
    "bytes": "",
}
"""Units that people write, in lower case, and how Kubernetes writes them."""

_TIMES = {
    "ms": "ms",
    "msec": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "m": "m",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "h": "h",
    "hr": "h",
    "hour": "h",
    "hours": "h",
}
"""Units of time that people write, in lower case, and how Kubernetes writes them."""

_PLAIN = re.compile(r"\+?([0-9]{1,18}(?:[.,][0-9]{1,9})?)\s*([A-Za-z%]*)")
_DAYS = re.compile(r"([0-9]{1,6})\s*(?:d|day|days)", re.IGNORECASE)
_ISO = re.compile(r"PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?")


def quantity_meant(text: str) -> str:
    """Return how Kubernetes writes the quantity that a text probably means; empty where that is not known."""
    match = _PLAIN.fullmatch(text.strip())
    if match is None:
        return ""
    number, unit = match[1].replace(",", "."), match[2]
    known = _UNITS.get(unit.lower()) if unit else ""
    if known is None:
        return ""
    # GB, and only that, is read in two ways: as a power of ten, or as one of two.
    return f"{number}{known} or {number}{known}i" if unit.lower() in ("kb", "mb", "gb", "tb") else f"{number}{known}"


def duration_meant(text: str) -> str:
    """Return how Kubernetes writes the duration that a text probably means; empty where that is not known."""
    text = text.strip()
    if days := _DAYS.fullmatch(text):
        return f"{24 * int(days[1])}h"
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        return "".join(f"{n}{unit}" for n, unit in zip(iso.groups(), "hms", strict=True) if n)
    parts = _PLAIN.findall(text)
    if not parts or _PLAIN.sub("", text).strip():
        return ""
    if len(parts) == 1 and not parts[0][1]:
        number = parts[0][0].replace(",", ".")
        return f"{number}s or {number}ms"
    units = [_TIMES.get(unit.lower()) for _, unit in parts]
    if None in units:
        return ""
    return "".join(f"{number.replace(',', '.')}{unit}" for (number, _), unit in zip(parts, units, strict=True))
